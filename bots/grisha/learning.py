"""Learned answers: what may be learned, who confirmed it, how often it was of use.

A candidate is an exchange that is worth keeping and safe to repeat to others; it becomes
a pattern, and joins retrieval, when people confirm it; a 👎 takes it back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from sqlalchemy import BigInteger, Select, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from bots.grisha.cleaning import clean_answer
from bots.grisha.knowledge import PATTERNS, is_worth_searching
from bots.grisha.names import is_name
from services.retrieval import DialogueIndex, Exchange
from services.retrieval.spelling import likeness, trigrams, words_of
from services.storage import Base, Database
from services.storage.database import retry_when_unavailable, utc_now

SHORTEST = 15  # letters of an answer worth learning
LONGEST_QUESTION, LONGEST_ANSWER = 300, 700
_UNSURE = ("не знаю", "ошибка", "извини", "повтори", "не понял", "не понимаю", "не помню")
_PERSONAL = re.compile(
    r"""
    \d[\d\s()+.-]{5,}\d                     # phones, cards, documents
    | \S+@\S+ | @\w{3,} | https?:// | www\. | \bt\.me/
    | \b(?:меня|нас|мужа|жену|сына|дочь|маму|папу)\s+зовут\b | \bзови(?:те)?\s+меня\b
    | \bмо(?:й|я|ё|е|и|его|ей|ему|им|их|ю|ём|ем)\b | \bу\s+меня\b | \bнаш(?:а|и|у|ей|его)?\b
    | \bя\s+(?:живу|работаю|учусь|родил\w+|болею|беременна|из|женат|замужем)\b
    | \bмне\s+\d+ | \bпарол\w+ | \bадрес\w* | \bдиагноз\w* | \bул(?:ица|ице|\.)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_CYRILLIC = re.compile(r"[а-яё]", re.IGNORECASE)
_LETTER = re.compile(r"[^\W\d_]")
_THANKS = re.compile(
    r"\W*(?:(?:большое|огромное)\s+)?(?:спасибо|спасибочки|спс|пасиб\w*|благодарю|мерси)"
    r"(?:\s+(?:тебе|большое|огромное|друг|гриш\w*|помог\w*|за\s+\w+))*\W*",
    re.IGNORECASE,
)


class Status(str, Enum):
    """Where a pattern stands."""

    CANDIDATE = "candidate"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Stats:
    """What /stats shows of learning."""

    candidates: int
    confirmed: int
    uses: int
    most_used: str | None
    most_uses: int


class PatternRow(Base):
    __tablename__ = "grisha_patterns"

    id: Mapped[int] = mapped_column(primary_key=True)
    question: Mapped[str]
    answer: Mapped[str]
    status: Mapped[str]
    author_id: Mapped[int | None] = mapped_column(BigInteger)
    uses: Mapped[int] = mapped_column(default=0)
    learned_at: Mapped[datetime]
    entry_id: Mapped[int | None] = mapped_column(index=True)


class VoteRow(Base):
    __tablename__ = "grisha_votes"

    pattern_id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    value: Mapped[int]


class AnswerRow(Base):
    """Which message showed which pattern, so that a reaction finds it."""

    __tablename__ = "grisha_answers"

    chat_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    message_id: Mapped[int] = mapped_column(primary_key=True)
    pattern_id: Mapped[int]


def is_thanks(text: str) -> bool:
    """Whether a message says thank you and nothing else."""
    return bool(_THANKS.fullmatch(text.strip()))


def is_safe(exchange: Exchange, known_names: frozenset[str] = frozenset()) -> bool:
    """Whether strangers may read it: nobody's data, nobody's name, no talk of oneself."""
    for text in exchange:
        if _PERSONAL.search(text):
            return False
    # A name stands in capitals, or is one that somebody gave as theirs.
    for word in re.findall(r"[^\W\d_]+", " ".join(exchange)):
        if word.lower() in ("гриша", "гриш", "гриши", "грише", "гришу", "гришей"):
            continue
        if word.lower() in known_names or (word[0].isupper() and is_name(word)):
            return False
    return True


