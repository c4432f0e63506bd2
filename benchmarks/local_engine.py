"""Many people on one local model: llama.cpp and our engine beside the usual ways.

    python -m benchmarks.local_engine --json [--ways naive llamacpp] [--users 1 8] [--tokens 30]

All run the weights of one GGUF file: llama.cpp as they are, the others as float32, converted
once into DATA_DIR/models. Each way answers 1, 4 and 8 people who write at once: the persona's
prompt, a question of their own, greedy, the same number of new tokens (llama.cpp may end
earlier; its own tokens are counted). `cold` is llama.cpp with empty slots, as after a start: the
persona comes from its file. The ways take turns within one run, so that a busy machine is busy
for all of them. `ttft_s` is when a person sees the first
letters (mean), `max_gap_s` the longest pause between two pieces of an answer,
`cpu_s` the processor time of this process; the ratios are over naive. `rss_mb` is how much memory
a way's model and its work added (of llama.cpp, all that its process takes), beside `weights_mb`
and `kv_budget_mb`. A way that can't run here is
named under `left_out` with the reason.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import gc
import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, aclosing
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, TextIteratorStreamer

from services.chat import GenerationOptions, Message, Usage
from services.env import load_env, read_settings
from services.local.client import Answer
from services.local.config import EMBEDDED, LocalModelSettings
from services.local.engine import Engine
from services.local.gguf_files import find_file
from services.local.hardware import available_cpus
from services.local.llamacpp import LlamaCppModel
from services.local.prompts import ChatTemplate
from services.local.ragged import RaggedModel
from services.local.sampling import Sampler, Sampling
from services.local.scheduler import Limits, Request
from services.local.text import TextStream
from services.local.weights import Download

WAYS = ("naive", "streamer", "static", "transformers_cb", "llamacpp", "engine")
DEFAULT_MODEL = EMBEDDED
LIMITS = Limits()
WARM_UP_TOKENS = 4
SETTLING = 0.5  # seconds: what a way frees, it may free a moment after its last answer
PERSONA = (
    "Ты — Гриша, весёлый и добрый собеседник. Ты дружишь с людьми, болтаешь обо всём, слегка "
    "шутишь и ищешь смысл. Ты отвечаешь по-русски, на «ты», коротко и по-человечески."
)
EXAMPLES = (
    ("Привет!", "Привет! Рад тебя видеть. О чём поболтаем?"),
    ("Какая столица у Франции?", "Париж. Говорят, весной там особенно красиво."),
    ("Я устал после работы.", "Понимаю тебя. Завари чай и отдохни, а завтра будет легче."),
    ("Что посмотреть вечером?", "Посмотри старую комедию, она всегда поднимает настроение."),
    ("Сколько дней в неделе?", "Семь, и понедельник из них самый длинный."),
    ("Кто ты?", "Я Гриша, твой друг в чате. Люблю поговорить о жизни и пошутить."),
    ("Что ты думаешь о дружбе?", "Дружба — это когда можно молчать вдвоём, и это не скучно."),
    ("Посоветуй книгу.", "Возьми рассказы Чехова: коротко, смешно и обо всех нас."),
    ("На улице дождь.", "Отличный повод остаться дома с книгой и горячим чаем."),
)
QUESTIONS = (
    "Как тебя зовут и откуда ты?",
    "Расскажи, как прошёл твой день.",
    "Что приготовить на ужин?",
    "Мне сегодня немного грустно.",
    "Куда поехать летом на море?",
    "Какую музыку ты любишь?",
    "Что подарить другу на праздник?",
    "Как перестать откладывать дела?",
)

T = TypeVar("T")


@dataclass
class Watched:
    """When one person saw each piece of the answer, and the tokens it was made of."""

    seen: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    waited: float = 0.0  # before the clock began, for a measurement of another kind


@dataclass(frozen=True)
class Prompt:
    """A conversation as messages, and as the tokens of the ways that take those."""

    messages: list[Message]
    tokens: list[int]


@dataclass
class Setup:
    """What every way gets."""

    folder: Path
    gguf: Path
    tokenizer: Any
    closing: ExitStack
    settings: LocalModelSettings
    server_pid: int | None = None
    cold: list[dict[str, float]] = field(default_factory=list)


Way = Callable[[Sequence[Prompt], int], list[Watched]]


def load_model(folder: Path) -> Any:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    model.generation_config.eos_token_id = None  # every answer has the same length
    return model


def generate(model: Any, prompts: Sequence[list[int]], new_tokens: int, **options: Any) -> Any:
    longest = max(len(prompt) for prompt in prompts)
    pad = [[0] * (longest - len(prompt)) for prompt in prompts]
    ids = torch.tensor([[*left, *prompt] for left, prompt in zip(pad, prompts, strict=True)])
    mask = torch.tensor(
        [[0] * len(left) + [1] * len(prompt) for left, prompt in zip(pad, prompts, strict=True)]
    )
    with torch.inference_mode():
        output = model.generate(
            ids,
            attention_mask=mask,
            do_sample=False,
            max_new_tokens=new_tokens,
            pad_token_id=0,
            **options,
        )
    return output[:, longest:].tolist()


def naive(model: Any) -> Way:
    """One `generate` after another, as most bots do; the answer is seen when it is whole."""

    def run(prompts: Sequence[Prompt], new_tokens: int) -> list[Watched]:
        watched = []
        for prompt in prompts:
            [tokens] = generate(model, [prompt.tokens], new_tokens)
            watched.append(Watched([time.perf_counter()], tokens))
        return watched

    return run


def streamer(model: Any, setup: Setup) -> Way:
    """The same with transformers' streamer, one person after another."""

    def run(prompts: Sequence[Prompt], new_tokens: int) -> list[Watched]:
        watched = []
        for prompt in prompts:
            pieces = TextIteratorStreamer(setup.tokenizer, skip_prompt=True)
            thread = threading.Thread(
                target=generate,
                args=(model, [prompt.tokens], new_tokens),
                kwargs={"streamer": pieces},
            )
            thread.start()
            watched.append(Watched([time.perf_counter() for piece in pieces if piece]))
            thread.join()
        return watched

    return run


