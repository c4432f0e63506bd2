"""Whatever mix of requests comes, each one gets what `generate` would have written."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from services.chat import FinishReason, Usage
from services.errors import ConfigError, ServiceError, Timeout, Unavailable
from services.local import scheduler as scheduling
from services.local.ragged import Piece, RaggedModel
from services.local.sampling import Sampler, Sampling
from services.local.scheduler import Limits, Request, Row, Scheduler, share
from services.local.text import TextStream
from tests.services.local.conftest import WINDOW, build_model

KINDS = ("qwen2", "llama", "gemma3")
VOCABULARY = 460
LONGEST = 8
ROOMY = Limits(parallel=4, queue=100, kv_bytes=1 << 30)
END = 2


@pytest.fixture(autouse=True, scope="module")
def small_steps() -> Any:
    """Constants so small that short requests meet every border."""
    patch = pytest.MonkeyPatch()
    for name, value in {"PORTION": 8, "PORTION_ALONE": 16, "TURN": 3, "WORTH_WAITING": 4}.items():
        patch.setattr(scheduling, name, value)
    yield
    patch.undo()


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Any:
    """Tiny models compute faster alone than they can share the work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@cache
def prompts() -> list[list[int]]:
    """Prompts of many lengths; most begin like another one."""
    dice = random.Random(5)
    heads = [[dice.randrange(3, VOCABULARY) for _ in range(length)] for length in (0, 20, 45)]
    return [
        [*head, *(dice.randrange(3, VOCABULARY) for _ in range(dice.choice((1, 2, 7, 18, 40))))]
        for head in heads
        for _ in range(5)
    ]


@cache
def ragged(kind: str) -> RaggedModel:
    return RaggedModel(build_model(kind, VOCABULARY))


@cache
def reference(kind: str) -> Any:
    return build_model(kind, VOCABULARY)


@cache
def generated(kind: str, prompt: int, penalty: float) -> list[int]:
    """What `generate` writes, the end token included."""
    ids = torch.tensor([prompts()[prompt]])
    output = reference(kind).generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        repetition_penalty=penalty,
        max_new_tokens=LONGEST,
        pad_token_id=0,
    )
    return output[0, ids.shape[1] :].tolist()


@dataclass
class IncomingMessage:
    """A listener that remembers."""

    text: str = ""
    reason: FinishReason | None = None
    usage: Usage | None = None
    error: ServiceError | None = None

    def on_text(self, text: str) -> None:
        self.text += text

    def on_end(self, reason: FinishReason, tail: str, usage: Usage) -> None:
        assert self.reason is None
        self.text += tail
        self.reason, self.usage = reason, usage

    def on_error(self, error: ServiceError) -> None:
        assert self.error is None
        self.error = error


@dataclass(frozen=True)
class Planned:
    """One request of a schedule."""

    prompt: int
    max_tokens: int = 5
    arrives: int = 0
    leaves: int | None = None
    penalty: float = 1.0
    owner: int = 0


@dataclass
class Tokens(TextStream):
    """The tokens themselves, in place of their text."""

    written: list[int] = field(default_factory=list)
    stopped: bool = False

    def feed(self, token: int) -> str:
        self.written.append(token)
        return f"{token} "

    def finish(self) -> str:
        return ""


def request_of(planned: Planned) -> Request:
    prompt = prompts()[planned.prompt]
    sampler = Sampler(Sampling(repetition_penalty=planned.penalty), prompt, torch.device("cpu"))
    return Request(
        prompt,
        planned.max_tokens,
        Tokens(),
        sampler,
        IncomingMessage(),
        frozenset({END}),
        owner=planned.owner,
    )


def play(scheduler: Scheduler, schedule: Sequence[Planned]) -> list[Request]:
    """Let the requests come and go at their steps, till all are over."""
    requests = [request_of(planned) for planned in schedule]
    for step in range(2000):
        for planned, request in zip(schedule, requests, strict=True):
            if planned.arrives == step:
                scheduler.add(request)
            if planned.leaves == step:
                request.cancel()
        if scheduler.load == 0 and step > max(planned.arrives for planned in schedule):
            return requests
        scheduler.step()
    raise AssertionError("the schedule never ends")


def assert_as_generated(kind: str, planned: Planned, request: Request) -> None:
    expected = generated(kind, planned.prompt, planned.penalty)[: planned.max_tokens]
    heard = request.listener
    assert heard.error is None
    assert heard.reason == ("stop" if expected[-1] == END else "length")
    assert request.text.written == [token for token in expected if token != END]
    assert heard.usage.completion_tokens == len(expected)


PLANNED = st.builds(
    Planned,
    prompt=st.integers(0, 14),
    max_tokens=st.integers(1, LONGEST),
    arrives=st.integers(0, 12),
    leaves=st.one_of(st.none(), st.none(), st.integers(0, 25)),
    penalty=st.sampled_from([1.0, 1.0, 1.3]),
    owner=st.integers(0, 3),
)


@pytest.mark.parametrize("kind", KINDS)
@given(
    schedule=st.lists(PLANNED, min_size=1, max_size=8),
    parallel=st.integers(1, 5),
    kv_tokens=st.sampled_from([100, 180, 400, 100_000]),
)
@settings(max_examples=100, deadline=None)
def test_any_schedule_gives_what_generate_gives(
    kind: str, schedule: list[Planned], parallel: int, kv_tokens: int
) -> None:
    model = ragged(kind)
    scheduler = Scheduler(model, Limits(parallel, 100, kv_tokens * model.token_bytes))
    for planned, request in zip(schedule, play(scheduler, schedule), strict=True):
        if planned.leaves is None:
            assert_as_generated(kind, planned, request)


