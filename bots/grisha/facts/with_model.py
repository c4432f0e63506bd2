"""Let a model classify facts that the rules couldn't, while nobody waits for it.

The rules keep a person's own words; a model only says what they are about. It is believed when
the words that it names are the person's own.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bots.grisha.facts.kinds import OTHER, stems_of
from bots.grisha.facts.memory import FactMemory, Said
from bots.grisha.facts.store import Fact
from bots.grisha.facts.words import KINDS
from services.chat import ChatModel, FunctionSpec, GenerationOptions, Message
from services.errors import ServiceError

logger = logging.getLogger(__name__)

MAX_WAITING = 50  # messages; the oldest make room
MIN_STEMS = 2  # words with a meaning that are worth a call
NOTHING = "nothing"
SPEAKER = "speaker"
NOTE = FunctionSpec(
    "note",
    "Записать, что человек сообщил о себе.",
    {
        "type": "object",
        "properties": {
            "whose": {"type": "string", "enum": [SPEAKER, "somebody_else", "nobody"]},
            "about": {"type": "string", "enum": [*sorted(KINDS), NOTHING]},
            "words": {"type": "string", "maxLength": 80},
        },
        "required": ["whose", "about", "words"],
    },
)
OPTIONS = GenerationOptions(
    temperature=0, max_tokens=80, functions=(NOTE,), function_call=NOTE.name
)
PROMPT = (
    "Ты разбираешь реплику человека в разговоре. whose — о чьей жизни она: speaker (его самого), "
    "somebody_else или nobody. about — о чём: city — где живёт, work — работа, studies — учёба, "
    "age — возраст, birthday — день рождения, family — семья и отношения, children — дети, "
    "pets — животные, tastes — что любит и чем увлекается, dislikes — чего не любит и боится, "
    "health — здоровье и еда, habits — привычки, спорт и распорядок, languages — языки, "
    "possessions — вещи и жильё, plans — планы, nothing — ничего важного. "
    "words — его слова об этом, дословно."
)


@dataclass(frozen=True, slots=True)
class Note:
    """What a model says that a message is about."""

    about: str
    whose: str
    words: str


def is_open(fact: Fact) -> bool:
    """Whether the rules couldn't say what a fact is about."""
    return fact.kinds == {OTHER} and len(stems_of(fact.text)) >= MIN_STEMS


def believed(fact: Fact, arguments: Any) -> Note | None:
    """A model's note on a fact, if the person's own words bear it out."""
    if not isinstance(arguments, dict):
        return None
    about, whose = str(arguments.get("about", "")), str(arguments.get("whose", ""))
    words = str(arguments.get("words", ""))
    named = stems_of(words)
    if about not in KINDS or whose != SPEAKER or not named or not named <= stems_of(fact.text):
        return None
    return Note(about, whose, words)


class ModelReader:
    """Reads open facts with a model in the background, one at a time, when it is idle.

    `answering` wraps every answer: a reading in progress is given up for it, and begins again
    when no answer is being written.
    """

    def __init__(
        self,
        model: ChatModel,
        memory: FactMemory,
        may_read: Callable[[int], Awaitable[bool]],
    ) -> None:
        self._model = model
        self._memory = memory
        self._may_read = may_read
        self._waiting: deque[Said] = deque(maxlen=MAX_WAITING)
        self._answers = 0
        self._work = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None
        self._person: int | None = None

    @property
    def is_busy(self) -> bool:
        return bool(self._waiting) or self._reading is not None

    def add(self, said: Said) -> None:
        """Read a message when there is time."""
        self._waiting.append(said)
        self._wake()

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[None]:
        """Leave the model to an answer."""
        self._answers += 1
        self._work.clear()
        if self._reading:
            self._reading.cancel()
        try:
            yield
        finally:
            self._answers -= 1
            self._wake()

    async def forget(self, person_id: int) -> None:
        """Read nothing more of a person; returns when nothing of theirs is being read."""
        kept = [said for said in self._waiting if said.person_id != person_id]
        self._waiting.clear()
        self._waiting.extend(kept)
        if self._reading and self._person == person_id:
            self._person = None
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def run(self) -> None:
        """Read what waits, for ever."""
        while True:
            await self._work.wait()
            if not self._waiting:
                self._work.clear()
                continue
            said = self._waiting.popleft()
            self._person = said.person_id
            self._reading = asyncio.create_task(self.read(said))
            try:
                await asyncio.wait([self._reading])
            finally:
                self._reading.cancel()
            if self._reading.cancelled() and self._person == said.person_id:
                self._waiting.appendleft(said)  # it made room for an answer
            elif not self._reading.cancelled() and (error := self._reading.exception()):
                logger.warning("a message wasn't read: %s", type(error).__name__)
            self._reading = self._person = None

    async def read(self, said: Said) -> None:
        """Ask the model what a message tells, if the rules couldn't say."""
        fact = await self._memory.told_by(said)
        if fact is None or not is_open(fact) or not await self._may_read(said.person_id):
            return
        try:
            done = await self._model.complete(_prompt(said, fact), OPTIONS)
        except ServiceError as error:
            logger.info("not read: %s", type(error).__name__)
            return
        call = done.function_call
        note = believed(fact, dict(call.arguments)) if call else None
        if note:
            await self._memory.store.describe(fact, frozenset({note.about}))

    def _wake(self) -> None:
        if self._waiting and not self._answers:
            self._work.set()


def _prompt(said: Said, fact: Fact) -> list[Message]:
    asked = f"Вопрос: {said.question[:200]}\n" if said.question else ""
    return [Message("system", PROMPT), Message("user", f"{asked}Реплика: {fact.text}")]