def static(model: Any) -> Way:
    """One padded batch; nobody sees anything before everybody's end."""

    def run(prompts: Sequence[Prompt], new_tokens: int) -> list[Watched]:
        answers = generate(model, [prompt.tokens for prompt in prompts], new_tokens)
        now = time.perf_counter()
        return [Watched([now], tokens) for tokens in answers]

    return run


def transformers_cb(setup: Setup) -> Way:
    """transformers' own continuous batching."""
    from transformers.generation import ContinuousBatchingConfig, GenerationConfig

    model = load_model(setup.folder)
    config = ContinuousBatchingConfig(num_blocks=256, max_batch_tokens=256, page_size=32)
    generation = GenerationConfig(do_sample=False, eos_token_id=-1, pad_token_id=0)
    manager = setup.closing.enter_context(
        model.continuous_batching_context_manager(
            generation, continuous_batching_config=config, warmup=False
        )
    )

    def run(prompts: Sequence[Prompt], new_tokens: int) -> list[Watched]:
        watched = {}
        for prompt in prompts:
            name = manager.add_request(
                prompt.tokens, max_new_tokens=new_tokens, streaming=True, eos_token_id=-1
            )
            watched[name] = Watched()
        open_requests = set(watched)
        while open_requests:
            output = manager.get_result(timeout=1)
            if output is None:
                if not manager.is_running():
                    raise RuntimeError("its thread has ended")
                continue
            one = watched[output.request_id]
            one.seen.append(time.perf_counter())
            one.tokens = list(output.generated_tokens)
            if output.is_finished():
                open_requests.discard(output.request_id)
        return list(watched.values())

    return run


