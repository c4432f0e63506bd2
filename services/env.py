"""Settings come from the environment and `.env`, and are read only at the edge.

Every service has its own frozen settings class in its `config.py`, derived from
`EnvSettings`; `.env.example` comments every key, and a test compares the two.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from dotenv import load_dotenv
from platformdirs import user_data_path
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.errors import ConfigError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

PROJECT_ROOT = Path(__file__).resolve().parent.parent
IN_CHECKOUT = (PROJECT_ROOT / "pyproject.toml").is_file()
SHIPPED_DATA = PROJECT_ROOT / "data" if IN_CHECKOUT else Path(__file__).parent / "data"
# An installed package neither reads nor writes beside itself.
WORK_DIR = PROJECT_ROOT if IN_CHECKOUT else Path.cwd()
ENV_FILE = WORK_DIR / ".env"
STATE_DIR = PROJECT_ROOT / "var" if IN_CHECKOUT else user_data_path("llm-bots", appauthor=False)
# How the names of what we keep in DATA_DIR begin.
OUR_FILES = ("bots.sqlite3", "playground", "models", "valuation")


class EnvSettings(BaseSettings):
    """A frozen group of settings; each field's alias is its environment variable."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
        hide_input_in_errors=True,
    )


S = TypeVar("S", bound=EnvSettings)


def load_env() -> None:
    """Put `.env` into the environment; what is set there already wins."""
    load_dotenv(ENV_FILE)


def keep_files_private() -> None:
    """Let nobody but the owner read what this process writes, whatever the umask was."""
    os.umask(0o077)


def make_private_folder(folder: Path) -> None:
    """Create a folder for run-time state, 0700; close one that an older version left open.

    A folder that holds other things, such as /tmp, keeps its mode: only our files are closed.
    """
    fresh = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    ours = [path for path in folder.iterdir() if path.name.startswith(OUR_FILES)]
    if fresh or len(ours) == len(list(folder.iterdir())) or folder.name == "var":
        _restrict(folder, 0o700)
    for path in ours:
        _restrict(path, 0o700 if path.is_dir() else 0o600)


def _restrict(path: Path, mode: int) -> None:
    # Another user's file, or a file system without modes, is left as it is.
    with suppress(OSError):
        if not path.is_symlink():
            path.chmod(mode)


def read_settings(kind: type[S]) -> S:
    """Read a group of settings; raise ConfigError that names the wrong variable."""
    try:
        return kind()
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {_problem(item)}" for item in error.errors()
        )
        raise ConfigError(f"{problems} (см. .env.example)") from None


# By pydantic's type of the error; the fields are those of its context.
_PROBLEMS = {
    "bool_parsing": "нужно true или false",
    "float_parsing": "нужно число",
    "int_from_float": "нужно целое число",
    "int_parsing": "нужно целое число",
    "greater_than": "нужно больше {gt}",
    "greater_than_equal": "нужно не меньше {ge}",
    "less_than": "нужно меньше {lt}",
    "less_than_equal": "нужно не больше {le}",
    "literal_error": "нужно одно из: {expected}",
    "string_pattern_mismatch": "не подходит под {pattern}",
    "url_parsing": "это не адрес",
}


def _problem(error: ErrorDetails) -> str:
    """What is wrong with a value; the value itself may be a secret."""
    text = _PROBLEMS.get(error["type"])
    if text is None:
        return error["msg"].removeprefix("Value error, ")
    return text.format(**error.get("ctx", {})).replace("' or '", "', '")


def missing(variable: str) -> ConfigError:
    """The error for a setting that is needed and not there."""
    return ConfigError(f"{variable} не задан: скопируй .env.example в .env и заполни его")
