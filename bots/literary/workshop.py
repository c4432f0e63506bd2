"""Write versions of one text at several temperatures, and keep the last ones."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from bots.literary.illustration import illustrate
from bots.literary.prompts import (
    CONTINUE,
    DEFAULT_FORM,
    DEFAULT_GENRE,
    DESCRIBE,
    FORMS,
    GENRES,
    PICTURED,
    system_prompt,
)
from bots.literary.temperatures import DEFAULT
from services.chat import ChatModel, Chunk, GenerationOptions, Image, Message
from services.dialogue import room_for
from services.errors import ServiceError
from services.media.pictures import describe
from services.storage import PreferenceStore

LENGTH = 700  # tokens of one version
SAMPLE_LENGTH = 160  # tokens of a sample that only figures are taken of
SAMPLES = 3
KEPT_VERSIONS = 9

_END = object()


@dataclass(frozen=True, slots=True)
class Version:
    """One answer and the temperature that it was written at."""

    temperature: float
    text: str


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user chose; it lasts across restarts."""

    temperatures: tuple[float, ...] = DEFAULT
    form: str = DEFAULT_FORM
    genre: str = DEFAULT_GENRE


@dataclass(frozen=True, slots=True)
class Work:
    """The last prompt, in the form that it was asked in, and its versions so far."""

    prompt: str
    system: str
    versions: tuple[Version, ...] = field(default=())

    @property
    def key(self) -> str:
        """What tells this work's buttons from those of another."""
        return hashlib.sha256(
            f"{self.system}\n{self.prompt}".encode("utf-8", "replace")
        ).hexdigest()[:8]

    def at(self, temperature: float) -> tuple[Version, ...]:
        return tuple(item for item in self.versions if item.temperature == temperature)


class Workshop:
    """Writes versions and remembers each user's last work."""

    def __init__(self, model: ChatModel, preferences: PreferenceStore) -> None:
        self._model = model
        self._preferences = preferences

    async def settings(self, owner_id: int) -> Settings:
        kept = await self._preferences.get(owner_id, "settings", {})
        settings = Settings(**kept)
        return replace(settings, temperatures=tuple(settings.temperatures))

    async def change(self, owner_id: int, **changes: Any) -> Settings:
        """Keep new settings; return what they are now."""
        settings = replace(await self.settings(owner_id), **changes)
        await self._preferences.set(owner_id, "settings", asdict(settings))
        return settings

    async def choose(self, owner_id: int, words: str) -> Settings | None:
        """Keep the forms and genres that are named; None for a word that is neither."""
        chosen: dict[str, str] = {}
        for word in words.casefold().replace(",", " ").split():
            kinds = [kind for kind, names in (("form", FORMS), ("genre", GENRES)) if word in names]
            if not kinds:
                return None
            chosen[kinds[0]] = word
        return await (self.change(owner_id, **chosen) if chosen else self.settings(owner_id))

    async def work(self, owner_id: int) -> Work | None:
        kept = await self._preferences.get(owner_id, "work")
        if kept is None:
            return None
        versions = tuple(Version(**item) for item in kept["versions"])
        return Work(kept["prompt"], kept["system"], versions)

    async def latest(self, owner_id: int, work: Work) -> Work:
        """The same work with the versions that were added while a message waited its turn."""
        now = await self.work(owner_id)
        return now if now and now.prompt == work.prompt else work

    async def begin(self, owner_id: int, prompt: str) -> Work:
        settings = await self.settings(owner_id)
        return Work(prompt, system_prompt(settings.form, settings.genre))

    @property
    def room(self) -> int:
        """Characters of a document that a prompt takes."""
        return room_for(self._model)

    async def with_pictures(self, prompt: str, pictures: Sequence[Image]) -> str:
        """The prompt with what its pictures show, so that later versions know it as well."""
        if not pictures:
            return prompt
        shown = await describe(self._model, pictures, DESCRIBE)
        return f"{prompt}\n\n{PICTURED.format(shown=shown)}"

    async def keep(self, owner_id: int, work: Work) -> Work:
        """Remember the work with its latest versions."""
        work = replace(work, versions=work.versions[-KEPT_VERSIONS:])
        await self._preferences.set(owner_id, "work", asdict(work))
        return work

    async def reset(self, owner_id: int) -> None:
        await self._preferences.set(owner_id, "work", None)

    @asynccontextmanager
    async def writing(
        self, work: Work, temperatures: Sequence[float]
    ) -> AsyncGenerator[list[AsyncGenerator[Chunk, None]], None]:
        """Ask for all versions at once; each stream can be read at leisure, in turn.

        Leaving the block ends what is still being written.
        """
        queues: list[asyncio.Queue[Any]] = [asyncio.Queue() for _ in temperatures]
        tasks = [
            asyncio.create_task(_fill(queue, self._model.stream(*_asked(work, temperature))))
            for queue, temperature in zip(queues, temperatures, strict=True)
        ]
        try:
            yield [_drain(queue) for queue in queues]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def continued(self, work: Work, version: Version) -> AsyncGenerator[Chunk, None]:
        """What comes after `version`, at its own temperature."""
        messages = (
            Message("system", work.system),
            Message("user", work.prompt),
            Message("assistant", version.text),
            Message("user", CONTINUE),
        )
        options = GenerationOptions(temperature=version.temperature, max_tokens=LENGTH)
        return self._model.stream(messages, options)

    async def illustration(self, version: Version) -> bytes:
        """A picture to a version. Raises ServiceError."""
        return await illustrate(self._model, version.text)

    async def samples(
        self, work: Work, temperatures: Sequence[float], count: int = SAMPLES
    ) -> dict[float, list[str]]:
        """`count` short answers at each temperature, all asked at once."""
        asked = [temperature for temperature in temperatures for _ in range(count)]
        completions = await asyncio.gather(
            *(self._model.complete(*_asked(work, value, SAMPLE_LENGTH)) for value in asked)
        )
        texts: dict[float, list[str]] = {temperature: [] for temperature in temperatures}
        for temperature, completion in zip(asked, completions, strict=True):
            texts[temperature].append(completion.text)
        return texts


def _asked(
    work: Work, temperature: float, length: int = LENGTH
) -> tuple[tuple[Message, ...], GenerationOptions]:
    messages = (Message("system", work.system), Message("user", work.prompt))
    return messages, GenerationOptions(temperature=temperature, max_tokens=length)


async def _fill(queue: asyncio.Queue[Any], stream: AsyncGenerator[Chunk, None]) -> None:
    """Copy a stream into a queue, then its end or its error."""
    try:
        async for chunk in stream:
            queue.put_nowait(chunk)
        queue.put_nowait(_END)
    except ServiceError as error:
        queue.put_nowait(error)
    finally:
        await stream.aclose()


async def _drain(queue: asyncio.Queue[Any]) -> AsyncGenerator[Chunk, None]:
    while (item := await queue.get()) is not _END:
        if isinstance(item, ServiceError):
            raise item
        yield item