def llamacpp(setup: Setup, lags: list[float]) -> Way:
    """Our model on llama.cpp, asked as bots ask it, with the persona read ahead."""
    runner = setup.closing.enter_context(asyncio.Runner())
    model = LlamaCppModel(setup.settings, str(setup.gguf))
    runner.run(model.ready())
    setup.closing.callback(lambda: runner.run(model.aclose()))
    server = model._loading.loaded
    assert server is not None
    setup.server_pid = server.process.pid

    async def ask(prompt: Prompt, new_tokens: int) -> Watched:
        watched = Watched()
        options = GenerationOptions(temperature=0, max_tokens=new_tokens, repetition_penalty=1)
        async with aclosing(model.stream(prompt.messages, options)) as stream:
            async for chunk in stream:
                watched.seen.append(time.perf_counter())
                if chunk.completion and chunk.completion.usage:
                    watched.tokens = [0] * chunk.completion.usage.completion_tokens
        return watched

    async def ask_all(prompts: Sequence[Prompt], new_tokens: int) -> list[Watched]:
        ticking = asyncio.create_task(measure_lag(lags if len(prompts) == 8 else []))
        try:
            return list(await asyncio.gather(*(ask(prompt, new_tokens) for prompt in prompts)))
        finally:
            ticking.cancel()

    async def ask_cold(prompts: Sequence[Prompt]) -> list[Watched]:
        await model.warm_up(prompts[0].messages[:-1])
        for slot in list(model._slots._free):
            await model._post(f"/slots/{slot.number}?action=erase", {})
            slot.tokens = ()
        return await ask_all(prompts, WARM_UP_TOKENS)

    def run(prompts: Sequence[Prompt], new_tokens: int) -> list[Watched]:
        if len(prompts) == 8:
            began = time.perf_counter()
            waits = sorted(one.seen[0] - began for one in runner.run(ask_cold(prompts)))
            setup.cold.append({"ttft_p50_s": waits[4], "ttft_max_s": waits[-1]})
            prompts = [renewed(prompt) for prompt in prompts]
            waited = time.perf_counter() - began
            watched = runner.run(ask_all(prompts, new_tokens))
            watched[0].waited = waited
            return watched
        return runner.run(ask_all(prompts, new_tokens))

    return run


def renewed(prompt: Prompt) -> Prompt:
    """The same prompt with another question, so that no slot knows it by now."""
    *head, last = prompt.messages
    return replace(prompt, messages=[*head, replace(last, content=f"И ещё. {last.content}")])


class WatchedAnswer(Answer):
    """The engine's answer on its way to an event loop, watched."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.watched = Watched()

    def on_text(self, text: str) -> None:
        self.watched.seen.append(time.perf_counter())
        super().on_text(text)

    def on_end(self, reason: Any, tail: str, usage: Usage) -> None:
        self.watched.seen.append(time.perf_counter())
        super().on_end(reason, tail, usage)


class WatchedText(TextStream):
    """A text stream that notes its tokens."""

    def __init__(self, tokenizer: Any, watched: Watched) -> None:
        super().__init__(tokenizer)
        self._watched = watched

    def feed(self, token: int) -> str:
        self._watched.tokens.append(token)
        return super().feed(token)


def our_engine(setup: Setup) -> Way:
    """Our engine, heard on an event loop."""
    engine = Engine(RaggedModel(load_model(setup.folder)), LIMITS)
    setup.closing.callback(engine.close)

    async def ask(prompt: list[int], new_tokens: int) -> Watched:
        answer = WatchedAnswer(asyncio.get_running_loop())
        text = WatchedText(setup.tokenizer, answer.watched)
        sampler = Sampler(Sampling(), prompt, torch.device("cpu"))
        engine.submit(Request(prompt, new_tokens, text, sampler, answer, owner=id(answer)))
        while await answer.next() is not None:
            pass
        return answer.watched

    async def run_all(prompts: Sequence[Prompt], new_tokens: int) -> list[Watched]:
        return list(await asyncio.gather(*(ask(prompt.tokens, new_tokens) for prompt in prompts)))

    return lambda prompts, new_tokens: asyncio.run(run_all(prompts, new_tokens))


async def measure_lag(lags: list[float]) -> None:
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.005)
        lags.append(time.perf_counter() - before - 0.005)


def builders(setup: Setup, lags: list[float]) -> dict[str, Callable[[], Way]]:
    plain = functools.cache(lambda: load_model(setup.folder))
    return {
        "naive": lambda: naive(plain()),
        "streamer": lambda: streamer(plain(), setup),
        "static": lambda: static(plain()),
        "transformers_cb": lambda: transformers_cb(setup),
        "llamacpp": lambda: llamacpp(setup, lags),
        "engine": lambda: our_engine(setup),
    }


class Ways:
    """The ways that run here; one that fails is left out from then on, with the reason."""

    def __init__(self, names: Sequence[str], setup: Setup, lags: list[float]) -> None:
        self.open: dict[str, Way] = {}
        self.left_out: dict[str, str] = {}
        self.rss_mb = dict.fromkeys(names, 0.0)
        every = builders(setup, lags)
        for name in names:
            way = self.attempt(name, every[name])
            if way is not None:
                self.open[name] = way

    def attempt(self, name: str, work: Callable[[], T]) -> T | None:
        """Do a way's work, and note how the process grew by it."""
        before = resident_mb()
        try:
            return work()
        except Exception as error:  # noqa: BLE001 - the others are still worth measuring
            self.open.pop(name, None)
            self.left_out[name] = f"{type(error).__name__}: {error}"
            return None
        finally:
            gc.collect()
            time.sleep(SETTLING)
            self.rss_mb[name] += resident_mb() - before


