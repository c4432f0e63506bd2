"""Templates of prompts: TOML files in the user's folder.

prompt = "Переведи на $lang: $input"
system = "Ты переводчик"
model = "llama3"

[defaults]
lang = "английский"
"""

from __future__ import annotations

import argparse
import string
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli import shell
from cli.log.config import LogSettings
from cli.shell import Problem
from services.backends import BACKENDS
from services.decoding import decode
from services.env import read_settings

INPUT = "input"
_FIELDS: dict[str, type | tuple[type, ...]] = {
    "prompt": str,
    "system": str,
    "model": str,
    "backend": str,
    "schema": str,
    "description": str,
    "temperature": (int, float),
    "max_tokens": int,
    "extract": bool,
    "defaults": dict,
}


class _Text(string.Template):
    idpattern = r"(?:[^\W\d]\w*)"  # Russian names, too


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template; `options` are the command line's options that it sets."""

    name: str
    prompt: str = ""
    system: str = ""
    description: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> list[str]:
        """The names that the texts use, in their order."""
        names = _Text(self.prompt).get_identifiers() + _Text(self.system).get_identifiers()
        return list(dict.fromkeys(names))

    @property
    def takes_input(self) -> bool:
        """Whether the template can't do without the user's text."""
        return not self.prompt or INPUT in self.variables

    def fill(self, text: str, given: Mapping[str, str]) -> tuple[str, str]:
        """The prompt and the system text. Raises Problem for a name without a value."""
        values = {**self.defaults, **given, INPUT: text}
        missing = [name for name in self.variables if name not in values]
        if missing:
            named = " ".join(f"-p {name}=…" for name in missing)
            raise Problem(f"в шаблоне {self.name} не заданы значения, добавь: {named}")
        prompt = _Text(self.prompt).safe_substitute(values)
        if text and INPUT not in self.variables:
            prompt = f"{prompt}\n\n{text}" if prompt else text
        return prompt, _Text(self.system).safe_substitute(values)


def add_options(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("-t", "--template", metavar="ИМЯ", help="взять запрос из шаблона")
    parser.add_argument(
        "-p",
        "--param",
        dest="params",
        action="append",
        default=[],
        metavar="ИМЯ=ЗНАЧЕНИЕ",
        help="переменная шаблона; $input — сам запрос",
    )
    parser.add_argument("--templates", action="store_true", help="показать шаблоны и их папку")


def read_prompt(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Read the prompt into `args`, through the template where one is named.

    The options that the template sets give way to those of the command line.
    """
    if args.template is None:
        if args.params:
            parser.error("-p задаёт переменные шаблона: назови его в -t")
        args.prompt = shell.read_prompt(parser, args.prompt, args.file)
        return
    template = load_template(args.template)
    text = shell.read_prompt(parser, args.prompt, args.file, needed=template.takes_input)
    args.prompt, system = template.fill(text, _pairs(parser, args.params))
    args.system = args.system or system or None
    for name, value in template.options.items():
        given = getattr(args, name, value)
        if given is None or given is False:
            setattr(args, name, value)


def _pairs(parser: argparse.ArgumentParser, params: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for param in params:
        name, equals, value = param.partition("=")
        if not equals or not name.isidentifier():
            parser.error(f"-p {param}: нужно имя=значение")
        pairs[name] = value
    return pairs


def templates_folder() -> Path:
    return read_settings(LogSettings).folder / "templates"


def load_template(name: str) -> Template:
    """Read a template by its name. Raises Problem that says what is wrong with it."""
    folder = templates_folder()
    path = folder / f"{name}.toml"
    if not name or path.parent != folder or not path.is_file():
        known = ", ".join(path.stem for path in _files(folder)) or "пока ни одного"
        raise Problem(f"нет шаблона {name!r} в {folder}; есть: {known}")
    return _read(path)


def list_templates() -> str:
    """The templates with what each is for."""
    folder = templates_folder()
    files = _files(folder)
    if not files:
        return (
            f"Шаблонов пока нет. Создай, например, {folder / 'перевод.toml'}:\n"
            'prompt = "Переведи на $lang: $input"\n[defaults]\nlang = "английский"'
        )
    lines = []
    for path in files:
        try:
            template = _read(path)
        except Problem as error:
            lines.append(f"{path.stem}: {error}")
            continue
        named = " ".join(f"${name}" for name in template.variables)
        about = template.description or " ".join((template.prompt or template.system).split())
        lines.append(f"{path.stem}  {about[:70]}{f'  ({named})' if named else ''}")
    return "\n".join(lines)


def _files(folder: Path) -> Sequence[Path]:
    return sorted(folder.glob("*.toml"))


def _read(path: Path) -> Template:
    try:
        data = tomllib.loads(decode(path.read_bytes()))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Problem(f"шаблон {path} не прочитать: {error}") from error
    for name, value in data.items():
        if name not in _FIELDS:
            raise Problem(f"шаблон {path}: нет поля {name!r}, есть {', '.join(_FIELDS)}")
        kind = _FIELDS[name]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise Problem(f"шаблон {path}: у {name} неподходящее значение {value!r}")
    if data.get("backend", BACKENDS[0]) not in BACKENDS:
        raise Problem(f"шаблон {path}: backend — одно из {', '.join(BACKENDS)}")
    if not data.get("prompt") and not data.get("system"):
        raise Problem(f"шаблон {path}: нужен prompt или system")
    return Template(
        path.stem,
        data.pop("prompt", ""),
        data.pop("system", ""),
        data.pop("description", ""),
        defaults={name: str(value) for name, value in data.pop("defaults", {}).items()},
        options=data,
    )
