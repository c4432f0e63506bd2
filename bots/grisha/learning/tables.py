"""The tables of learned answers."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, false, true
from sqlalchemy.orm import Mapped, mapped_column

from services.storage import Base


class Status(StrEnum):
    """Whether a pattern reaches everybody; a candidate reaches its author only."""

    CANDIDATE = "candidate"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


class PatternRow(Base):
    """An exchange. `by_operator`: an operator decided its status, and votes don't change it."""

    __tablename__ = "grisha_patterns"

    id: Mapped[int] = mapped_column(primary_key=True)
    question: Mapped[str]
    answer: Mapped[str]
    status: Mapped[str]
    author_id: Mapped[int | None] = mapped_column(BigInteger)
    uses: Mapped[int] = mapped_column(default=0)
    learned_at: Mapped[datetime]
    entry_id: Mapped[int | None] = mapped_column(index=True)
    by_operator: Mapped[bool] = mapped_column(default=False, server_default=false())


class VoteRow(Base):
    """A user's newest vote. `counts` is false for votes cast on the day they were first seen."""

    __tablename__ = "grisha_votes"

    pattern_id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    value: Mapped[int]
    counts: Mapped[bool] = mapped_column(default=True, server_default=true())


class AnswerRow(Base):
    """Which message showed which pattern, so that a reaction finds it."""

    __tablename__ = "grisha_answers"

    chat_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    message_id: Mapped[int] = mapped_column(primary_key=True)
    pattern_id: Mapped[int]


class BanRow(Base):
    """A user whom an admin of a group banned or removed: their votes don't count."""

    __tablename__ = "grisha_bans"

    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    chat_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
