"""Where the user's lines come from: a terminal with line editing, or a pipe."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Mapping
from typing import Protocol

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from cli.history_chat import texts
from services.decoding import decode

UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class Reader(Protocol):
    """Gives lines; EOFError when there are no more."""

    async def read(self, prompt: str) -> str: ...

    def recall(self, lines: Iterable[str]) -> None:
        """Offer earlier lines under the up arrow."""
        ...


class PipeReader:
    """Lines of a pipe or a file."""

    def __init__(self) -> None:
        self._wide: io.TextIOWrapper | None = None
        self._begun = False

    async def read(self, prompt: str) -> str:
        # Blocks the event loop, on purpose: in a pipe nothing goes on between questions,
        # and a thread that waits for a line could not be interrupted.
        line = self._line()
        if not line:
            raise EOFError
        return line.rstrip("\r\n")

    def _line(self) -> str:
        """A line in UTF-8, UTF-16 or a Russian code page; each line may have its own."""
        pipe = sys.stdin.buffer
        if not self._begun:
            self._begun = True
            if isinstance(pipe, io.BufferedReader) and pipe.peek(2)[:2] in UTF_16:
                self._wide = io.TextIOWrapper(pipe, "utf-16", errors="replace")
        if self._wide is not None:
            return self._wide.readline()
        line = pipe.readline()
        try:
            return decode(line)
        except UnicodeDecodeError:
            return line.decode(errors="replace")

    def recall(self, lines: Iterable[str]) -> None:
        return None


class TerminalReader:
    """Line editing, history, completion of commands and several lines in one message."""

    def __init__(self, commands: Mapping[str, str]) -> None:
        self._history = InMemoryHistory()
        self._one_more_leaves = False
        self._dropped_empty = False
        self._session: PromptSession[str] = PromptSession(
            history=self._history,
            completer=_CommandCompleter(commands),
            key_bindings=self._bindings(),
            multiline=True,
            prompt_continuation=texts.CONTINUATION,
        )

    async def read(self, prompt: str) -> str:
        while True:
            try:
                line = await self._session.prompt_async(prompt)
            except KeyboardInterrupt:  # Ctrl-C drops the line; at an empty one twice, it leaves
                if self._dropped_empty and self._one_more_leaves:
                    raise EOFError from None
                self._one_more_leaves = self._dropped_empty
                if self._dropped_empty:
                    print(texts.PRESS_AGAIN)
            else:
                self._one_more_leaves = False
                return line

    def stopped(self) -> None:
        """Ctrl-C has just stopped an answer: one more leaves."""
        self._one_more_leaves = True

    def recall(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._history.append_string(line)

    def _bindings(self) -> KeyBindings:
        bindings = KeyBindings()

        @bindings.add("enter")
        def _send(event: KeyPressEvent) -> None:
            event.current_buffer.validate_and_handle()

        @bindings.add("escape", "enter")
        def _new_line(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        @bindings.add("c-c")
        def _drop(event: KeyPressEvent) -> None:
            self._dropped_empty = not event.current_buffer.text
            event.app.exit(exception=KeyboardInterrupt, style="class:aborting")

        return bindings


class _CommandCompleter(Completer):
    def __init__(self, commands: Mapping[str, str]) -> None:
        self._commands = commands

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        typed = document.text
        if typed.startswith("/"):
            for name, meaning in self._commands.items():
                if name.startswith(typed):
                    yield Completion(name, -len(typed), display_meta=meaning)