def is_sound(exchange: Exchange) -> bool:
    """Whether an answer is worth repeating: long enough, sure, in Russian, no garbage."""
    question, answer = exchange
    if not is_worth_searching(question) or len(question) > LONGEST_QUESTION:
        return False
    if not SHORTEST < len(answer) <= LONGEST_ANSWER or answer.endswith(("…", "...")):
        return False
    if any(phrase in answer.lower() for phrase in _UNSURE):
        return False
    if clean_answer(answer) != answer.strip():
        return False
    words, letters = words_of(answer), _LETTER.findall(answer)
    if len(set(words)) * 2 < len(words) or len(words) < 3:
        return False
    if len(_CYRILLIC.findall(answer)) < 0.7 * len(letters):
        return False
    return likeness(trigrams(question), trigrams(answer)) < 0.8  # an echo


class Learning:
    """The store of patterns and its gate to retrieval."""

    def __init__(self, database: Database, index: DialogueIndex) -> None:
        self._database = database
        self._index = index

    async def consider(
        self,
        exchange: Exchange,
        author_id: int | None,
        recent: Sequence[str] = (),
        known_names: frozenset[str] = frozenset(),
    ) -> int | None:
        """Keep an exchange as a candidate if it deserves it; return its number.

        `recent` are the answers just before it: what he says again and again is no find.
        """
        if not is_sound(exchange) or not is_safe(exchange, known_names):
            return None
        spelt = trigrams(exchange.answer)
        if any(likeness(spelt, trigrams(answer)) > 0.7 for answer in recent):
            return None
        for match in await self._index.find(exchange.question, 3):
            alike = likeness(spelt, trigrams(match.answer)) > 0.7
            if match.likeness >= self._index.same_question_threshold and alike:
                return None
        return await self.put(exchange, author_id)

    @retry_when_unavailable
    async def put(
        self,
        exchange: Exchange,
        author_id: int | None = None,
        *,
        uses: int = 0,
        learned_at: datetime | None = None,
    ) -> int:
        """Store a candidate as it is; the same exchange is stored once."""
        async with self._database.session() as session:
            same = select(PatternRow.id).filter_by(**exchange._asdict())
            if key := await session.scalar(same):
                return key
            row = PatternRow(
                **exchange._asdict(),
                status=Status.CANDIDATE.value,
                author_id=author_id,
                uses=uses,
                learned_at=learned_at or utc_now(),
            )
            session.add(row)
            await session.flush()
            return row.id

    @retry_when_unavailable
    async def shown(self, pattern_id: int, chat_id: int, message_id: int) -> None:
        """Note which message showed a pattern or candidate."""
        async with self._database.session() as session:
            await session.merge(
                AnswerRow(chat_id=chat_id, message_id=message_id, pattern_id=pattern_id)
            )

    @retry_when_unavailable
    async def shown_in(self, chat_id: int, message_id: int) -> int | None:
        async with self._database.session() as session:
            row = await session.get(AnswerRow, (chat_id, message_id))
        return row.pattern_id if row else None

    @retry_when_unavailable
    async def last_shown(self, chat_id: int) -> PatternRow | None:
        """The pattern or candidate that the chat saw last."""
        query = (
            select(PatternRow)
            .join(AnswerRow, AnswerRow.pattern_id == PatternRow.id)
            .where(AnswerRow.chat_id == chat_id)
            .order_by(AnswerRow.message_id.desc())
            .limit(1)
        )
        async with self._database.session() as session:
            pattern: PatternRow | None = await session.scalar(query)
        return pattern

    async def vote(self, pattern_id: int, user_id: int, value: int) -> Status | None:
        """Count a user's +1, -1 or 0 (taken back); the newest of each user counts."""
        votes = await self._vote(pattern_id, user_id, value)
        if votes is None:
            return None
        ups, downs = votes.count(1), votes.count(-1)
        if downs and downs >= ups:
            return await self.set_status(pattern_id, Status.REJECTED)
        if ups > downs:
            return await self.set_status(pattern_id, Status.CONFIRMED)
        return await self.set_status(pattern_id, Status.CANDIDATE)

    @retry_when_unavailable
    async def _vote(self, pattern_id: int, user_id: int, value: int) -> Sequence[int] | None:
        """Store a vote; return all votes for the pattern, None if there is no such pattern."""
        async with self._database.session() as session:
            if await session.get(PatternRow, pattern_id) is None:
                return None
            await session.merge(VoteRow(pattern_id=pattern_id, user_id=user_id, value=value))
            await session.flush()
            query = select(VoteRow.value).filter_by(pattern_id=pattern_id)
            return (await session.scalars(query)).all()

    @retry_when_unavailable
    async def _update(self, pattern_id: int, **values: object) -> None:
        async with self._database.session() as session:
            await session.execute(update(PatternRow).filter_by(id=pattern_id).values(**values))

    async def set_status(self, pattern_id: int, status: Status) -> Status | None:
        """Confirm, reject or put back a pattern; retrieval follows at once."""
        row = await self.get(pattern_id)
        if row is None:
            return None
        entry = row.entry_id
        if status is Status.CONFIRMED and entry is None:
            entry = await self._index.add(PATTERNS, Exchange(row.question, row.answer))
        elif status is not Status.CONFIRMED and entry is not None:
            await self._index.remove([entry])
            entry = None
        await self._update(pattern_id, status=status.value, entry_id=entry)
        return status

    async def edit(self, pattern_id: int, exchange: Exchange) -> bool:
        """Change the words of a pattern; its status stays."""
        row = await self.get(pattern_id)
        if row is None:
            return False
        await self.set_status(pattern_id, Status.CANDIDATE)
        await self._update(pattern_id, **exchange._asdict())
        await self.set_status(pattern_id, Status(row.status))
        return True

    async def delete(self, pattern_id: int) -> bool:
        found = await self.set_status(pattern_id, Status.REJECTED)
        await self._delete(pattern_id)
        return found is not None

    @retry_when_unavailable
    async def _delete(self, pattern_id: int) -> None:
        async with self._database.session() as session:
            for table, column in (
                (PatternRow, "id"),
                (VoteRow, "pattern_id"),
                (AnswerRow, "pattern_id"),
            ):
                await session.execute(delete(table).filter_by(**{column: pattern_id}))

    @retry_when_unavailable
    async def used(self, entry_ids: Sequence[int]) -> None:
        """Count a use of the patterns among these entries of the index."""
        async with self._database.session() as session:
            if not await self._database.is_new(session):
                return
            await session.execute(
                update(PatternRow)
                .where(PatternRow.entry_id.in_(entry_ids))
                .values(uses=PatternRow.uses + 1)
            )

    @retry_when_unavailable
    async def of_entry(self, entry_id: int) -> int | None:
        async with self._database.session() as session:
            key: int | None = await session.scalar(
                select(PatternRow.id).filter_by(entry_id=entry_id)
            )
        return key

    @retry_when_unavailable
    async def get(self, pattern_id: int) -> PatternRow | None:
        async with self._database.session() as session:
            return await session.get(PatternRow, pattern_id)

    @retry_when_unavailable
    async def list(self, status: Status | None = None, words: str = "") -> Sequence[PatternRow]:
        """Patterns, the most used first; `words` must stand in question or answer."""
        query: Select[tuple[PatternRow]] = select(PatternRow)
        if status:
            query = query.filter_by(status=status.value)
        query = query.order_by(PatternRow.uses.desc(), PatternRow.id)
        async with self._database.session() as session:
            rows = list(await session.scalars(query))
        wanted = words.lower()
        return [row for row in rows if wanted in f"{row.question}\n{row.answer}".lower()]

    @retry_when_unavailable
    async def forget(self, user_id: int) -> None:
        """Drop a user's candidates and votes; confirmed patterns lose their author."""
        async with self._database.session() as session:
            await session.execute(
                delete(PatternRow)
                .filter_by(author_id=user_id)
                .where(PatternRow.status != Status.CONFIRMED.value)
            )
            await session.execute(
                update(PatternRow).filter_by(author_id=user_id).values(author_id=None)
            )
            await session.execute(delete(VoteRow).filter_by(user_id=user_id))

    async def stats(self) -> Stats:
        rows = await self.list()
        confirmed = [row for row in rows if row.status == Status.CONFIRMED.value]
        best = confirmed[0] if confirmed and confirmed[0].uses else None
        return Stats(
            sum(row.status == Status.CANDIDATE.value for row in rows),
            len(confirmed),
            sum(row.uses for row in rows),
            best.question if best else None,
            best.uses if best else 0,
        )
