"""Keep patterns and votes, and bring the index of answers in line with them.

The tables say what is confirmed. An entry of the index is shown only when a confirmed row
points to it (`vet`), so an entry whose row failed to be written reaches nobody.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bots.grisha.knowledge import OWN_DATASET, PATTERNS
from bots.grisha.learning import rules
from bots.grisha.learning.rules import Candidate
from bots.grisha.learning.tables import AnswerRow, BanRow, PatternRow, Status, VoteRow
from bots.grisha.people import UserChatRow, UserRow
from services.retrieval import DialogueIndex, Exchange, Match
from services.retrieval.spelling import likeness, trigrams, words_of
from services.storage import Database
from services.storage.database import retry_when_unavailable, utc_now
from services.storage.history import MessageRow

MAX_COMPARED = 500  # newest patterns that a new one is compared with
MAX_ALIKE = 30  # people whose nearly equal patterns are counted together
MAX_OWN = 200  # newest patterns of one person that answer their questions


@dataclass(frozen=True, slots=True)
class Stats:
    """What /stats shows of learning."""

    candidates: int
    confirmed: int
    uses: int
    most_used: str | None
    most_uses: int


class Learning:
    """Stores patterns and votes; decides which patterns a user may be shown."""

    def __init__(
        self, database: Database, index: DialogueIndex, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = database
        self._index = index
        self._now = now
        self._deciding = asyncio.Lock()

    # --- learning --------------------------------------------------------------------

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
        if not rules.is_sound(exchange) or not rules.is_safe(exchange, known_names):
            return None
        spelt = trigrams(exchange.answer)
        if any(likeness(spelt, trigrams(answer)) > 0.7 for answer in recent):
            return None
        for match in await self._index.find(exchange.question, 3):
            if match.likeness < self._index.same_question_threshold:
                continue
            if match.source == OWN_DATASET.stem:
                return None  # the shipped answer stays
            if match.source != PATTERNS and likeness(spelt, trigrams(match.answer)) > 0.7:
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
        """Store a candidate as it is; the same exchange is stored once for each author."""
        async with self._database.session() as session:
            same = select(PatternRow.id).filter_by(**exchange._asdict(), author_id=author_id)
            if key := await session.scalar(same.limit(1)):
                return key
            row = PatternRow(
                **exchange._asdict(),
                status=Status.CANDIDATE.value,
                author_id=author_id,
                uses=uses,
                learned_at=learned_at or self._now(),
                by_operator=False,
            )
            session.add(row)
            await session.flush()
            return row.id

    # --- showing ---------------------------------------------------------------------

    @retry_when_unavailable
    async def vet(self, matches: Sequence[Match], user_id: int) -> dict[int, int]:
        """Return pattern ids by index entry, for the entries that `user_id` may be shown.

        What the user voted down they aren't shown again.
        """
        entries = {match.id: match for match in matches if match.source == PATTERNS}
        if not entries:
            return {}
        disliked = select(VoteRow.pattern_id).filter_by(user_id=user_id, value=-1)
        query = (
            select(PatternRow)
            .filter_by(status=Status.CONFIRMED.value)
            .where(PatternRow.entry_id.in_(entries), PatternRow.id.not_in(disliked))
        )
        async with self._database.session() as session:
            rows = list(await session.scalars(query))
        return {
            row.entry_id: row.id
            for row in rows
            if row.entry_id
            and (row.question, row.answer)
            == (entries[row.entry_id].question, entries[row.entry_id].answer)
        }

    @retry_when_unavailable
    async def own(self, user_id: int, question: str) -> PatternRow | None:
        """The answer that this user confirmed for the same question, if any."""
        rejected = (PatternRow.status == Status.REJECTED.value) & PatternRow.by_operator
        query = (
            select(PatternRow)
            .join(VoteRow, VoteRow.pattern_id == PatternRow.id)
            .where(PatternRow.author_id == user_id, VoteRow.user_id == user_id, VoteRow.value > 0)
            .where(~rejected)
            .order_by(PatternRow.id.desc())
            .limit(MAX_OWN)
        )
        if len(question) > rules.MAX_QUESTION:
            return None
        async with self._database.session() as session:
            rows = list(await session.scalars(query))
        return next((row for row in rows if rules.is_same(question, row.question)), None)

    @retry_when_unavailable
    async def shown(self, pattern_id: int, chat_id: int, message_id: int) -> None:
        """Record which message showed a pattern or candidate."""
        async with self._database.session() as session:
            if await session.get(PatternRow, pattern_id):
                await session.merge(
                    AnswerRow(chat_id=chat_id, message_id=message_id, pattern_id=pattern_id)
                )

    @retry_when_unavailable
    async def shown_in(self, chat_id: int, message_id: int) -> int | None:
        """The pattern that a message showed."""
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

    @retry_when_unavailable
    async def used(self, entry_ids: Sequence[int], pattern_ids: Sequence[int] = ()) -> None:
        """Count a use of the patterns with these entries of the index, or these numbers."""
        if not entry_ids and not pattern_ids:
            return
        async with self._database.session() as session:
            if not await self._database.is_new(session):
                return
            await session.execute(
                update(PatternRow)
                .where(or_(PatternRow.entry_id.in_(entry_ids), PatternRow.id.in_(pattern_ids)))
                .values(uses=PatternRow.uses + 1)
            )

    # --- deciding --------------------------------------------------------------------

    async def vote(self, pattern_id: int, user_id: int, value: int) -> Status | None:
        """Count a user's +1, -1 or 0 (taken back); the newest of each user counts."""
        if not await self._store_vote(pattern_id, user_id, value):
            return None
        await self._recount([pattern_id])
        row = await self.get(pattern_id)
        return Status(row.status) if row else None

    @retry_when_unavailable
    async def _store_vote(self, pattern_id: int, user_id: int, value: int) -> bool:
        today = self._now().replace(hour=0, minute=0, second=0, microsecond=0)
        async with self._database.session() as session:
            if await session.get(PatternRow, pattern_id) is None:
                return False
            voter = await session.get(UserRow, user_id)
            counts = voter is not None and voter.first_seen < today
            await session.merge(
                VoteRow(pattern_id=pattern_id, user_id=user_id, value=value, counts=counts)
            )
        return True

    async def ban(self, user_id: int, chat_id: int) -> None:
        """Ignore the votes of a user whom an admin of a group banned or removed."""
        await self._store_ban(user_id, chat_id, banned=True)
        await self._recount(await self._voted_by(user_id))

    async def unban(self, user_id: int, chat_id: int) -> None:
        await self._store_ban(user_id, chat_id, banned=False)
        await self._recount(await self._voted_by(user_id))

    @retry_when_unavailable
    async def _store_ban(self, user_id: int, chat_id: int, *, banned: bool) -> None:
        async with self._database.session() as session:
            if banned:
                await session.merge(BanRow(user_id=user_id, chat_id=chat_id))
            else:
                await session.execute(delete(BanRow).filter_by(user_id=user_id, chat_id=chat_id))

    @retry_when_unavailable
    async def _voted_by(self, user_id: int) -> Sequence[int]:
        async with self._database.session() as session:
            return list(
                await session.scalars(select(VoteRow.pattern_id).filter_by(user_id=user_id))
            )

    async def set_status(self, pattern_id: int, status: Status) -> Status | None:
        """Confirm, reject or put back a pattern as an operator: votes don't change it then."""
        async with self._deciding:
            by_operator = status is not Status.CANDIDATE
            return await self._set_status(pattern_id, status, by_operator=by_operator)

    async def edit(self, pattern_id: int, exchange: Exchange) -> bool:
        """Change the words of a pattern; its status stays."""
        async with self._deciding:
            row = await self.get(pattern_id)
            if row is None:
                return False
            # The votes were for other words: from now on an operator answers for it.
            by_operator = row.by_operator or row.status == Status.CONFIRMED.value
            await self._set_status(pattern_id, Status.CANDIDATE, by_operator=by_operator)
            await self._reword(pattern_id, exchange)
            await self._set_status(pattern_id, Status(row.status), by_operator=by_operator)
        return True

    @retry_when_unavailable
    async def _reword(self, pattern_id: int, exchange: Exchange) -> None:
        async with self._database.session() as session:
            await session.execute(
                update(PatternRow).filter_by(id=pattern_id).values(**exchange._asdict())
            )
            await session.execute(delete(VoteRow).filter_by(pattern_id=pattern_id))

    async def delete(self, pattern_id: int) -> bool:
        """Delete a pattern with its votes; False when there is none."""
        async with self._deciding:
            return bool(await self._delete([pattern_id]))

    async def _set_status(
        self, pattern_id: int, status: Status, *, by_operator: bool
    ) -> Status | None:
        row = await self.get(pattern_id)
        if row is None:
            return None
        new, old = None, row.entry_id
        if status is Status.CONFIRMED and old is None:
            new = await self._index.add(PATTERNS, Exchange(row.question, row.answer))
        keep = status is Status.CONFIRMED
        try:
            found = await self._write_status(
                pattern_id, status, (new or old) if keep else None, by_operator=by_operator
            )
        except BaseException:
            await self._discard([new] if new else [])
            raise
        if not found:  # it was deleted meanwhile
            await self._discard([entry for entry in (new, old) if entry])
            return None
        if old and not keep:
            await self._discard([old])
        return status

    @retry_when_unavailable
    async def _write_status(
        self, pattern_id: int, status: Status, entry: int | None, *, by_operator: bool
    ) -> bool:
        values = {"status": status.value, "entry_id": entry, "by_operator": by_operator}
        changed = update(PatternRow).filter_by(id=pattern_id).values(values)
        async with self._database.session() as session:
            done = await session.scalar(changed.returning(PatternRow.id))
        return done is not None

    async def _discard(self, entries: Sequence[int]) -> None:
        await asyncio.shield(self._index.remove(entries))

    async def _delete(self, pattern_ids: Sequence[int]) -> Sequence[int]:
        """Delete patterns and all that points to them; return those that there were."""
        # Read first: a repeated transaction finds nothing where the first one was committed.
        rows = [row for key in pattern_ids if (row := await self.get(key))]
        entries = {row.entry_id for row in rows if row.entry_id}
        entries |= set(await self._delete_rows(pattern_ids))
        await self._index.remove(sorted(entries))
        return [row.id for row in rows]

    @retry_when_unavailable
    async def _delete_rows(self, pattern_ids: Sequence[int]) -> list[int]:
        """Delete the rows and their entries of the index; return the entries."""
        async with self._database.session() as session:
            gone = delete(PatternRow).where(PatternRow.id.in_(pattern_ids))
            found = list(await session.scalars(gone.returning(PatternRow.entry_id)))
            for table in (VoteRow, AnswerRow):
                await session.execute(delete(table).where(table.pattern_id.in_(pattern_ids)))
            entries = [entry for entry in found if entry]
            await self._index.delete_within(session, entries)
        return entries

    # --- counting votes --------------------------------------------------------------

    async def _recount(self, pattern_ids: Collection[int]) -> None:
        """Bring patterns, and those nearly the same, to the status that the votes give."""
        async with self._deciding:
            candidates = await self._candidates(pattern_ids)
            wanted = await asyncio.to_thread(_count, candidates, pattern_ids)
            for pattern_id, status in wanted.items():
                row = await self.get(pattern_id)
                if row and not row.by_operator and row.status != status.value:
                    await self._set_status(pattern_id, status, by_operator=False)

    @retry_when_unavailable
    async def _candidates(self, pattern_ids: Collection[int]) -> Sequence[Candidate]:
        """The given patterns and the newest of the others, with the votes that count."""
        open_ = (PatternRow.author_id.is_not(None), PatternRow.by_operator.is_(False))
        async with self._database.session() as session:
            rows = {
                row.id: row
                for query in (
                    select(PatternRow).where(*open_, PatternRow.id.in_(pattern_ids)),
                    select(PatternRow)
                    .where(*open_)
                    .order_by(PatternRow.id.desc())
                    .limit(MAX_COMPARED),
                )
                for row in await session.scalars(query)
            }
            votes = list(await session.scalars(select(VoteRow).where(VoteRow.pattern_id.in_(rows))))
            banned = set(await session.scalars(select(BanRow.user_id)))
        counted: defaultdict[int, dict[int, int]] = defaultdict(dict)
        own: dict[int, int] = {}
        for vote in votes:
            if vote.user_id == rows[vote.pattern_id].author_id:
                own[vote.pattern_id] = vote.value
            if vote.counts and vote.user_id not in banned:
                counted[vote.pattern_id][vote.user_id] = vote.value
        return [
            Candidate(
                row.id,
                Exchange(row.question, row.answer),
                row.author_id or 0,
                counted[row.id],
                own.get(row.id, 0),
                row.author_id in banned,
            )
            for row in sorted(rows.values(), key=lambda row: row.id)
        ]

    async def reconcile(self) -> None:
        """Recount what votes confirmed, and mend index and table where they differ.

        Rows confirmed by the rules of an earlier version go back to the candidates.
        """
        confirmed = await self.list(Status.CONFIRMED)
        await self._recount([row.id for row in confirmed if not row.by_operator])
        async with self._deciding:
            entries = await self._index.keys(PATTERNS)
            rows = await self.list(Status.CONFIRMED)
            for row in rows:
                if row.entry_id not in entries:
                    await self._index_again(row)
            kept = {row.entry_id for row in await self.list(Status.CONFIRMED)}
            await self._index.remove(sorted(await self._index.keys(PATTERNS) - kept))

    async def _index_again(self, row: PatternRow) -> None:
        entry = await self._index.add(PATTERNS, Exchange(row.question, row.answer))
        await self._write_status(row.id, Status(row.status), entry, by_operator=row.by_operator)

    # --- looking through -------------------------------------------------------------

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

    async def forget(self, user_id: int) -> None:
        """Delete a user's patterns, confirmed ones too, their votes and bans.

        Patterns that name the user go as well, and candidates from chats where they were:
        an answer to somebody else may repeat what they said.
        """
        async with self._deciding:
            authored, voted = await self._forget_rows(user_id)
            await self._delete(authored)
        await self._recount(voted)

    @retry_when_unavailable
    async def _forget_rows(self, user_id: int) -> tuple[Sequence[int], Sequence[int]]:
        async with self._database.session() as session:
            chats = select(UserChatRow.chat_id).filter_by(user_id=user_id)
            overheard = (
                select(AnswerRow.pattern_id)
                .join(PatternRow, PatternRow.id == AnswerRow.pattern_id)
                .where(AnswerRow.chat_id.in_(chats), PatternRow.status != Status.CONFIRMED.value)
            )
            authored = list(
                await session.scalars(
                    select(PatternRow.id).where(
                        or_(PatternRow.author_id == user_id, PatternRow.id.in_(overheard))
                    )
                )
            )
            user = await session.get(UserRow, user_id)
            written = select(MessageRow.author_name).filter_by(author_id=user_id).distinct()
            names = {
                word for name in await session.scalars(written) for word in words_of(name or "")
            }
            names |= set(words_of(user.name or "")) if user else set()
            authored += await self._naming(session, {name for name in names if len(name) > 2})
            voted = list(
                await session.scalars(select(VoteRow.pattern_id).filter_by(user_id=user_id))
            )
            await session.execute(delete(VoteRow).filter_by(user_id=user_id))
            await session.execute(delete(BanRow).filter_by(user_id=user_id))
            await session.execute(delete(AnswerRow).filter_by(chat_id=user_id))
        return authored, voted

    async def _naming(self, session: AsyncSession, names: set[str]) -> Sequence[int]:
        """Patterns whose question or answer contains one of these names."""
        if not names:
            return []
        rows = await session.execute(select(PatternRow.id, PatternRow.question, PatternRow.answer))
        return [
            row.id for row in rows if not names.isdisjoint(words_of(f"{row.question} {row.answer}"))
        ]

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


def _count(candidates: Sequence[Candidate], changed: Collection[int]) -> dict[int, Status]:
    """The status of the changed candidates and of those nearly the same.

    Of several that say the same the oldest is confirmed, and shown to everybody.
    """
    wanted: dict[int, Status] = {}
    for candidate in candidates:
        if candidate.id not in changed or candidate.id in wanted:
            continue
        alike = _alike(candidate, candidates)
        confirmed = False
        for member in alike:
            status = rules.standing(member, [other for other in alike if member.is_like(other)])
            if status is Status.CONFIRMED and confirmed:
                status = Status.CANDIDATE
            confirmed = confirmed or status is Status.CONFIRMED
            wanted[member.id] = status
    return wanted


def _alike(candidate: Candidate, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
    """The candidate and those nearly the same, one of each author, oldest first."""
    by_author: dict[int, Candidate] = {}
    for other in candidates:
        if other is candidate or candidate.is_like(other):
            known = by_author.get(other.author_id)
            if other is candidate or known is None or (other.supported and not known.supported):
                by_author[other.author_id] = other
        if len(by_author) >= MAX_ALIKE:
            break
    by_author[candidate.author_id] = candidate
    return sorted(by_author.values(), key=lambda each: each.id)
