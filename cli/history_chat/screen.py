"""What the user sees: Markdown in a terminal, plain text in a pipe."""

from __future__ import annotations

import pydoc
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.live import Live
from rich.markdown import Markdown
from rich.text import Text

from cli.history_chat import texts
from cli.history_chat.conversation import AnswerView
from cli.plain import clean

REDRAW = 0.08  # seconds between redraws of the block that is being written

_FENCE = re.compile(r"^ {0,3}(```|~~~)", re.MULTILINE)


class Screen:
    """Prints to the console; `styled` when that is a terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self.styled = self._console.is_terminal

    def note(self, text: str) -> None:
        self._print(text, "dim")

    def line(self, text: str) -> None:
        self._print(text)

    def error(self, text: str) -> None:
        self._print(text, "red")

    def page(self, text: str) -> None:
        """A text that may be long; on a terminal that is lower than it, through the pager."""
        if self.styled and text.count("\n") >= self._console.height - 1:
            pydoc.pager(clean(text))
        else:
            self.line(text)

    def markdown(self, text: str) -> None:
        if self.styled:
            self._console.print(Markdown(clean(text)))
        else:
            self.line(text)

    @contextmanager
    def answer(self) -> Iterator[AnswerView]:
        """Where one answer is shown while it comes."""
        view = _Blocks(self._console) if self.styled else _Plain(self._console)
        try:
            yield view
        finally:
            view.close()

    def _print(self, text: str, style: str = "") -> None:
        self._console.print(Text(clean(text), style), soft_wrap=True)


class _Plain:
    """The answer as it comes, letter by letter."""

    def __init__(self, console: Console) -> None:
        self._file = console.file
        self._begun = self._told = False

    def show(self, text: str) -> None:
        self._begun = self._begun or bool(text)
        self._file.write(clean(text))
        self._file.flush()

    def wait(self, progress: float | None) -> None:
        if not self._told:
            self._told = True
            self._file.write(f"{texts.LOADING}…\n")
            self._file.flush()

    def close(self) -> None:
        if self._begun:
            self._file.write("\n")
            self._file.flush()


class _Blocks:
    """Finished blocks of Markdown are printed for good, the last one is redrawn as it grows."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._text = ""
        self._drawn = 0.0
        self._live = self._open(Text(texts.THINKING, "dim"))

    def show(self, text: str) -> None:
        done, self._text = split_blocks(self._text + clean(text))
        if done:
            self._live.stop()
            self._console.print(Markdown(done))
            self._console.print()
            self._live = self._open(Markdown(self._text))
        elif time.monotonic() - self._drawn > REDRAW:
            self._live.update(Markdown(self._text), refresh=True)
            self._drawn = time.monotonic()

    def _open(self, content: RenderableType) -> Live:
        live = Live(content, console=self._console, auto_refresh=False, transient=True)
        live.start(refresh=True)
        return live

    def wait(self, progress: float | None) -> None:
        share = "" if progress is None else f": {round(progress * 100)} %"
        self._live.update(Text(f"{texts.LOADING}{share}…", "dim"), refresh=True)

    def close(self) -> None:
        self._live.stop()
        if self._text.strip():
            self._console.print(Markdown(self._text))


def split_blocks(text: str) -> tuple[str, str]:
    """Cut off the blocks that nothing written later can change: ("done", "rest").

    A block ends at an empty line, but not in fenced code, nor before an indented line
    or a list's next item, which may belong to it.
    """
    for end in reversed([match.start() for match in re.finditer(r"\n\n(?=[^\s\d*+-])", text)]):
        if len(_FENCE.findall(text[:end])) % 2 == 0:
            return text[:end], text[end:].lstrip("\n")
    return "", text
