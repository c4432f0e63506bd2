"""Who is served when: many answers on one model, step by step, without a thread.

Each step is one pass over a token of every answer that is being written and a portion
of the prompts that are being read; answers join and leave between steps. What
conversations have in common is computed once: a prompt begins with a copy of the
longest beginning that any other one has in memory.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from services.chat import FinishReason, Usage
from services.errors import ServiceError, Timeout, Unavailable
from services.local.kept import KeptCaches, common_prefix, longest_beginning
from services.local.ragged import Piece, RaggedModel, SequenceCache
from services.local.sampling import Sampler
from services.local.text import TextStream

if TYPE_CHECKING:
    import torch

SERVICE = "local"
PORTION = 128  # prompt tokens in a step that others wait for
PORTION_ALONE = 256  # and in one that nobody waits for
TURN = 64  # tokens that an answer may write in a row while others wait for its place
WORTH_WAITING = 32  # common tokens for which to wait till another row has computed them
FIRST_ESTIMATE = 10.0  # seconds an answer takes, before any has been measured

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How many answers are written at once, how many wait, and bytes for keys and values."""

    parallel: int = 8
    queue: int = 32
    kv_bytes: int = 512 << 20


class Listener(Protocol):
    """Hears what becomes of a request; called in the worker's thread."""

    def on_text(self, text: str) -> None: ...

    def on_end(self, reason: FinishReason, tail: str, usage: Usage) -> None: ...

    def on_error(self, error: ServiceError) -> None: ...


@dataclass(slots=True, eq=False)
class Request:
    """One answer to be written.

    `start_by` and `end_by` are moments of `time.monotonic`: for its first token and
    for its last. `owner` tells conversations apart where places are scarce.
    """

    prompt: list[int]
    max_tokens: int
    text: TextStream
    sampler: Sampler
    listener: Listener
    end_tokens: frozenset[int] = frozenset()
    owner: object = None
    start_by: float = float("inf")
    end_by: float = float("inf")
    cancelled: bool = False

    def cancel(self) -> None:
        """Leave at the next step; from any thread."""
        self.cancelled = True


@dataclass(slots=True, eq=False)
class Row:
    """A request and how far it has come; it gets a cache with its first place."""

    request: Request
    cache: SequenceCache | None = None
    reused: int = 0
    written: list[int] = field(default_factory=list)
    turn: int = 0
    began: float = 0.0

    @property
    def unread(self) -> list[int]:
        """What the model hasn't read: the rest of the prompt, or the last token written."""
        read = len(self.cache.tokens) if self.cache else 0
        return self.written[-1:] or self.request.prompt[read:]

    @property
    def capacity(self) -> int:
        return len(self.request.prompt) + self.request.max_tokens

    @property
    def usage(self) -> Usage:
        return Usage(len(self.request.prompt), len(self.written), self.reused)


