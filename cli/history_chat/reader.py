"""Where the user's lines come from: a terminal with line editing, or a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Protocol

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from cli.history_chat import texts


class Reader(Protocol):
    """Gives lines; EOFError when there are no more."""

    async def read(self, prompt: str) -> str: ...

    def recall(self, lines: Iterable[str]) -> None:
        """Offer earlier lines under the up arrow."""
        ...


class PipeReader:
    """Lines of a pipe or a file."""

    async def read(self, prompt: str) -> str:
        # Blocks the event loop, on purpose: in a pipe nothing goes on between questions,
        # and a thread that waits for a line could not be interrupted.
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line.rstrip("\r\n")

    def recall(self, lines: Iterable[str]) -> None:
        return None


class TerminalReader:
    """Line editing, history, completion of commands and several lines in one message."""

    def __init__(self, commands: Mapping[str, str]) -> None:
        self._history = InMemoryHistory()
        self._session: PromptSession[str] = PromptSession(
            history=self._history,
            completer=_CommandCompleter(commands),
            key_bindings=_bindings(),
            multiline=True,
            prompt_continuation=texts.CONTINUATION,
        )

    async def read(self, prompt: str) -> str:
        while True:
            try:
                return await self._session.prompt_async(prompt)
            except KeyboardInterrupt:  # Ctrl-C drops the line, not the program
                continue

    def recall(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._history.append_string(line)


class _CommandCompleter(Completer):
    def __init__(self, commands: Mapping[str, str]) -> None:
        self._commands = commands

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        typed = document.text
        if typed.startswith("/"):
            for name, meaning in self._commands.items():
                if name.startswith(typed):
                    yield Completion(name, -len(typed), display_meta=meaning)


def _bindings() -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("enter")
    def _send(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @bindings.add("escape", "enter")
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return bindings
