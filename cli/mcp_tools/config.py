"""The file of MCP servers, in the form that most programs share: {"mcpServers": {...}}."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.shell import Problem
from services.decoding import decode

_VARIABLE = re.compile(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """How to reach one server: a command to start, or an address."""

    name: str
    command: str = ""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: str | None = None
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def place(self) -> str:
        """What the user is asked about: the command line or the address, without secrets."""
        return self.url.partition("?")[0] or " ".join((self.command, *self.args))


def read_servers(path: Path) -> tuple[ServerSpec, ...]:
    """Read the file; those marked as disabled are left out. Raises Problem."""
    try:
        data = json.loads(decode(path.read_bytes()))
    except OSError as error:
        raise Problem(f"файл {path} не прочитать: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise Problem(f"файл {path} — не JSON: проверь скобки и запятые") from error
    servers = data.get("mcpServers", data.get("servers")) if isinstance(data, dict) else None
    if not isinstance(servers, dict) or not servers:
        raise Problem(f'в файле {path} нет серверов: нужно {{"mcpServers": {{"имя": {{…}}}}}}')
    return tuple(
        _spec(name, entry)
        for name, entry in servers.items()
        if not (isinstance(entry, dict) and entry.get("disabled") is True)
    )


def _spec(name: str, entry: Any) -> ServerSpec:
    if not isinstance(entry, dict):
        raise Problem(f"сервер {name}: нужен объект с command или url")
    command, url = _text(name, entry, "command"), _text(name, entry, "url")
    if bool(command) == bool(url):
        raise Problem(f"сервер {name}: нужно одно из двух, command или url")
    if url and not re.match(r"https?://[^\s/]", url):
        raise Problem(f"сервер {name}: url должен начинаться с http:// или https://")
    if url and str(entry.get("type", entry.get("transport", ""))).lower() == "sse":
        raise Problem(f"сервер {name}: прежний вид SSE не поддерживается, нужен streamable HTTP")
    args = entry.get("args", [])
    if not isinstance(args, list) or not all(isinstance(item, str) for item in args):
        raise Problem(f"сервер {name}: args — это список строк")
    return ServerSpec(
        name,
        command,
        tuple(_expanded(name, item) for item in args),
        _texts(name, entry, "env"),
        _text(name, entry, "cwd") or None,
        url,
        _texts(name, entry, "headers"),
    )


def _text(name: str, entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key, "")
    if not isinstance(value, str):
        raise Problem(f"сервер {name}: {key} — это строка")
    return _expanded(name, value)


def _texts(name: str, entry: Mapping[str, Any], key: str) -> dict[str, str]:
    values = entry.get(key, {})
    if not isinstance(values, dict) or not all(isinstance(item, str) for item in values.values()):
        raise Problem(f"сервер {name}: {key} — это объект из строк")
    return {field: _expanded(name, item) for field, item in values.items()}


def _expanded(name: str, text: str) -> str:
    """Put variables in place of ${NAME}, so that keys needn't stand in the file."""

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match[1], match[2])
        if found is None:
            raise Problem(f"сервер {name}: не задана переменная {match[1]}")
        return found

    return _VARIABLE.sub(value, text)
