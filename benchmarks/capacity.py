"""What so many users a day need: `python -m benchmarks.capacity [--cpu-ms 9.5]`.

Prints the table of docs/operation.md, in Markdown. CPU of an update is what
`python -m benchmarks.bot_load --json` measures (`cpu_ms` of `replicas`); what people do and what
engines compute are named below with their source.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass

USERS = (1_000, 100_000, 10_000_000)  # a day

# People, assumed: ten questions a day, a tenth of them in the busiest hour.
QUESTIONS = 10
BUSIEST_HOUR = 0.1
QUESTION_TOKENS, ANSWER_TOKENS = 1_000, 300  # with the history; docs/grisha.md keeps to 1,500

# The bots: measured by bot_load (replicas, of two on two cores), or counted in the code.
CPU_MS = 15.3  # of an update, with seven other jobs on the machine: at the worst
LOAD = 0.6  # of a core that a replica may take at the peak
TRANSACTIONS = 4  # of an answer: inbox, history, finish; a second's charges share one
HISTORY_ROWS = 2  # of an answer; the inbox's row goes after two days
ROW_BYTES = 740  # of a message, measured: 20,000 of 100 and 500 Russian letters in SQLite
REDIS_CALLS = 5  # of an answer: pace, lock, its renewal, its release, a place for /stop

# Published figures, but for the first.
POSTGRES_TPS = 5_000  # assumed: what one server with an SSD writes with `synchronous_commit`
REDIS_OPS = 100_000  # a second without pipelining, one core: redis.io, "Redis benchmark"
# Tokens of answers a second, Llama 3.1 8B in bf16 by vLLM on one H100 80GB:
# morphllm.com/vllm-benchmarks (April 2026).
GPU_TOKENS = 12_500
GPU_LOAD = 0.5  # latency bears no more
TELEGRAM_MESSAGES = 30  # a second for one bot: core.telegram.org/bots/faq
TELEGRAM_PAID = 1_000  # a second, for Stars: the same page


@dataclass(frozen=True, slots=True)
class Need:
    """What one number of users a day takes."""

    users: int
    peak: float  # answers a second in the busiest hour
    cores: float
    replicas: int
    transactions: float
    postgres: int
    rows_a_year: float
    gigabytes_a_year: float
    redis: int
    gpus: int
    tokens_a_day: float
    bots: int
    paid_bots: int

    @property
    def bound(self) -> str:
        """Which of Telegram's limits is met first."""
        share = self.peak / TELEGRAM_MESSAGES
        if share < 0.5:
            return f"никакой ({share * 100:.0f} % от {TELEGRAM_MESSAGES} сообщений в секунду)"
        if self.peak <= TELEGRAM_MESSAGES:
            used = f"{share * 100:.0f} %"
            return f"{TELEGRAM_MESSAGES} сообщений в секунду на бота ({used}): всплеск ждёт"
        return (
            f"{TELEGRAM_MESSAGES} сообщений в секунду на бота: нужно ботов {self.bots}, "
            f"с платной рассылкой ({_number(TELEGRAM_PAID)} в секунду) {self.paid_bots}"
        )


def need(users: int, cpu_ms: float = CPU_MS) -> Need:
    answers = users * QUESTIONS
    peak = answers * BUSIEST_HOUR / 3600
    cores = peak * cpu_ms / 1000
    transactions = peak * TRANSACTIONS
    rows = answers * HISTORY_ROWS * 365
    return Need(
        users=users,
        peak=peak,
        cores=cores,
        replicas=max(1, math.ceil(cores / LOAD)),
        transactions=transactions,
        postgres=math.ceil(transactions / POSTGRES_TPS),
        rows_a_year=rows,
        gigabytes_a_year=rows * ROW_BYTES / 2**30,
        redis=math.ceil(peak * REDIS_CALLS / REDIS_OPS),
        gpus=math.ceil(peak * ANSWER_TOKENS / (GPU_TOKENS * GPU_LOAD)),
        tokens_a_day=answers * (QUESTION_TOKENS + ANSWER_TOKENS),
        bots=math.ceil(peak / TELEGRAM_MESSAGES),
        paid_bots=math.ceil(peak / TELEGRAM_PAID),
    )


def table(cpu_ms: float = CPU_MS) -> str:
    """The needs side by side, as Markdown."""
    needs = [need(users, cpu_ms) for users in USERS]
    rows = [
        ("человек в день", [_number(it.users) for it in needs]),
        ("ответов в секунду в час пик", [_number(it.peak) for it in needs]),
        (f"процессор ({_number(cpu_ms)} мс на ответ), ядер", [_number(it.cores) for it in needs]),
        ("реплик (процесс на ядро, до 60 %)", [_replicas(it) for it in needs]),
        ("записей в PostgreSQL в секунду", [_number(it.transactions) for it in needs]),
        (f"серверов PostgreSQL (по {_number(POSTGRES_TPS)} записей в секунду)",
         [str(it.postgres) for it in needs]),
        ("строк истории за год", [_number(it.rows_a_year) for it in needs]),
        ("то же в ГБ", [_number(it.gigabytes_a_year) for it in needs]),
        (f"Redis (по {_number(REDIS_OPS)} команд в секунду)", [str(it.redis) for it in needs]),
        (f"H100 с vLLM (8B, {_number(GPU_TOKENS)} токенов в секунду, до 50 %)",
         [str(it.gpus) for it in needs]),
        ("токенов в день", [_number(it.tokens_a_day) for it in needs]),
        ("какой лимит Telegram первый", [it.bound for it in needs]),
    ]  # fmt: skip
    lines = [f"| {name} | {' | '.join(cells)} |" for name, cells in rows]
    return "\n".join([lines[0], "|---|---|---|---|", *lines[1:]])


def _replicas(it: Need) -> str:
    return "1 (SQLite хватает)" if it.replicas == 1 else str(it.replicas)


def _number(value: float) -> str:
    """A figure as it is read in Russian: two digits, or whole with spaces."""
    if value < 10:
        return f"{value:.2g}".replace(".", ",")
    for size, name in ((1e9, "млрд"), (1e6, "млн")):
        if value >= size:
            return f"{value / size:.3g} {name}".replace(".", ",")
    return f"{round(value):,}".replace(",", " ")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description=__doc__)
    parser.add_argument("--cpu-ms", type=float, default=CPU_MS, help="of an answer (%(default)s)")
    print(table(parser.parse_args(argv).cpu_ms))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