class Scheduler:
    """Gives places to requests and takes the model from step to step.

    `step` is to be called while there is `load`; all of it belongs to one thread.
    """

    def __init__(self, model: RaggedModel, limits: Limits) -> None:
        self._model = model
        self._limits = limits
        self._kept = KeptCaches()
        self._rows: list[Row] = []
        self._waiting: list[Row] = []
        self.answer_seconds = FIRST_ESTIMATE

    @property
    def load(self) -> int:
        """Requests that are not over."""
        return len(self._rows) + len(self._waiting)

    @property
    def kv_bytes(self) -> int:
        """What keys and values take, of requests and of what is kept."""
        return self._kept.size + self._bytes_at_work()

    def add(self, request: Request) -> None:
        self._waiting.append(Row(request))

    def step(self) -> None:
        """One pass of the model, with those who are there; an error ends only its own request."""
        self._dismiss()
        self._give_places()
        portions = share(self._rows)
        if portions:
            self._advance(portions)

    def end(self, error: Exception) -> None:
        """End every request with an error, and forget what was kept."""
        for row in self._at_work():
            row.cache = None
            self._fail(row, error)
        self._kept.shrink(0)

    def _bytes_at_work(self) -> int:
        return sum(row.cache.size for row in self._at_work() if row.cache is not None)

    def _at_work(self) -> list[Row]:
        return [*self._rows, *self._waiting]

    def _dismiss(self) -> None:
        """Let go of those who left and those whose time is over."""
        now = time.monotonic()
        for row in self._at_work():
            request = row.request
            if request.cancelled:
                self._release(row)
            elif now >= request.end_by or (now >= request.start_by and not row.written):
                self._fail(row, Timeout("no answer in time", service=SERVICE))

    # --- places

    def _give_places(self) -> None:
        if self._waiting and len(self._rows) >= self._limits.parallel:
            self._end_turns()
        while len(self._rows) < self._limits.parallel and (row := self._next()):
            self._waiting.remove(row)
            self._begin(row)

    def _end_turns(self) -> None:
        """Whoever has written for long gives its place up; its cache stays with it."""
        for row in [row for row in self._rows if row.turn >= TURN][: len(self._waiting)]:
            row.turn = 0
            self._rows.remove(row)
            self._waiting.append(row)

    def _next(self) -> Row | None:
        """Who is served next: the earliest of the conversations with the fewest places.

        When one finds no memory, only those pass it that have theirs already: they will free it.
        """
        places = Counter(row.request.owner for row in self._rows)
        crowded = False
        for row in sorted(self._waiting, key=lambda row: places[row.request.owner]):
            if row.cache is not None:
                return row
            if not crowded and not self._better_later(row):
                if self._make_room(row):
                    return row
                crowded = True
        return None

    def _better_later(self, row: Row) -> bool:
        """Whether another row is about to compute a long beginning that this one shares."""
        promised = max(
            (
                common_prefix(row.request.prompt, other.request.prompt)
                for other in self._rows
                if not other.written
            ),
            default=0,
        )
        return promised >= WORTH_WAITING + self._beginning(row)[1]

    def _beginning(self, row: Row) -> tuple[SequenceCache | None, int]:
        at_work = (other.cache for other in self._at_work() if other.cache)
        # The last token is always read anew: its logits choose the first token of the answer.
        return longest_beginning(row.request.prompt[:-1], [*self._kept, *at_work])

    def _make_room(self, row: Row) -> bool:
        """Forget kept sequences until the row's cache fits; False when rows at work take it all."""
        need = row.capacity * self._model.token_bytes
        at_work = self._bytes_at_work()
        left = self._limits.kv_bytes - at_work - need
        if left < 0 and at_work:
            return False
        source, _ = self._beginning(row)
        if source is not None:
            self._kept.touch(source)
        self._kept.shrink(max(left, 0))
        return True

    def _begin(self, row: Row) -> None:
        """Give the row its place, with all that is known of its beginning."""
        self._rows.append(row)
        if row.cache is not None:
            return
        try:
            source, row.reused = self._beginning(row)
            if source is None:
                row.cache = self._model.new_cache(row.capacity)
            else:
                row.cache = source.copy(row.reused, row.capacity)
        except Exception as error:  # noqa: BLE001 - one request's failure stays its own
            self._fail(row, error)
        row.began = time.monotonic()

    # --- one step

    def _advance(self, portions: list[tuple[Row, int]]) -> None:
        """Run the model over the portions; a failure ends only the rows that fail alone, too."""
        asking = [at for at, (row, size) in enumerate(portions) if size == len(row.unread)]
        try:
            pieces = [Piece(row.cache, row.unread[:size]) for row, size in portions if row.cache]
            logits = self._model.forward(pieces, asking)
        except Exception as error:  # noqa: BLE001 - out of memory and the like: the engine goes on
            if len(portions) == 1:
                self._fail(portions[0][0], error)
                return
            logger.warning("a step failed (%s), trying its rows alone", type(error).__name__)
            self._kept.shrink(0)
            for portion in portions:
                self._advance([portion])
            return
        for at, row_logits in zip(asking, logits, strict=True):
            self._write(portions[at][0], row_logits)

    def _write(self, row: Row, logits: torch.Tensor) -> None:
        """Choose the row's next token and tell its text."""
        request = row.request
        try:
            token = request.sampler.choose(logits)
            row.written.append(token)
            row.turn += 1
            text = "" if token in request.end_tokens else request.text.feed(token)
            if token in request.end_tokens or request.text.stopped:
                self._finish(row, "stop", text)
            elif len(row.written) >= request.max_tokens:
                self._finish(row, "length", text)
            elif text:
                request.listener.on_text(text)
        except Exception as error:  # noqa: BLE001 - one request's failure stays its own
            self._fail(row, error)

    def _finish(self, row: Row, reason: FinishReason, text: str) -> None:
        took = time.monotonic() - row.began
        self.answer_seconds += (took - self.answer_seconds) / 8
        self._release(row)
        request = row.request
        request.listener.on_end(reason, text + request.text.finish(), row.usage)

    def _fail(self, row: Row, error: Exception) -> None:
        if not isinstance(error, ServiceError):
            logger.error("a request failed", exc_info=error)
            error = Unavailable(f"the model failed: {type(error).__name__}", service=SERVICE)
            row.cache = None
        self._release(row)
        row.request.listener.on_error(error)

    def _release(self, row: Row) -> None:
        """Free the row's place and keep what it has computed."""
        for rows in (self._rows, self._waiting):
            if row in rows:
                rows.remove(row)
        cache, row.cache = row.cache, None
        if cache is not None:
            self._kept.keep(cache)
            self._kept.shrink(max(0, self._limits.kv_bytes - self._bytes_at_work()))


def share(rows: Sequence[Row]) -> list[tuple[Row, int]]:
    """How many tokens each row reads in the next step.

    Those who write read one; the prompts share a portion evenly, and what
    a short one leaves goes to the longer ones.
    """
    portions = [(row, 1) for row in rows if row.written]
    reading = sorted((row for row in rows if not row.written), key=lambda row: len(row.unread))
    left = PORTION if portions else PORTION_ALONE
    for number, row in enumerate(reading):
        size = min(len(row.unread), max(1, left // (len(reading) - number)))
        portions.append((row, size))
        left -= size
    return portions
