"""The parser speaks Russian: every text of argparse that a user can meet is translated."""

from __future__ import annotations

import argparse
import inspect
import re
from pathlib import Path

import pytest

from services.arguments import _TEXTS, Parser, count, number


def parser() -> Parser:
    parser = Parser(prog="проба", description="Проба.")
    parser.add_argument("слово")
    parser.add_argument("--число", type=number)
    parser.add_argument("--сколько", type=count)
    parser.add_argument("--целое", type=int)
    parser.add_argument("--путь", type=Path, nargs="+")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--да", action="store_true")
    group.add_argument("--нет", action="store_true")
    actions = parser.add_subparsers(metavar="ДЕЙСТВИЕ")
    actions.add_parser("петь", help="спеть")
    return parser


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "не хватает: слово"),
        (["а", "--число", "жарко"], "--число: нужно число от 0, а не 'жарко'"),
        (["а", "--число", "nan"], "нужно число от 0"),
        (["а", "--сколько", "0"], "нужно целое число от 1, а не '0'"),
        (["а", "--целое", "x"], "не подходит значение 'x'"),
        (["а", "--целое"], "нужно одно значение"),
        (["а", "--путь"], "нужно хотя бы одно значение"),
        (["а", "--да", "--нет"], "нельзя вместе с --да"),
        (["а", "--да=1"], "значение не нужно: '1'"),
        (["а", "плясать"], "нет варианта 'плясать', выбери из: 'петь'"),
        (["а", "петь", "--громко"], "таких аргументов нет: --громко"),
    ],
)
def test_errors(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        parser().parse_args(words)
    assert exit_.value.code == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.startswith("проба")
    assert "Справка: проба" in err
    assert len(err.splitlines()) == 2


def test_help() -> None:
    text = parser().format_help()
    assert text.startswith("Вызов: проба")
    for title in ("аргументы:", "опции:", "показать эту справку"):
        assert title in text
    assert not re.search(r"usage|options|positional|show this", text)


def test_numbers() -> None:
    assert (number("0,5"), number("2"), count("3")) == (0.5, 2.0, 3)


def test_argparse_still_looks_its_texts_up_so() -> None:
    """A canary: a new Python that words its texts anew shows here which."""
    source = inspect.getsource(argparse)
    lost = [text for text in _TEXTS if repr(text)[1:-1] not in source and text not in source]
    assert [text for text in lost if "parser_name" not in text and "could match" not in text] == []


def test_other_parsers_stay_as_they_are() -> None:
    parser().format_help()
    assert argparse.ArgumentParser(prog="x").format_help().startswith("usage: x")
