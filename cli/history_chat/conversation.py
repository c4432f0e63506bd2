"""The dialogue itself: what the model hears, what is remembered, when it is summed up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

from cli.attachments import Attached
from cli.history_chat import prompts
from cli.history_chat.facts import Facts
from cli.history_chat.session_file import SAVE_ERRORS, MemoryFile
from cli.history_chat.sessions import Entry, Session
from services.chat import ChatModel, Chunk, Completion, GenerationOptions, Message, Usage
from services.context import fit
from services.errors import BadResponse, ModelLoading, ServiceError
from services.loading import loading_of

TURNS_TO_SUMMARIZE = 5
VERBATIM = 4  # messages, that is two turns, that a summary leaves as they are
CHARACTERS = 60_000  # of dialogue in one request, about a tenth of a large model's context
LOADING_POLL = 0.5  # seconds
SUMMARY_OPTIONS = GenerationOptions(temperature=0.0, max_tokens=600)


def recent(messages: list[Entry]) -> list[Entry]:
    """What is still said verbatim: all since the last summary, and a little before it.

    A question that got no answer is left out: asked again, it would fail again.
    """
    past, present = _split(messages)
    return [*_answered(past)[-VERBATIM:], *_answered(present)]


def _split(messages: list[Entry]) -> tuple[list[Entry], list[Entry]]:
    """What was said up to the last summary, and since."""
    roles = [entry.role for entry in messages]
    end = len(roles) - roles[::-1].index("summary") if "summary" in roles else 0
    return messages[:end], messages[end:]


def _answered(messages: list[Entry]) -> list[Entry]:
    spoken = [entry for entry in messages if entry.role in ("user", "assistant")]
    answered = []
    for question, answer in pairwise(spoken):
        if question.role == "user" and answer.role == "assistant":
            answered += [question, answer]
    return answered


class AnswerView(Protocol):
    """Where an answer appears."""

    def show(self, text: str) -> None:
        """Add a piece of the answer."""
        ...

    def wait(self, progress: float | None) -> None:
        """Say that the model is being loaded; `progress` is 0..1."""
        ...


@dataclass(slots=True)
class Conversation:
    """A session with the model that continues it."""

    model: ChatModel
    memory: MemoryFile
    session: Session
    last_usage: Usage | None = None
    attached: Attached = field(default_factory=Attached)
    facts: Facts | None = None
    known: Sequence[str] = ()

    async def ask(self, question: str, view: AnswerView, model: ChatModel | None = None) -> None:
        """Answer, showing the text as it comes; raises what the model raises.

        `model` answers this question in place of the usual one. The question is kept before
        anything is shown; a cancelled answer as far as it came.
        """
        if self.facts:
            self.known = await self.facts.bearing_on(question)
            await self.facts.hear(question, self._last_answer())
        context = await self.with_files(question)
        self.session.add("user", question)
        saving = asyncio.create_task(self._keep())
        said: list[str] = []
        try:
            async with aclosing(self._chunks(model or self.model, context, view)) as chunks:
                async for chunk in chunks:
                    await asyncio.shield(saving)
                    said.append(chunk.text)
                    view.show(chunk.text)
                    self._finish(chunk.completion)
        except ServiceError:
            said.clear()
            raise
        finally:
            await saving
            if text := "".join(said).strip():
                self.session.add("assistant", text)

    async def _chunks(
        self, model: ChatModel, context: list[Message], view: AnswerView
    ) -> AsyncGenerator[Chunk, None]:
        """The model's answer, once the model is loaded."""
        async with aclosing(loading_of(self.model, LOADING_POLL)) as loading:
            async for progress in loading:
                view.wait(progress)
        while True:
            try:
                async with aclosing(model.stream(context)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                return
            except ModelLoading as loading:
                view.wait(loading.progress)
            await asyncio.sleep(LOADING_POLL)

    def _finish(self, completion: Completion | None) -> None:
        if completion is not None:
            self.last_usage = completion.usage
            self._spend(completion.usage)

    async def _keep(self) -> None:
        """Save, whatever comes of it: the save after the answer tells of a failure."""
        with suppress(*SAVE_ERRORS):
            await self.save()

    def context(self, question: str) -> list[Message]:
        """What the model hears: the summary of what is past, the recent turns, the question."""
        system = prompts.SYSTEM
        if self.session.summary:
            earlier = prompts.EARLIER.format(summary=self.session.summary)
            system = f"{system}\n\n{earlier}"
        if self.known:
            system = f"{system}\n\n{prompts.KNOWN.format(facts='; '.join(self.known))}"
        turns = [_message(entry) for entry in recent(self.session.messages)]
        return fit([Message("system", system), *turns, Message("user", question)], self._room)

    def _last_answer(self) -> str:
        last = self.session.messages[-1:]
        return last[0].content if last and last[0].role == "assistant" else ""

    async def with_files(self, question: str) -> list[Message]:
        """What the model hears, with the files of this session beside the question.

        Pictures go along with one question, documents with all that follow.
        """
        *context, last = self.context(question)
        asked, _ = await self.attached.message(last.content, self.model)
        self.attached.pictures.clear()
        return [*context, asked]

    def is_long(self) -> bool:
        """Whether it is time to sum up."""
        _, present = _split(self.session.messages)
        turns = sum(entry.role == "user" for entry in _answered(present))
        return turns >= TURNS_TO_SUMMARIZE

    async def summarize(self) -> int:
        """Put the past into a short summary; return how many messages it stands for.

        Raises what the model raises; then everything is as it was.
        """
        old = recent(self.session.messages)[:-VERBATIM]
        dialogue = "\n".join(f"{prompts.SPEAKERS[item.role]}: {item.content}" for item in old)
        request = prompts.DIALOGUE.format(
            summary=self.session.summary or prompts.NO_SUMMARY, dialogue=dialogue[-self._room :]
        )
        completion = await self.model.complete(
            [Message("system", prompts.SUMMARIZE), Message("user", request)], SUMMARY_OPTIONS
        )
        self._spend(completion.usage)
        summary = completion.text.strip()
        if not summary:
            raise BadResponse("the summary is empty")
        self.session.add("summary", summary)
        return len(old)

    async def save(self) -> None:
        """Write the session; raises what `MemoryFile.save` does."""
        self.session = await asyncio.to_thread(self.memory.save, self.session)

    @property
    def _room(self) -> int:
        """Characters that a request may have."""
        return min(CHARACTERS, self.model.context_length * 2)

    def _spend(self, usage: Usage | None) -> None:
        if usage is not None:
            self.session.spend(usage.prompt_tokens, usage.completion_tokens)


def _message(entry: Entry) -> Message:
    return Message("assistant" if entry.role == "assistant" else "user", entry.content)
