"""Which tools may be called: asked once for each, and asked again when its description changes."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from cli.log.config import LogSettings
from cli.log.consent import at_terminal
from cli.mcp_tools.servers import ServerTool
from cli.plain import clean
from cli.shell import Problem, say
from services.env import read_settings

FILE = "mcp-tools.json"
QUESTION = "Разрешить их модели? [д — все / Н — никакие / названия через пробел] "
_YES = ("д", "да", "y", "yes")
_SHOWN = 160  # characters of a description
_MANY = 12  # tools named in an error


class Consent:
    """Decides about tools: by --mcp-allow, by what was answered before, by asking."""

    def __init__(self, allowed: Sequence[str] = (), *, may_ask: bool | None = None) -> None:
        self._allowed = frozenset(allowed)
        self._may_ask = at_terminal() if may_ask is None else may_ask
        self._path = read_settings(LogSettings).folder / FILE

    def choose(self, tools: Sequence[ServerTool]) -> list[ServerTool]:
        """Those of the tools that may be called. Raises Problem where nobody can be asked."""
        self._check_names(tools)
        named = [tool for tool in tools if self._is_named(tool)]
        if not self._may_ask:
            if tools and not named:
                raise Problem(
                    "ни один инструмент не разрешён, а спросить некого. Назови их: --mcp-allow "
                    + " ".join(f"{tool.server.name}.{tool.name}" for tool in tools[:_MANY])
                )
            return named
        decided = self._read()
        new = [tool for tool in tools if tool not in named and tool.fingerprint not in decided]
        if new:
            for name in dict.fromkeys(tool.server.name for tool in new):
                decided |= self._ask([tool for tool in new if tool.server.name == name])
            self._write(decided)
        return [tool for tool in tools if tool in named or decided.get(tool.fingerprint)]

    def _is_named(self, tool: ServerTool) -> bool:
        return bool(self._allowed & set(_names(tool)))

    def _check_names(self, tools: Sequence[ServerTool]) -> None:
        known = {name for tool in tools for name in _names(tool)}
        if tools and (unknown := sorted(self._allowed - known)):
            raise Problem(f"--mcp-allow: нет такого инструмента: {', '.join(unknown)}")

    def _ask(self, tools: Sequence[ServerTool]) -> dict[str, bool]:
        server = tools[0].server
        say(f"Сервер {clean(server.name)} ({clean(server.place)}) предлагает:")
        for tool in tools:
            words = " ".join(clean(tool.description).split())[:_SHOWN]
            say(f"  {clean(tool.name)}{f' — {words}' if words else ''}")
        print(QUESTION, end="", file=sys.stderr, flush=True)
        answer = _read_line().lower().split()
        if answer and answer[0] in _YES:
            return {tool.fingerprint: True for tool in tools}
        return {tool.fingerprint: tool.name.lower() in answer for tool in tools}

    def _read(self) -> dict[str, bool]:
        try:
            data = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        entries = data.items() if isinstance(data, dict) else ()
        return {key: value for key, value in entries if isinstance(value, bool)}

    def _write(self, decided: dict[str, bool]) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _replace(self._path, json.dumps(decided, indent=1))
        except OSError as error:
            say(f"Выбор не записать ({error.strerror or error}): в другой раз спрошу снова.")
            return
        say(f"Запомнил в {self._path}; удали файл, чтобы выбрать заново.")


def _names(tool: ServerTool) -> tuple[str, str, str]:
    """The names that --mcp-allow may call a tool by."""
    server = tool.server.name
    return server, tool.name, f"{server}.{tool.name}"


def _replace(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text, "utf-8")
    new.replace(path)


def _read_line() -> str:
    """A line from the terminal; Ctrl-C leaves at once, though a loop runs."""
    before: Callable[..., object] | int | None = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )
    try:
        return sys.stdin.readline()
    finally:
        signal.signal(signal.SIGINT, before)
