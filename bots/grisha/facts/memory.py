"""Remember what people tell of themselves, and find it again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from bots.grisha.facts.examples import KindsByExample
from bots.grisha.facts.holding import holding
from bots.grisha.facts.kinds import OTHER, Question, share_root, stems_of
from bots.grisha.facts.reading import Reading, Statement, read
from bots.grisha.facts.recall import MIN_SCORE, Meanings, recall
from bots.grisha.facts.sentences import sentences
from bots.grisha.facts.store import Fact, FactStore
from bots.grisha.facts.words import SHADES
from services.retrieval import Encoder

CONTEXT_SHARE = 0.3  # of the talk before, in the meaning of a fact
MIN_STEMS = 3  # words with a meaning in a sentence of no kind
MAX_TAKEN_BACK = 3  # newest facts that «да какой Стамбул» may take back


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a person in a chat; `question` is what it answers, `before` their last one."""

    person_id: int
    chat_id: int
    message_id: int
    text: str
    said_at: datetime
    question: str = ""
    before: str = ""


class FactMemory:
    """Facts of people, over a store and an encoder (None: found by words only)."""

    def __init__(self, store: FactStore, encoder: Encoder | None) -> None:
        self.store = store
        self._encoder = encoder
        self._kinds = KindsByExample(encoder) if encoder else None

    async def hear(self, said: Said) -> Sequence[int]:
        """Keep what a message tells; an edited message replaces what it told before.

        Returns the ids of the messages whose facts it took back or asked to forget.
        """
        reading = read(said.text, said.question, said.before)
        known = await self.store.of(said.person_id, said.chat_id)
        gone = _unwanted(known, reading, said.message_id)
        unwanted = [fact.id for fact in gone]
        messages = sorted({fact.message_id for fact in gone})
        if reading.statement is None:
            if unwanted:
                await self.store.put([], unwanted)
            return messages
        statement = await self._with_kinds(reading.statement)
        if not is_worth_keeping(statement):
            await self.store.put([], unwanted)
            return messages
        vectors = await self._meanings([statement])
        fact = _fact(said, statement, None if vectors is None else vectors[0])
        await self.store.put([fact], unwanted)
        return messages

    async def told_by(self, said: Said) -> Fact | None:
        """What a message told, if it is still kept."""
        known = await self.store.of(said.person_id, said.chat_id)
        return next((fact for fact in known if fact.message_id == said.message_id), None)

    async def forget_message(self, person_id: int, chat_id: int, message_id: int) -> None:
        """Delete what a message told, as when it is edited or deleted."""
        known = await self.store.of(person_id, chat_id)
        await self.store.put([], [fact.id for fact in known if fact.message_id == message_id])

    async def recall(
        self,
        person_id: int,
        chat_id: int,
        question: str,
        floor: float = MIN_SCORE,
        *,
        strict: bool = False,
    ) -> Sequence[Fact]:
        """At most five facts of a person in a chat that bear on a question, best first.

        The higher the `floor`, the more they have to do with it; `strict` ones answer it.
        """
        facts = await self.store.of(person_id, chat_id)
        if not facts:
            return ()
        meaning = await self._encode([question])
        if meaning is None or self._kinds is None:
            return recall(facts, Question.read(question), floor, strict=strict)
        bare = [fact for fact in facts if fact.vector is None]
        encoded = await self._meanings(bare) if bare else None
        new = iter(() if encoded is None else encoded)
        told = [next(new) if fact.vector is None else fact.vector for fact in facts]
        vectors = np.stack([meaning[0], *told]).astype(np.float32)
        asked = Question.read(question)
        if not self._kinds.ready:
            await asyncio.to_thread(self._kinds.prepare)
        if not asked.kinds:
            asked = replace(asked, kinds=self._kinds.asked(meaning[0]))
        kinds = self._kinds.likeness(vectors[1:], asked.kinds)
        meanings = Meanings(vectors[1:] @ vectors[0], kinds)
        return recall(facts, asked, floor, meanings, strict=strict)

    async def current(self, person_id: int, chat_id: int) -> Sequence[Fact]:
        """The facts of a person in a chat that still hold, oldest first."""
        return holding(await self.store.of(person_id, chat_id))

    async def forget(self, person_id: int) -> None:
        await self.store.forget(person_id)

    async def _with_kinds(self, told: Statement) -> Statement:
        """A statement with the kinds that its clauses resemble."""
        if self._kinds is None or told.about_others or told.kinds & SHADES.keys():
            return told
        clauses = [clause.text for each in sentences(told.text) for clause in each.clauses()]
        resembled = await asyncio.to_thread(self._kinds.of, clauses)
        kinds = (told.kinds | resembled) - {OTHER}
        return replace(told, kinds=kinds or frozenset([OTHER]))

    async def _meanings(self, told: Sequence[Statement | Fact]) -> NDArray[np.float32] | None:
        """Vectors of facts: their own words, and a share of the talk that they answer."""
        vectors = await self._encode([each.text for each in told] + [it.context for it in told])
        if vectors is None:
            return None
        own, context = np.split(vectors, 2)
        shares = np.array([CONTEXT_SHARE * bool(each.context) for each in told])
        mixed = own + shares[:, None] * context
        lengths = np.linalg.norm(mixed, axis=1, keepdims=True)
        return np.asarray(mixed / lengths, np.float32)

    async def _encode(self, texts: Sequence[str]) -> NDArray[np.float32] | None:
        if self._encoder is None:
            return None
        return await asyncio.to_thread(self._encoder.encode, texts)


def is_worth_keeping(told: Statement) -> bool:
    """Small talk isn't: «окно грязное», «красиво сказал», «пойду спать»."""
    vague = frozenset([OTHER]) if "future" not in told.kinds else frozenset(["future", "plans"])
    known = told.kinds - vague or told.relations
    return bool(known or len(stems_of(told.text)) >= MIN_STEMS)


def _unwanted(known: Sequence[Fact], reading: Reading, message_id: int) -> Sequence[Fact]:
    """The facts that a message deletes: by wish, as taken back, or told by it before an edit."""
    rest = [fact for fact in known if fact.message_id != message_id]
    unwanted = [fact for fact in known if fact.message_id == message_id]
    unwanted += [fact for fact in rest if share_root(reading.forgets, stems_of(fact.text))]
    if reading.forgets_last:
        unwanted += rest[-1:]
    if reading.takes_back:
        newest = rest[-MAX_TAKEN_BACK:]
        unwanted += [fact for fact in newest if reading.takes_back & stems_of(fact.text)]
    return unwanted


def _fact(said: Said, statement: Statement, vector: NDArray[np.float32] | None) -> Fact:
    return Fact(
        said.person_id,
        said.chat_id,
        said.message_id,
        said.said_at,
        statement.text,
        statement.kinds,
        statement.context,
        statement.relations,
        statement.about_others,
        vector,
    )
