"""The project as an installer sees it: a wheel, its scripts, and systems that aren't POSIX."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

from services.env import PROJECT_ROOT

PROJECT = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text("utf-8"))["project"]
POSIX_ONLY = ("fcntl", "resource", "pwd", "grp", "termios", "readline")

IMPORT_ALL = """
import importlib, pathlib, sys
for name in {hidden!r}:
    sys.modules[name] = None
for top in ("bots", "services", "playground", "cli"):
    for path in sorted(pathlib.Path(top).rglob("*.py")):
        if " " not in str(path) and "versions" not in path.parts and path.name != "env.py":
            if path.stem != "__main__":
                importlib.import_module(".".join(path.with_suffix("").parts))
"""


def test_every_module_imports_where_posix_modules_are_missing() -> None:
    code = IMPORT_ALL.format(hidden=POSIX_ONLY)
    done = subprocess.run(
        [sys.executable, "-W", "error::ImportWarning", "-c", code],
        cwd=PROJECT_ROOT,
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_the_pins_satisfy_what_the_project_asks_for() -> None:
    """`requirements.txt` installs every package that `pyproject.toml` names."""
    from packaging.requirements import Requirement

    pinned = {}
    for line in (PROJECT_ROOT / "requirements.txt").read_text("utf-8").splitlines():
        if line and not line.startswith(("#", "-")):
            requirement = Requirement(line)
            pinned[requirement.name.lower()] = next(iter(requirement.specifier)).version
    asked = [*PROJECT["dependencies"]]
    for name, extra in PROJECT["optional-dependencies"].items():
        asked += extra if name not in ("demo", "all") else []
    for text in asked:
        requirement = Requirement(text)
        assert requirement.specifier.contains(pinned[requirement.name.lower()]), text


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the built wheel and no extra; its folder of programs."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--wheel-dir", folder, PROJECT_ROOT], check=True, timeout=300
    )
    venv.create(folder / "venv", with_pip=False)
    programs = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    (wheel,) = folder.glob("*.whl")
    pins = folder / "pins.txt"  # constraints can't have extras
    pins.write_text(re.sub(r"\[\w+\]", "", (PROJECT_ROOT / "requirements.txt").read_text("utf-8")))
    subprocess.run(
        [*pip, "--python", programs / "python", "install", "--constraint", pins, wheel],
        check=True,
        timeout=600,
    )
    return programs


@pytest.mark.slow
def test_each_script_of_the_wheel_answers_help(installed: Path, tmp_path: Path) -> None:
    for script in PROJECT["scripts"]:
        done = subprocess.run(
            [installed / script, "--help"],
            cwd=tmp_path,
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"{script}: {done.stderr}"
        assert done.stdout.startswith("Вызов: "), script
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_without_extras_nothing_heavy_is_installed(installed: Path) -> None:
    (packages,) = (installed.parent / "lib").glob("python*/site-packages")
    present = {path.name for path in packages.iterdir()}
    assert not present & {"torch", "transformers", "lightgbm", "xllamacpp", "matplotlib"}
    assert (packages / "services" / "data" / "grisha_persona.txt").is_file()


@pytest.mark.slow
def test_a_bot_says_which_extra_it_needs(installed: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [installed / "bots", "--bot", "real_estate", "--playground", "--backend", "gigachat"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "llm-bots[realty]" in done.stderr
    assert "Traceback" not in done.stderr
