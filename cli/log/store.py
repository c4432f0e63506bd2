"""Write and read the log.

Each change is a transaction of its own, on disk before the method returns: neither a second
writer nor a kill loses an exchange. Everything here blocks: call it off the event loop.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import Any

from filelock import FileLock

from cli.log.schema import LogTooNew, migrate
from cli.shell import Problem
from cli.words import fold, stem
from services.chat import Message, Usage
from services.timing import Price

BUSY_TIMEOUT = 30.0  # seconds that a writer waits for another one
MAX_WORDS = 32  # of one search


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is about to be asked."""

    tool: str
    backend: str
    model: str
    prompt: str
    system: str | None = None
    role: str = "user"
    talk_id: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an exchange ended."""

    seconds: float
    answer: str = ""
    answered_by: str | None = None
    finish_reason: str | None = None
    error: str | None = None
    first_token: float | None = None
    usage: Usage | None = None
    price: Price | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """One row of the log."""

    id: int
    talk_id: int | None
    tool: str
    backend: str
    model: str
    answered_by: str | None
    role: str
    system: str | None
    prompt: str
    answer: str | None
    finish_reason: str | None
    error: str | None
    started_at: str
    first_token_seconds: float | None
    seconds: float | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    approximate: int | None
    prompt_price: float | None
    completion_price: float | None
    currency: str | None
    price_source: str | None
    cost: float | None


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation; `key` is its name, if it has one."""

    id: int
    key: str | None
    tool: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Filter:
    """Which exchanges are meant; None leaves a condition out."""

    words: str | None = None
    model: str | None = None
    tool: str | None = None
    talk: str | None = None
    since: str | None = None  # a day, YYYY-MM-DD, in local time
    until: str | None = None


_COLUMNS = ", ".join(f"exchange.{field.name}" for field in fields(Exchange))
_TALK_COLUMNS = ", ".join(field.name for field in fields(Talk))