def resident_mb(pid: int | str = "self") -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def measure(
    way: Way, prompts: Sequence[Prompt], new_tokens: int
) -> tuple[dict[str, Any], list[Watched]]:
    began, cpu = time.perf_counter(), time.process_time()
    watched = way(prompts, new_tokens)
    took = time.perf_counter() - began
    if cold_seconds := sum(one.waited for one in watched[:1]):
        began, took = began + cold_seconds, took - cold_seconds
    written = sum(len(one.tokens) or new_tokens for one in watched)
    gaps = [b - a for one in watched for a, b in pairwise(one.seen)]
    return {
        "ttft_s": statistics.mean(one.seen[0] - began for one in watched),
        "tokens_per_s": written / took,
        "max_gap_s": max(gaps) if gaps else None,
        "cpu_s": time.process_time() - cpu or None,
    }, watched


def run(
    names: Sequence[str], users: Sequence[int], rounds: int, new_tokens: int, setup: Setup
) -> dict[str, Any]:
    """All ways in turn, `rounds` times; medians, and ratios of the medians over naive."""
    lags: list[float] = []
    raw: dict[str, dict[int, list[dict[str, Any]]]] = {}
    equal: list[bool] = []
    ways = Ways(names, setup, lags)
    for name, way in list(ways.open.items()):  # the persona is known, the libraries are warm
        prompts = conversations(setup.tokenizer, 1, "0")
        ways.attempt(name, functools.partial(way, prompts, WARM_UP_TOKENS))
    for number in range(1, rounds + 1):
        for count in users:
            prompts = conversations(setup.tokenizer, count, f"{number}.{count}")
            tokens = {}
            for name, way in list(ways.open.items()):
                work = functools.partial(measure, way, prompts, new_tokens)
                if (measured := ways.attempt(name, work)) is None:
                    continue
                figures, watched = measured
                raw.setdefault(name, {}).setdefault(count, []).append(figures)
                tokens[name] = [one.tokens for one in watched]
                print(number, name, count, figures, file=sys.stderr, flush=True)
            if "naive" in tokens and "engine" in tokens:
                equal.append(tokens["naive"] == tokens["engine"])
    results = {
        name: {str(count): medians(raw[name][count]) for count in users} for name in ways.open
    }
    return {
        "new_tokens": new_tokens,
        "prompt_tokens": len(conversations(setup.tokenizer, 1, "0")[0].tokens),
        "threads": torch.get_num_threads(),
        "rounds": rounds,
        "results": results,
        "cold": {"llamacpp": {"8": medians(setup.cold)}} if setup.cold else None,
        "left_out": ways.left_out,
        **ratios(results),
        "loop_lag_p99_ms": percentile(lags, 99) if lags else None,
        "equal_to_generate": all(equal) if equal else None,
        "weights_mb": round(float32_mb(setup.folder)),
        "kv_budget_mb": LIMITS.kv_bytes >> 20,
        "rss_mb": {name: round(ways.rss_mb[name]) for name in ways.open}
        | ({"llamacpp": round(resident_mb(setup.server_pid))} if setup.server_pid else {}),
    }


