"""Parse the name of a service's model: `gigachat:GigaChat-2-Max`, `llama3:groq`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import cast

from services.backends import BACKENDS, Backend

_SHORT: dict[str, Backend] = {"hf": "huggingface"}


@dataclass(frozen=True, slots=True)
class Target:
    """A model to ask; `name` is how the user called it, None stands for the settings' model."""

    backend: Backend
    model: str | None
    name: str


def parse_target(name: str, backend: Backend, provider: str | None = None) -> Target:
    """Read `service:model`; without a service before the colon it is one of `backend`.

    A provider is added to a name of Hugging Face that has none.
    """
    head, colon, rest = name.partition(":")
    if colon and (head in BACKENDS or head in _SHORT):
        chosen = _SHORT.get(head) or cast(Backend, head)
        return Target(chosen, with_provider(rest, provider, chosen) or None, name)
    return Target(backend, with_provider(name, provider, backend), name)


def backend_of(args: argparse.Namespace) -> Backend:
    """The service that --backend names."""
    backend: Backend = args.backend or "huggingface"
    return backend


def with_provider(name: str, provider: str | None, backend: Backend) -> str:
    if not provider or backend != "huggingface" or ":" in name:
        return name
    return f"{name}:{provider}"
