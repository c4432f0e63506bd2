"""What the documents name exists: files, anchors, commands, settings."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.env import PROJECT_ROOT
from tests.help_page import PAGE, help_page

PROJECT = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text("utf-8"))["project"]
DOCUMENTS = [
    PROJECT_ROOT / name
    for name in subprocess.check_output(
        ["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=PROJECT_ROOT, text=True
    ).splitlines()
]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_MODULE = re.compile(r"python3? -m ((?:bots|cli|services|benchmarks|playground|tests)[\w.]*)")
_SCRIPT = re.compile(r"python3? (?:\"([^\"]+\.py)\"|([\w/]+\.py))")
_MAKE = re.compile(r"\bmake ([a-z]+)\b")
_FILE = re.compile(
    r"`((?:bots|cli|services|benchmarks|playground|tests|data|docs|deploy)/[^`\s*<…{]+)`"
)


def texts() -> Iterator[tuple[Path, str]]:
    for path in DOCUMENTS:
        yield path, path.read_text("utf-8")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT_ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for link in _LINK.findall(path.read_text("utf-8")):
        if not re.match(r"[a-z]+:", link):
            assert (path.parent / link.partition("#")[0]).exists(), link


def test_commands_exist() -> None:
    makefile = (PROJECT_ROOT / "Makefile").read_text("utf-8")
    for path, text in texts():
        for module in _MODULE.findall(text):
            place = PROJECT_ROOT.joinpath(*module.rstrip(".").split("."))
            assert place.with_suffix(".py").is_file() or (place / "__main__.py").is_file(), (
                f"{path.name}: {module}"
            )
        for quoted, plain in _SCRIPT.findall(text):
            assert (PROJECT_ROOT / (quoted or plain)).is_file(), f"{path.name}: {quoted or plain}"
        for target in _MAKE.findall(text):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{path.name}: make {target}"


def test_files_exist() -> None:
    missing = [
        f"{path.relative_to(PROJECT_ROOT)}: {name}"
        for path, text in texts()
        for name in _FILE.findall(text)
        if not (PROJECT_ROOT / name.partition(":")[0]).exists() and "full_dataset" not in name
    ]
    assert not missing


def test_settings_exist() -> None:
    """A variable that a document tells people to set is one that the program reads."""
    places = (".env.example", "deploy/compose.yaml")
    known = "\n".join((PROJECT_ROOT / place).read_text("utf-8") for place in places)
    for path, text in texts():
        if path.name in ("CHANGELOG.md",) or "decisions" in path.parts:
            continue
        for name in re.findall(r"`([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)(?:=[^`]*)?`", text):
            assert re.search(rf"^{name}=|\${{{name}:", known, re.MULTILINE), f"{path.name}: {name}"


def test_readme_is_short() -> None:
    assert len((PROJECT_ROOT / "README.md").read_bytes()) <= 14_000


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="argparse words its help anew in 3.12+")
def test_help_in_the_docs_is_todays() -> None:
    assert PAGE.read_text("utf-8") == help_page(), "run: make docs"
