"""The rules of the house that no linter knows: who imports whom, which settings exist."""

from __future__ import annotations

import ast
import graphlib
import importlib
import itertools
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bots.registry import BOTS
from services.env import PROJECT_ROOT, EnvSettings

SOURCES = sorted(
    path
    for folder in ("bots", "services", "playground", "cli")
    for path in (PROJECT_ROOT / folder).rglob("*.py")
)
HEAVY = {"torch", "transformers", "accelerate", "gguf", "xllamacpp"}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PROJECT_ROOT)))
def test_doors(path: Path) -> None:
    inside = path.relative_to(PROJECT_ROOT).parts
    for module in imports(path):
        parts = module.split(".")
        if inside[0] == "services":
            assert parts[0] not in ("bots", "cli"), f"{module}: services know no bot"
        if inside[0] == "cli" and parts[0] == "aiogram":
            pytest.fail(f"{module}: Telegram belongs to bots/")
        if parts[0] == "bots" and inside[0] == "bots" and len(inside) > 2 and len(parts) > 1:
            assert parts[1] in (inside[1], "common", "registry", "launch"), (
                f"{module}: a bot knows no other bot"
            )
        if parts[0] in HEAVY:
            assert inside[:2] == ("services", "local"), f"{module}: only services/local loads it"


PLAYGROUND = [path for path in SOURCES if path.is_relative_to(PROJECT_ROOT / "playground")]


@pytest.mark.parametrize("path", PLAYGROUND, ids=lambda path: path.stem)
def test_the_playground_knows_nothing_of_the_house(path: Path) -> None:
    """It could be a project of its own: the standard library, aiohttp, aiogram's types."""
    allowed = {*sys.stdlib_module_names, "playground", "aiohttp", "aiogram"}
    assert {module.split(".")[0] for module in imports(path)} <= allowed


def test_the_playground_has_no_circle() -> None:
    known = {
        ".".join(path.relative_to(PROJECT_ROOT).with_suffix("").parts): path for path in PLAYGROUND
    }
    graph = {
        name: {found for found in imports(path) if found in known} for name, path in known.items()
    }
    tuple(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError


def import_all(declaration: str) -> None:
    """Import every module in which a line matches `declaration`, a regular expression."""
    for path in SOURCES:
        if re.search(declaration, path.read_text("utf-8"), re.MULTILINE):
            importlib.import_module(".".join(path.relative_to(PROJECT_ROOT).with_suffix("").parts))


def all_settings() -> set[str]:
    import_all(r"^class \w+\(\w*Settings\)")
    kinds, queue = set(), [EnvSettings]
    while queue:
        kind = queue.pop()
        kinds.add(kind)
        queue.extend(kind.__subclasses__())
    return {
        str(field.alias)
        for kind in kinds
        if kind.__module__.split(".")[0] != "tests"
        for field in kind.model_fields.values()
    }


def test_env_example_has_every_setting_with_a_comment() -> None:
    lines = (PROJECT_ROOT / ".env.example").read_text("utf-8").splitlines()
    documented = set()
    for before, line in itertools.pairwise(lines):
        if match := re.match(r"([A-Z][A-Z0-9_]*)=$", line):
            documented.add(match[1])
            assert before.startswith("# "), f"{match[1]} has no comment"
    tokens = {name for spec in BOTS for name in spec.token_env}
    assert documented == all_settings() | tokens
