"""A model whose exchanges are written to the log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from cli import shell
from cli.log.store import ExchangeLog, Outcome, Question
from cli.shell import Problem
from services.chat import (
    DEFAULT_OPTIONS,
    ChatModel,
    Chunk,
    Completion,
    GenerationOptions,
    Message,
    Usage,
)
from services.timing import Price
from services.wrapping import ModelWrapper

T = TypeVar("T")
STOPPED = "stopped"  # the finish reason of an answer that the user stopped


@dataclass(slots=True)
class Recorder:
    """Records the exchanges of one run: their tool, service, model, talk and price."""

    log: ExchangeLog | None
    tool: str
    backend: str
    asked: str | None = None  # the model's name as the user gave it
    talk_id: int | None = None
    price: Price | None = None  # where the model itself knows none
    key: str | None = None  # of the talk that the first question opens
    _told: bool = False

    def follow(self, key: str) -> None:
        """Record what follows in the talk of this key."""
        self.key, self.talk_id = key, None

    async def begin(self, model: str, messages: Sequence[Message]) -> int | None:
        """Keep the question; None without a log, or when that failed, which is told once."""
        log = self.log
        if log is None:
            return None
        last = messages[-1]
        question = Question(
            tool=self.tool,
            backend=self.backend,
            model=self.asked or model,
            prompt=last.content,
            system=messages[0].content if messages[0].role == "system" else None,
            role=last.role,
        )
        return await self._kept(lambda: self._begin(log, question))

    def _begin(self, log: ExchangeLog, question: Question) -> int:
        if self.talk_id is None and self.key:
            self.talk_id = log.open_talk(self.tool, self.key).id
        return log.begin(replace(question, talk_id=self.talk_id))

    async def finish(self, number: int | None, outcome: Outcome) -> None:
        log = self.log
        if number is not None and log is not None:
            outcome = replace(outcome, price=outcome.price or self.price)
            await self._kept(lambda: log.finish(number, outcome))

    async def _kept(self, write: Callable[[], T]) -> T | None:
        try:
            return await asyncio.to_thread(write)
        except Problem as error:  # an answer is worth more than its record
            if not self._told:
                shell.say(shell.describe(error))
            self._told = True
            return None


class RecordedModel(ModelWrapper):
    """Passes everything on to `model`, and records questions and answers."""

    def __init__(self, model: ChatModel, recorder: Recorder) -> None:
        super().__init__(model)
        self._recorder = recorder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)  # price, ready, warm_up: what only some models have

    async def complete(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> Completion:
        record = await _Record.begin(self._recorder, self._model, messages)
        try:
            completion = await self._model.complete(messages, options)
        except BaseException as error:
            await record.fail(error)
            raise
        await record.end(completion)
        return completion

    async def stream(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> AsyncGenerator[Chunk, None]:
        record = await _Record.begin(self._recorder, self._model, messages)
        completion: Completion | None = None
        try:
            async with aclosing(self._model.stream(messages, options)) as stream:
                async for chunk in stream:
                    record.hear(chunk.text)
                    if completion := chunk.completion:
                        await record.end(completion)  # before the reader is told of the end
                    yield chunk
        except BaseException as error:
            if completion is None:
                await record.fail(error)
            raise


class _Record:
    """One exchange while it goes on."""

    def __init__(self, recorder: Recorder, model: ChatModel, number: int | None) -> None:
        self._recorder = recorder
        self._model = model
        self._number = number
        self._started = time.monotonic()
        self._first_token: float | None = None
        self._heard: list[str] = []

    @classmethod
    async def begin(
        cls, recorder: Recorder, model: ChatModel, messages: Sequence[Message]
    ) -> _Record:
        return cls(recorder, model, await recorder.begin(model.name, messages))

    def hear(self, text: str) -> None:
        if text and self._first_token is None:
            self._first_token = time.monotonic() - self._started
        self._heard.append(text)

    async def end(self, completion: Completion) -> None:
        await self._finish(
            answer=completion.text,
            answered_by=completion.model,
            finish_reason=completion.finish_reason,
            usage=completion.usage,
        )

    async def fail(self, error: BaseException) -> None:
        """Keep the answer as far as it came."""
        failed = isinstance(error, Exception)  # a cancellation isn't one
        await self._finish(
            answer="".join(self._heard),
            finish_reason=None if failed else STOPPED,
            error=type(error).__name__ if failed else None,
        )

    async def _finish(
        self,
        answer: str,
        answered_by: str | None = None,
        finish_reason: str | None = None,
        usage: Usage | None = None,
        error: str | None = None,
    ) -> None:
        outcome = Outcome(
            seconds=time.monotonic() - self._started,
            answer=answer,
            answered_by=answered_by,
            finish_reason=finish_reason,
            error=error,
            first_token=self._first_token,
            usage=usage,
            price=getattr(self._model, "price", None),
        )
        await self._recorder.finish(self._number, outcome)
