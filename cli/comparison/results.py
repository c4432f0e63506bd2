"""The results of a comparison so far, in a JSON Lines file that the next run continues.

A line is on disk as soon as an answer is there. The line that a kill cut off is ignored.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cli import report
from cli.report import Failure
from cli.shell import Problem
from services.chat import Completion, FinishReason, Usage
from services.timing import Currency, Measurement, Price


@dataclass(frozen=True, slots=True)
class Answer:
    """One model's answer to one prompt, or why there is none."""

    answered_by: str = ""
    text: str = ""
    finish_reason: FinishReason = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    approximate: bool = False
    seconds: float = 0.0
    first_token_seconds: float | None = None
    prompt_price: float | None = None
    completion_price: float | None = None
    currency: Currency | None = None
    price_source: str | None = None
    error: str | None = None
    error_kind: str | None = None

    @classmethod
    def of(cls, measured: Measurement) -> Answer:
        completion, price = measured.completion, measured.price
        usage = report.usage_of(measured)
        return cls(
            answered_by=completion.model,
            text=completion.text,
            finish_reason=completion.finish_reason,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            approximate=usage.approximate,
            seconds=measured.seconds,
            first_token_seconds=measured.first_token,
            prompt_price=price.prompt if price else None,
            completion_price=price.completion if price else None,
            currency=price.currency if price else None,
            price_source=price.source if price else None,
        )

    @property
    def price(self) -> Price | None:
        if self.prompt_price is None or self.completion_price is None or self.currency is None:
            return None
        source = self.price_source or ""
        return Price(self.prompt_price, self.completion_price, source, self.currency)

    @property
    def cost(self) -> float | None:
        price = self.price
        return price.cost(self.prompt_tokens, self.completion_tokens) if price else None

    def outcome(self) -> Measurement | Failure:
        """The answer as a single question would give it."""
        if self.error:
            return Failure(self.error, self.error_kind or "")
        usage = Usage(self.prompt_tokens, self.completion_tokens, approximate=self.approximate)
        completion = Completion(self.text, self.finish_reason, self.answered_by, usage)
        return Measurement(completion, self.seconds, self.first_token_seconds, self.price)


class Results:
    """Answers and verdicts by key; in a file, if there is one."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._kept: dict[str, Any] = {}
        if path is not None and path.exists():
            self._read(path)

    def answer(self, key: str) -> Answer | None:
        kept = self._kept.get(key)
        return kept if isinstance(kept, Answer) else None

    def verdict(self, key: str) -> int | None:
        kept = self._kept.get(key)
        return kept if isinstance(kept, int) else None

    def keep_answer(self, key: str, answer: Answer, **about: str) -> None:
        self._kept[key] = answer
        self._write({"key": key, **about, "answer": asdict(answer)})

    def keep_verdict(self, key: str, winner: int, **about: str) -> None:
        self._kept[key] = winner
        self._write({"key": key, **about, "winner": winner})

    def _read(self, path: Path) -> None:
        try:
            lines = path.read_text("utf-8", errors="replace").split("\n")
        except OSError as error:
            raise Problem(f"файл результатов {path} не прочитать: {error.strerror}") from error
        for line in lines:
            try:
                data = json.loads(line)
                kept = Answer(**data["answer"]) if "answer" in data else int(data["winner"])
                self._kept[str(data["key"])] = kept
            except (ValueError, TypeError, LookupError, AttributeError):
                continue

    def _write(self, data: dict[str, Any]) -> None:
        if self.path is None:
            return
        line = json.dumps(data, ensure_ascii=False).encode(errors="replace")
        try:
            with self.path.open("ab") as file:
                # After a line that was cut off, a new one must not be glued to it.
                start = b"\n" if file.tell() and not _ends_line(self.path) else b""
                file.write(start + line + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise Problem(f"в {self.path} не записать: {error.strerror}") from error


def _ends_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def key_of(*parts: object) -> str:
    """The same for the same question, whatever happened between."""
    text = json.dumps(parts, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:20]
