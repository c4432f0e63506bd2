"""What a long prompt does to the others: seven people are being answered when it comes.

    python -m benchmarks.long_prompt --plot docs/long-prompt.png

Once read in portions between the steps, as the engine does it, and once whole in one
step. `max_gap_s` is the longest that one of the seven waited for a token meanwhile,
`ttft_s` how long the long prompt waited for its own first.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from benchmarks.local_engine import DEFAULT_MODEL, QUESTIONS, conversations, load_model, prepare
from services.chat import Usage
from services.errors import ServiceError
from services.local import scheduler as scheduling
from services.local.ragged import RaggedModel
from services.local.sampling import Sampler, Sampling
from services.local.scheduler import Limits, Request, Scheduler
from services.local.text import TextStream

OTHERS = 7
BEFORE, AFTER = 15, 15  # tokens of each of the seven, before the long prompt comes and after
PORTIONS = {"in portions": scheduling.PORTION, "whole": 1 << 20}
WIDTH = 8.0  # inches of the picture


class Clocked(TextStream):
    """Notes when each token came."""

    def __init__(self, tokenizer: Any) -> None:
        super().__init__(tokenizer)
        self.times: list[float] = []

    def feed(self, token: int) -> str:
        self.times.append(time.perf_counter())
        return super().feed(token)


class Unheard:
    """Nobody listens, but an error ends the measurement."""

    def on_text(self, text: str) -> None: ...

    def on_end(self, reason: Any, tail: str, usage: Usage) -> None: ...

    def on_error(self, error: ServiceError) -> None:
        raise error


@dataclass
class Course:
    """When the long prompt came, and every token of everybody, in seconds from the beginning."""

    came: float = 0.0
    others: list[list[float]] = field(default_factory=list)
    first: float = 0.0

    def figures(self) -> dict[str, float]:
        gaps = [
            later - earlier
            for times in self.others
            for earlier, later in pairwise(times)
            if later > self.came and earlier < self.first
        ]
        return {"max_gap_s": round(max(gaps), 3), "ttft_s": round(self.first - self.came, 3)}


def watch(model: RaggedModel, tokenizer: Any, length: int, portion: int) -> Course:
    """Let seven write, then let one come with `length` tokens."""
    scheduler = Scheduler(model, Limits())

    def request(prompt: list[int], new_tokens: int) -> Request:
        sampler = Sampler(Sampling(), prompt, model.device)
        text = Clocked(tokenizer)
        return Request(prompt, new_tokens, text, sampler, Unheard(), owner=id(text))

    def run_until(texts: Sequence[Clocked], tokens: int) -> None:
        while any(len(text.times) < tokens for text in texts):
            scheduler.step()

    long_prompt = tokenizer("\n".join(QUESTIONS) * length).input_ids[:length]
    crowd = [request(prompt.tokens, 1000) for prompt in conversations(tokenizer, OTHERS, "1")]
    with patch.object(scheduling, "PORTION", portion):
        for one in crowd:
            scheduler.add(one)
        run_until([one.text for one in crowd], BEFORE)
        came = time.perf_counter()
        scheduler.add(long := request(long_prompt, 1000))
        run_until([long.text], AFTER)
    began = crowd[0].text.times[0]
    return Course(
        came - began,
        [[moment - began for moment in one.text.times] for one in crowd],
        long.text.times[0] - began,
    )


def plot(courses: dict[str, Course], length: int, path: Path) -> None:
    """A row of marks for each of the seven: a mark is a token."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, WIDTH / 2), layout="constrained")
    axes = figure.subplots(len(courses), 1, sharex=True)
    for axis, (name, course) in zip(axes, courses.items(), strict=True):
        axis.eventplot(
            [[moment - course.came for moment in times] for times in course.others],
            linelengths=0.7,
            linewidths=0.8,
        )
        axis.axvspan(0, course.first - course.came, color="0.88", zorder=0)
        axis.set_title(
            f"{length} tokens {name}: nobody waits over {course.figures()['max_gap_s']} s"
        )
        axis.set_ylabel("chats")
        axis.set_yticks([])
    axes[-1].set_xlabel("seconds since the long prompt came (grey: while it is read)")
    figure.savefig(path, dpi=110)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a GGUF file (%(default)s)")
    parser.add_argument("--length", type=int, default=2000, help="of the prompt (%(default)s)")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write a picture, too")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    folder, _, tokenizer, _ = prepare(args.model)
    transformer = load_model(folder)
    model = RaggedModel(transformer)
    courses = {
        name: watch(model, tokenizer, args.length, portion) for name, portion in PORTIONS.items()
    }
    if args.plot:
        plot(courses, args.length, args.plot)
    print(json.dumps({name: course.figures() for name, course in courses.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