def float32_mb(folder: Path) -> float:
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
    return sum(weight.numel() for weight in model.parameters()) * 4 / (1 << 20)


def medians(figures: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        key: None
        if figures[0][key] is None
        else round(statistics.median(one[key] for one in figures), 3)
        for key in figures[0]
    }


def ratios(results: dict[str, Any]) -> dict[str, Any]:
    """Over naive: how many times the tokens, which part of the wait."""
    found: dict[str, Any] = {}
    naive_figures = results.get("naive", {})
    for count, base in naive_figures.items():
        for name, way in results.items():
            for key, ratio in (
                ("speedup", way[count]["tokens_per_s"] / base["tokens_per_s"]),
                ("ttft_ratio", way[count]["ttft_s"] / base["ttft_s"]),
            ):
                found.setdefault(f"{key}_{count}", {})[name] = round(ratio, 4)
    return found


def percentile(values: Sequence[float], percent: int) -> float:
    return round(sorted(values)[min(len(values) - 1, len(values) * percent // 100)] * 1000, 2)


def conversations(tokenizer: Any, users: int, label: str) -> list[Prompt]:
    """A prompt per person; `label` makes them new to a model that remembers earlier ones."""
    head = [Message("system", PERSONA)]
    for question, answer in EXAMPLES:
        head += [Message("user", question), Message("assistant", answer)]
    template = ChatTemplate(tokenizer)
    prompts = []
    for question in QUESTIONS[:users]:
        messages = [*head, Message("user", f"{label}. {question}")]
        prompts.append(Prompt(messages, template.render(messages, 4096)))
    return prompts


def prepare(model: str) -> tuple[Path, Path, Any, LocalModelSettings]:
    """The converted folder, the GGUF file, the tokenizer, the settings; sets the threads."""
    load_env()
    settings = read_settings(LocalModelSettings).model_copy(update={"model": model})
    torch.set_num_threads(settings.threads or available_cpus())
    if model == EMBEDDED:
        gguf = Download(settings.weights_folder, lambda share, stage: None).run()
    else:
        gguf = find_file(model)
    folder = settings.data_dir / "models" / f"{gguf.stem}-float32"
    if not folder.is_dir():
        convert(gguf, folder)
    return folder, gguf, AutoTokenizer.from_pretrained(folder), settings


def convert(gguf: Path, folder: Path) -> None:
    """Save a GGUF file as a transformers folder; takes minutes and some gigabytes."""
    from transformers import GgufConfig

    made = folder.with_name(f"{folder.name}.new")
    options = {"gguf_file": gguf.name}
    AutoTokenizer.from_pretrained(gguf.parent, **options).save_pretrained(made)
    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.float32,
        **options,
    )
    model.save_pretrained(made)
    made.replace(folder)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a GGUF file (%(default)s)")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--users", nargs="+", type=int, default=[1, 4, 8])
    parser.add_argument("--tokens", type=int, default=100, help="new tokens (%(default)s)")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print nothing but the JSON")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    folder, gguf, tokenizer, settings = prepare(args.model)
    with ExitStack() as closing:
        setup = Setup(folder, gguf, tokenizer, closing, settings)
        measured = run(args.ways, args.users, args.rounds, args.tokens, setup)
    result = {"model": args.model, **measured}
    print(json.dumps(result, ensure_ascii=False, indent=None if args.json else 2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
