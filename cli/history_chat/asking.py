"""Ask the model, stop at Ctrl-C, and summarise a long session in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import FrameType
from typing import Any

from cli.history_chat import texts
from cli.history_chat.config import ConsoleSettings
from cli.history_chat.open_session import OpenSession
from cli.history_chat.reader import TerminalReader
from cli.shell import Problem, describe
from services.chat import ChatModel
from services.errors import AuthError, ConfigError, ServiceError
from services.texts import describe_error


class Asking:
    """Shows answers of the open session, and lets Ctrl-C stop them."""

    def __init__(self, open_session: OpenSession, settings: ConsoleSettings) -> None:
        self._open = open_session
        self._screen = open_session.screen
        self._settings = settings
        self._interruptible: asyncio.Task[Any] | None = None
        self._stopping = False
        self._summing_up: asyncio.Task[str] | None = None

    async def ask(self, question: str, model: ChatModel | None = None) -> None:
        """Answer on the screen and save; `model` answers this once in place of the usual one."""
        session = self._open.talk.session
        session.model_name, session.api_base_url = self._open.model.name, self._open.api_base_url
        with self._screen.answer() as view:
            problem = await self.interrupted(self._open.talk.ask(question, view, model))
        await self._open.save()
        if problem:
            self._screen.error(problem)
            return
        self._show_tokens()
        if self._open.talk.is_long():
            self._summing_up = asyncio.create_task(self._summarize())
            if not self._screen.styled:  # a pipe's next line would block it
                await self.finish_summary()

    async def interrupted(self, work: Coroutine[Any, Any, None]) -> str:
        """Do work that Ctrl-C may stop; return what went wrong, for the user."""
        self._interruptible, self._stopping = asyncio.create_task(work), False
        try:
            await self._interruptible
        except asyncio.CancelledError:
            if not isinstance(self._open.reader, TerminalReader):
                return texts.STOPPED
            self._open.reader.stopped()
            return texts.STOPPED_AT_TERMINAL
        except ServiceError as error:
            return explain(error)
        finally:
            self._interruptible = None
        return ""

    def on_interrupt(self, number: int, frame: FrameType | None) -> None:
        """Ctrl-C stops the answer; where it doesn't stop, or nobody can say /exit, the program."""
        task = self._interruptible
        if task is not None and not self._stopping:
            self._stopping = True
            task.get_loop().call_soon_threadsafe(task.cancel)
        elif task is not None or not self._screen.styled:
            raise KeyboardInterrupt

    async def _summarize(self) -> str:
        """Sum up while the user reads and types; return what to tell."""
        try:
            count = await self._open.talk.summarize()
        except ServiceError as error:
            return texts.NOT_SUMMARIZED.format(reason=explain(error))
        await self._open.save()
        return texts.SUMMARIZED.format(count=count)

    async def finish_summary(self) -> None:
        """Wait for a summary that is being written, and tell of it."""
        if self._summing_up is None:
            return
        task, self._summing_up = self._summing_up, None
        self._interruptible, self._stopping = task, False
        try:
            self._screen.note(await task)
        except asyncio.CancelledError:
            self._screen.note(texts.STOPPED)
        finally:
            self._interruptible = None

    def _show_tokens(self) -> None:
        session = self._open.talk.session
        asked, answered = self.last_tokens()
        total = session.total_input_tokens + session.total_output_tokens
        line = texts.TOKENS.format(asked=asked, answered=answered, total=total)
        price = self._settings.price(session.total_input_tokens, session.total_output_tokens)
        if price is not None:
            last = self._settings.price(asked, answered) or 0.0
            line += texts.PRICE.format(last=last, total=price)
        self._screen.note(line)

    def last_tokens(self) -> tuple[int, int]:
        """Tokens of the last question and of its answer."""
        last = self._open.talk.last_usage
        return (last.prompt_tokens, last.completion_tokens) if last else (0, 0)


def explain(error: ServiceError) -> str:
    """What happened and what to do; who sits at the console also mends the settings."""
    if isinstance(error, (ConfigError, AuthError, Problem)):
        return describe(error)
    return describe_error(error, restart="/clear")