def test_contexts_are_longer_than_the_window() -> None:
    assert max(len(prompt) for prompt in prompts()) > 4 * WINDOW


@pytest.mark.parametrize("kind", [*KINDS, "qwen3", "mistral"])
def test_every_prompt_alone(kind: str) -> None:
    for number in range(len(prompts())):
        planned = Planned(number, LONGEST)
        [request] = play(Scheduler(ragged(kind), ROOMY), [planned])
        assert_as_generated(kind, planned, request)


def test_another_architecture_is_refused() -> None:
    with pytest.raises(ConfigError, match="LOCAL_MODEL"):
        RaggedModel(build_model("gpt_neox", VOCABULARY))


class Failing:
    """A model that breaks when it meets certain tokens, or at certain calls."""

    def __init__(self, model: RaggedModel, poison: list[int], calls: set[int]) -> None:
        self._model = model
        self._poison = poison
        self._calls = calls
        self._count = 0
        self.token_bytes = model.token_bytes
        self.new_cache = model.new_cache

    def forward(self, pieces: Sequence[Piece], ask: Sequence[int]) -> torch.Tensor:
        self._count += 1
        if self._count in self._calls and len(pieces) > 1:
            raise RuntimeError("out of memory")
        for piece in pieces:
            if [*piece.cache.tokens, *piece.tokens][: len(self._poison)] == self._poison:
                raise RuntimeError("this one can't be computed")
        return self._model.forward(pieces, ask)


@given(
    schedule=st.lists(PLANNED, min_size=2, max_size=6),
    calls=st.sets(st.integers(1, 60), max_size=20),
)
@settings(max_examples=40, deadline=None)
def test_an_error_ends_only_its_own_request(schedule: list[Planned], calls: set[int]) -> None:
    poisoned = 0
    model: Any = Failing(ragged("qwen2"), prompts()[poisoned], calls)
    scheduler = Scheduler(model, ROOMY)
    for planned, request in zip(schedule, play(scheduler, schedule), strict=True):
        if planned.leaves is None and planned.prompt == poisoned:
            assert isinstance(request.listener.error, Unavailable)
        elif planned.leaves is None:
            assert_as_generated("qwen2", planned, request)


def test_a_listener_that_fails_disturbs_nobody() -> None:
    class Deaf(IncomingMessage):
        def on_text(self, text: str) -> None:
            raise RuntimeError("the loop is closed")

    scheduler = Scheduler(ragged("qwen2"), ROOMY)
    deaf, sound = request_of(Planned(1)), request_of(Planned(2))
    deaf.listener = Deaf()
    scheduler.add(deaf)
    scheduler.add(sound)
    while scheduler.load:
        scheduler.step()
    assert_as_generated("qwen2", Planned(2), sound)


def test_deadlines() -> None:
    scheduler = Scheduler(ragged("qwen2"), ROOMY)
    late, slow = request_of(Planned(1)), request_of(Planned(2, max_tokens=LONGEST))
    late.start_by = 0.0
    scheduler.add(late)
    scheduler.add(slow)
    while not slow.text.written:
        scheduler.step()
    slow.start_by = 0.0  # it has begun: this one no longer counts
    scheduler.step()
    assert slow.listener.error is None
    slow.end_by = 0.0
    scheduler.step()
    assert isinstance(late.listener.error, Timeout)
    assert isinstance(slow.listener.error, Timeout)
    assert scheduler.load == 0


def test_a_common_beginning_is_computed_once() -> None:
    scheduler = Scheduler(ragged("qwen2"), ROOMY)
    schedule = [Planned(number, 2, owner=number) for number in range(10, 14)]
    usages = [request.listener.usage for request in play(scheduler, schedule)]
    assert usages[0].cached_tokens == 0
    assert all(usage.cached_tokens >= 45 - 4 for usage in usages[1:])


def test_a_crowd_of_one_conversation_leaves_room_for_another() -> None:
    scheduler = Scheduler(ragged("qwen2"), Limits(parallel=2, queue=100, kv_bytes=1 << 30))
    crowd = [request_of(Planned(1, LONGEST, owner=1)) for _ in range(6)]
    single = request_of(Planned(2, 2, owner=2))
    for request in [*crowd, single]:
        scheduler.add(request)
    while single.listener.reason is None:
        scheduler.step()
    assert sum(request.listener.reason is not None for request in crowd) <= 1


def test_a_long_prompt_does_not_hold_up_the_writing() -> None:
    scheduler = Scheduler(ragged("qwen2"), ROOMY)
    writing = request_of(Planned(0, LONGEST))
    scheduler.add(writing)
    while not writing.text.written:
        scheduler.step()
    long = request_of(Planned(14))
    scheduler.add(long)
    while not long.text.written and writing.listener.reason is None:
        before = len(writing.text.written)
        scheduler.step()
        assert len(writing.text.written) > before


def test_portions_are_shared_evenly() -> None:
    def reading(tokens: int) -> Row:
        request = request_of(Planned(0))
        request.prompt = [3] * tokens
        return Row(request)

    writing = reading(5)
    writing.written = [7]
    rows = [reading(100), reading(1), writing, reading(2)]
    shares = {len(row.request.prompt): size for row, size in share(rows)}
    assert shares == {5: 1, 1: 1, 2: 2, 100: 5}


def test_memory_stays_within_its_budget() -> None:
    model = ragged("qwen2")
    limits = Limits(parallel=3, queue=100, kv_bytes=300 * model.token_bytes)
    scheduler = Scheduler(model, limits)
    requests = [request_of(Planned(number, 5, owner=number)) for number in range(15)]
    for request in requests:
        scheduler.add(request)
    while scheduler.load:
        scheduler.step()
        assert scheduler.kv_bytes <= limits.kv_bytes
    assert scheduler.kv_bytes > 0
