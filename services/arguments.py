"""An argument parser whose help and errors are in Russian.

argparse takes its texts from gettext by English message; `Parser` answers those look-ups
itself while it works, so nothing else in the process changes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

_TEXTS = {
    "usage: ": "Вызов: ",
    "positional arguments": "аргументы",
    "options": "опции",
    "subcommands": "действия",
    "show this help message and exit": "показать эту справку",
    "argument %(argument_name)s: %(message)s": "%(argument_name)s: %(message)s",
    "unrecognized arguments: %s": "таких аргументов нет: %s",
    "not allowed with argument %s": "нельзя вместе с %s",
    "ignored explicit argument %r": "значение не нужно: %r",
    "the following arguments are required: %s": "не хватает: %s",
    "one of the arguments %s is required": "нужно одно из: %s",
    "expected one argument": "нужно одно значение",
    "expected at most one argument": "нужно не больше одного значения",
    "expected at least one argument": "нужно хотя бы одно значение",
    "expected %s argument": "нужно значений: %s",
    "expected %s arguments": "нужно значений: %s",
    "ambiguous option: %(option)s could match %(matches)s": (
        "сокращение %(option)s подходит к нескольким: %(matches)s"
    ),
    "unexpected option string: %s": "такой опции здесь нет: %s",
    "invalid %(type)s value: %(value)r": "не подходит значение %(value)r",
    "invalid choice: %(value)r (choose from %(choices)s)": (
        "нет варианта %(value)r, выбери из: %(choices)s"
    ),
    "unknown parser %(parser_name)r (choices: %(choices)s)": (
        "нет действия %(parser_name)r, выбери из: %(choices)s"
    ),
    "can't open '%(filename)s': %(error)s": "файл '%(filename)s' не открыть: %(error)s",
}


class Parser(argparse.ArgumentParser):
    """ArgumentParser in Russian; keeps the line breaks of its description and epilog.

    `hint` is a line under its errors, besides the one that names --help.
    """

    hint = ""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        with _in_russian():
            super().__init__(**options)

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        with _in_russian():
            return super().parse_known_args(args, namespace)

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        with _in_russian():
            return super().parse_args(args, namespace)

    def format_help(self) -> str:
        with _in_russian():
            return super().format_help()

    def format_usage(self) -> str:
        with _in_russian():
            return super().format_usage()

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where to read more; without the usage, which is long."""
        lines = [f"{self.prog}: {message}", self.hint, f"Справка: {self.prog} --help"]
        self.exit(2, "".join(f"{line}\n" for line in lines if line))


def number(text: str) -> float:
    """A type for arguments: a finite number from 0."""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"нужно число от 0, а не {text!r}")
    return value


def count(text: str) -> int:
    """A type for arguments: a whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"нужно целое число от 1, а не {text!r}")
    return int(text)


def _translate(message: str) -> str:
    return _TEXTS.get(message, message)


def _translate_number(one: str, many: str, number: int) -> str:
    return _translate(one if number == 1 else many)


@contextmanager
def _in_russian() -> Iterator[None]:
    names = {"_": _translate, "ngettext": _translate_number}
    before = {name: getattr(argparse, name) for name in names}
    vars(argparse).update(names)
    try:
        yield
    finally:
        vars(argparse).update(before)
