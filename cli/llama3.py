"""Llama 3's own tokenizer and chat templates, offline: what a prompt costs before it is sent.

The tokenizer is Meta's `tokenizer.model` (Llama 3 Community License). It isn't shipped
here: `fetch_tokenizer` takes it from the wheel of llama-models on PyPI, once, and checks
its hash. The wheel isn't installed: it would put a package named `models` into place.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import tiktoken

from cli.shell import Problem
from services.chat import Message
from services.chat_completions.wire import approximate_tokens
from services.errors import ConfigError

SETUP = "python -m cli.hf_llama3_openai --setup"
WHEEL = "llama-models==0.3.0"
MEMBER = "llama_models/llama3/tokenizer.model"
SHA256 = "82e9d31979e92ab929cd544440f129d9ecd797b69e327f80f17e1c50d5551b55"
FETCH_TIMEOUT = 300

_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_FIRST_SPECIAL = 128_000
_SPECIAL = {
    "<|begin_of_text|>": 128_000,
    "<|end_of_text|>": 128_001,
    "<|start_header_id|>": 128_006,
    "<|end_header_id|>": 128_007,
    "<|eom_id|>": 128_008,
    "<|eot_id|>": 128_009,
    "<|python_tag|>": 128_010,
}
# The templates of 3.1 and later open with a system block that tells dates.
_FIXED_DATE = "26 Jul 2024"
FAMILIES = ("3", "3.1", "3.2", "3.3")


@dataclass(frozen=True, slots=True)
class Token:
    """A token with the bytes that it stands for."""

    id: int
    text: bytes


def tokenizer_path(data_dir: Path) -> Path:
    return data_dir / "llama3" / "tokenizer.model"


def fetch_tokenizer(path: Path) -> None:
    """Put the tokenizer at `path`. Raises Problem when it can't be downloaded."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", WHEEL]
        try:
            subprocess.run(  # noqa: S603
                [*command, "--dest", folder],
                check=True,
                capture_output=True,
                timeout=FETCH_TIMEOUT,
            )
        except (subprocess.SubprocessError, OSError) as error:
            raise Problem(f"pip не достал {WHEEL}: проверь сеть и повтори") from error
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(MEMBER)
    _check(content)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(content)
    os.replace(part, path)


def load_tokenizer(path: Path) -> tiktoken.Encoding | None:
    """The tokenizer, None when it was not fetched yet; ConfigError when the file is broken."""
    if not path.exists():
        return None
    content = path.read_bytes()
    _check(content)
    ranks = {
        base64.b64decode(token): int(rank)
        for token, rank in (line.split() for line in content.splitlines())
    }
    return tiktoken.Encoding(
        "llama3", pat_str=_SPLIT, mergeable_ranks=ranks, special_tokens=_SPECIAL
    )


def _check(content: bytes) -> None:
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise ConfigError(f"{MEMBER} — не тот файл: скачай заново, {SETUP}")


def family_of(model_id: str) -> str:
    """Which of FAMILIES a model's template belongs to, by its name."""
    match = re.search(r"llama-?3[.-](\d)\b", model_id, re.IGNORECASE)
    family = f"3.{match[1]}" if match else "3"
    return family if family in FAMILIES else "3"


def render(messages: Sequence[Message], family: str, today: date) -> str:
    """The prompt as the family's chat template forms it, ready for the assistant's turn."""
    parts = ["<|begin_of_text|>"]
    if family != "3":
        system = ""
        if messages and messages[0].role == "system":
            system, messages = messages[0].content.strip(), messages[1:]
        day = today.strftime("%d %b %Y") if family == "3.2" else _FIXED_DATE
        dates = f"Cutting Knowledge Date: December 2023\nToday Date: {day}\n\n"
        parts.append(_turn("system", dates + system))
    parts += [_turn(message.role, message.content.strip()) for message in messages]
    parts.append("<|start_header_id|>assistant<|end_header_id|>\n\n")
    return "".join(parts)


def _turn(role: str, content: str) -> str:
    return f"<|start_header_id|>{role}<|end_header_id|>\n\n{content}<|eot_id|>"


def tokens_of(encoding: tiktoken.Encoding, prompt: str) -> list[Token]:
    """The tokens of a rendered prompt; servers read special tokens in it as such, so do we."""
    ids: Iterable[int] = encoding.encode(prompt, allowed_special="all")
    return [Token(id_, encoding.decode_single_token_bytes(id_)) for id_ in ids]


def estimate(prompt: str) -> int:
    """About how many tokens a rendered prompt has, when the tokenizer isn't at hand."""
    pieces = re.split(r"(<\|[a-z_]+\|>)", prompt)
    return sum(1 if piece in _SPECIAL else approximate_tokens(piece) for piece in pieces)