class ExchangeLog:
    """The database; safe to use from several threads and several programs at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = RLock()
        self._connection: sqlite3.Connection | None = None

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    # Writing

    def begin(self, question: Question) -> int:
        """Keep the question before it is sent; return the number of the exchange."""
        with self._change() as connection:
            cursor = connection.execute(
                "INSERT INTO exchange (talk_id, tool, backend, model, role, system, prompt,"
                " started_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(question.talk_id, question.tool, question.backend, question.model),
                    *(question.role, question.system, question.prompt, now()),
                ),
            )
        return int(cursor.lastrowid or 0)

    def finish(self, number: int, outcome: Outcome) -> None:
        """Keep how the exchange ended."""
        usage, price = outcome.usage, outcome.price
        changes: dict[str, Any] = {
            "answer": outcome.answer,
            "answered_by": outcome.answered_by,
            "finish_reason": outcome.finish_reason,
            "error": outcome.error,
            "seconds": outcome.seconds,
            "first_token_seconds": outcome.first_token,
        }
        if usage:
            changes |= {
                "prompt_tokens": usage.prompt_tokens,
                "completion_tokens": usage.completion_tokens,
                "cached_tokens": usage.cached_tokens,
                "approximate": int(usage.approximate),
            }
        if price:
            changes |= {
                "prompt_price": price.prompt,
                "completion_price": price.completion,
                "currency": price.currency,
                "price_source": price.source,
            }
        if price and usage:
            changes["cost"] = price.cost(usage.prompt_tokens, usage.completion_tokens)
        names = ", ".join(f"{name} = ?" for name in changes)
        with self._change() as connection:
            connection.execute(
                f"UPDATE exchange SET {names} WHERE id = ?",  # noqa: S608
                (*changes.values(), number),
            )

    def open_talk(self, tool: str, key: str | None = None) -> Talk:
        """Begin a talk, or return the one that has this key."""
        with self._change() as connection:
            connection.execute(
                "INSERT INTO talk (key, tool, created_at) VALUES (?, ?, ?)"
                " ON CONFLICT (key) DO NOTHING",
                (key, tool, now()),
            )
            row = connection.execute(
                f"SELECT {_TALK_COLUMNS} FROM talk WHERE key = ? "  # noqa: S608
                "OR (? IS NULL AND id = last_insert_rowid())",
                (key, key),
            ).fetchone()
        return Talk(*row)

    def erase(self, numbers: Iterable[int]) -> int:
        """Delete exchanges, and the talks that they leave empty; return how many there were."""
        with self._change() as connection:
            erased = connection.executemany(
                "DELETE FROM exchange WHERE id = ?", [(number,) for number in numbers]
            ).rowcount
            connection.execute(
                "DELETE FROM talk WHERE id NOT IN"
                " (SELECT talk_id FROM exchange WHERE talk_id IS NOT NULL)"
            )
        self._wipe()
        return erased

    def erase_talk(self, key: str) -> None:
        """Delete a talk with all that was said in it."""
        with self._change() as connection:
            connection.execute(
                "DELETE FROM exchange WHERE talk_id IN (SELECT id FROM talk WHERE key = ?)", (key,)
            )
            connection.execute("DELETE FROM talk WHERE key = ?", (key,))
        self._wipe()

    def _wipe(self) -> None:
        """Leave no deleted word in the index of words, nor in the file of recent writes."""
        with self._lock:
            connection = self._connected()
            connection.execute("INSERT INTO words (words) VALUES ('optimize')")
            connection.execute("PRAGMA wal_checkpoint (TRUNCATE)")

    # Reading

    def get(self, number: int) -> Exchange | None:
        return next(self._exchanges("WHERE exchange.id = ?", (number,)), None)

    def find(self, wanted: Filter, limit: int | None = None) -> list[Exchange]:
        """The exchanges that fit: the best match first where words are given, else the latest."""
        joins, conditions, values = _conditions(wanted)
        order = "words.rank, exchange.id DESC" if wanted.words else "exchange.id DESC"
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        bound = "" if limit is None else f" LIMIT {limit}"
        return list(self._exchanges(f"{joins} {where} ORDER BY {order}{bound}", values))

    def usage(self, by: str, wanted: Filter) -> list[tuple[Any, ...]]:
        """Sums by `day`, `model` or `tool`: key, exchanges, failures, tokens, money, estimates."""
        key = {
            "day": "date(exchange.started_at, 'localtime')",
            "model": "coalesce(exchange.answered_by, exchange.model)",
            "tool": "exchange.tool",
        }[by]
        joins, conditions, values = _conditions(wanted)
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        return self._rows(
            f"SELECT {key} AS key, count(*), count(exchange.error),"  # noqa: S608
            " coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0),"
            " coalesce(sum(cost) FILTER (WHERE currency = 'RUB'), 0),"
            " coalesce(sum(cost) FILTER (WHERE currency = 'USD'), 0),"
            " coalesce(max(approximate), 0)"
            f" FROM exchange {joins} {where} GROUP BY key ORDER BY key",
            values,
        )

    def talk(self, key: str) -> Talk | None:
        """The talk of this name."""
        row = self._row(f"SELECT {_TALK_COLUMNS} FROM talk WHERE key = ?", (key,))  # noqa: S608
        return Talk(*row) if row else None

    def last_talk(self, tools: Sequence[str]) -> Talk | None:
        """The talk in which one of these tools was used last."""
        marks = ", ".join("?" * len(tools))
        row = self._row(
            f"SELECT {_TALK_COLUMNS} FROM talk WHERE id = (SELECT talk_id FROM exchange"  # noqa: S608
            f" WHERE talk_id IS NOT NULL AND tool IN ({marks}) ORDER BY id DESC LIMIT 1)",
            tuple(tools),
        )
        return Talk(*row) if row else None

    def last_of(self, talk: Talk) -> Exchange | None:
        """The latest exchange of a talk."""
        where = "WHERE exchange.talk_id = ? ORDER BY exchange.id DESC LIMIT 1"
        return next(self._exchanges(where, (talk.id,)), None)

    def messages(self, talk: Talk) -> list[Message]:
        """What was said in a talk; a question that got no answer is left out."""
        messages: list[Message] = []
        question = None
        for exchange in self._exchanges("WHERE talk_id = ? ORDER BY exchange.id", (talk.id,)):
            if exchange.role == "user":  # else it is the result of a tool that was called
                question = exchange.prompt
            if question is not None and exchange.answer and not exchange.error:
                messages += [Message("user", question), Message("assistant", exchange.answer)]
                question = None
        return messages

    def _exchanges(self, where: str, values: Sequence[Any]) -> Iterator[Exchange]:
        rows = self._rows(f"SELECT {_COLUMNS} FROM exchange {where}", values)  # noqa: S608
        return (Exchange(*row) for row in rows)

    def _rows(self, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._lock, self._explained():
            return self._connected().execute(query, values).fetchall()

    def _row(self, query: str, values: Sequence[Any]) -> tuple[Any, ...] | None:
        return next(iter(self._rows(query, values)), None)

    # The connection

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._explained():
            connection = self._connected()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(FileExistsError):  # a new file is the owner's alone, whatever the umask
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        connection = sqlite3.connect(
            self.path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
        )
        try:
            # To change the journal's mode SQLite doesn't wait for others: one at a time.
            with FileLock(f"{self.path}.lock", timeout=BUSY_TIMEOUT, mode=0o600):
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA foreign_keys = ON")
                connection.execute("PRAGMA secure_delete = ON")
                migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except LogTooNew as error:
            raise Problem(
                f"журнал {self.path} записан более новой версией программы ({error}): обнови её"
            ) from error
        except (sqlite3.Error, OSError) as error:
            raise Problem(
                f"журнал {self.path} не открыть ({error}): освободи место или отложи файл, "
                "а без журнала — LLM_LOG=off"
            ) from error


def _conditions(wanted: Filter) -> tuple[str, list[str], list[str]]:
    """The joins, conditions and values of a filter."""
    joins, conditions, values = "", [], []

    def add(condition: str, value: str | None) -> None:
        if value is not None:
            conditions.append(condition)
            values.append(value)

    if wanted.words is not None:
        joins += " JOIN words ON words.rowid = exchange.id"
    add("words MATCH ?", wanted.words and _query(wanted.words))
    add("instr(lower(coalesce(answered_by, '') || ' ' || model), lower(?))", wanted.model)
    add("exchange.tool = ?", wanted.tool)
    add("talk_id IN (SELECT id FROM talk WHERE talk.key = ?)", wanted.talk)
    add("date(started_at, 'localtime') >= ?", wanted.since)
    add("date(started_at, 'localtime') <= ?", wanted.until)
    return joins, conditions, values


def _query(words: str) -> str:
    """All the words, in any of their endings; «in quotes» exactly."""
    parts = []
    for phrase, word in re.findall(r'["«]([^"«»]+)["»]|(\w+)', fold(words))[:MAX_WORDS]:
        parts.append(f'"{phrase}"' if phrase else f'"{stem(word)}"*')
    return " AND ".join(parts) or '""'


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
