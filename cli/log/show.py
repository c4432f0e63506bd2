"""The log as people read it: lists, whole entries, sums; and as JSON and Markdown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from cli import report
from cli.log.store import Exchange

MAX_DAYS = 60  # of a sparkline
_BARS = "▁▂▃▄▅▆▇█"
_KEYS = {"day": "день", "model": "модель", "tool": "инструмент"}
_TOTAL = "всего"


def listing(exchanges: Sequence[Exchange]) -> str:
    """One line each."""
    head = ("№", "когда", "модель", "токены", "цена", "запрос")
    return report.columns([head, *map(_line, exchanges)])


def _line(exchange: Exchange) -> tuple[str, ...]:
    return (
        str(exchange.id),
        _local(exchange.started_at)[:16],
        _short(exchange.answered_by or exchange.model, 32),
        _tokens(exchange),
        _money(exchange),
        _short(exchange.prompt, 60),
    )


def entry(exchange: Exchange) -> str:
    """Everything about one exchange, for the terminal."""
    system = f"\n\nСистема: {exchange.system}" if exchange.system else ""
    answer = exchange.answer or f"(ответа нет: {_end(exchange)})"
    return f"№ {exchange.id} · {_facts(exchange)}{system}\n\n› {exchange.prompt}\n\n{answer}"


def _facts(exchange: Exchange) -> str:
    parts = [
        _local(exchange.started_at),
        exchange.tool,
        f"{exchange.backend}: {exchange.answered_by or exchange.model}",
    ]
    if exchange.seconds is not None:
        parts.append(report.seconds(exchange.seconds))
    parts.append(f"токены: {_tokens(exchange)}")
    if exchange.cost is not None:
        parts.append(f"{_money(exchange)} (цена: {exchange.price_source})")
    if exchange.finish_reason != "stop":
        parts.append(_end(exchange))
    return " · ".join(parts)


def _end(exchange: Exchange) -> str:
    if exchange.error:
        return f"ошибка {exchange.error}"
    return {
        None: "не дописан",
        "stopped": "остановлен",
        "length": "обрезан",
        "function_call": "вызов функции",
        "stop": "пустой",
    }.get(exchange.finish_reason, exchange.finish_reason or "")


def as_markdown(exchanges: Sequence[Exchange]) -> str:
    """A document: a heading for each exchange, then its texts as they are."""
    parts = ["# Журнал"]
    for exchange in exchanges:
        parts.append(f"## {exchange.id}. {_short(exchange.prompt, 80)}")
        parts.append(f"_{_facts(exchange)}_")
        if exchange.system:
            parts.append(f"**Система:** {exchange.system}")
        parts.append(f"**Запрос:**\n\n{exchange.prompt}")
        parts.append(f"**Ответ:**\n\n{exchange.answer or f'_нет: {_end(exchange)}_'}")
    return "\n\n".join(parts)


def as_json(exchanges: Sequence[Exchange]) -> str:
    return json.dumps(list(map(asdict, exchanges)), ensure_ascii=False, indent=2)


def usage_table(by: str, rows: Sequence[tuple[Any, ...]], *, json_wanted: bool) -> str:
    """Sums by day, model or tool, and all together; with a sparkline of the tokens by day."""
    total = (_TOTAL, *(sum(row[place] for row in rows) for place in range(1, 7)))
    total = (*total, max((row[7] for row in rows), default=0))
    if json_wanted:
        names = ("key", "exchanges", "errors", "prompt_tokens", "completion_tokens", "rub", "usd")
        sums = [dict(zip(names, row[:7], strict=True)) | {"by": by} for row in rows]
        return json.dumps(
            {"rows": sums, "total": dict(zip(names[1:], total[1:7], strict=True))},
            ensure_ascii=False,
            indent=2,
        )
    head = (_KEYS[by], "запросы", "ошибки", "токены запросов", "токены ответов", "₽", "$")
    table = report.columns([head, *map(_sums, [*rows, total])])
    return f"{table}\n\n{_by_day(rows)}" if by == "day" and rows else table


def _by_day(rows: Sequence[tuple[Any, ...]]) -> str:
    """The tokens of the last days as bars, with the days on which there were none."""
    spent = {date.fromisoformat(row[0]): row[3] + row[4] for row in rows}
    last = max(spent)
    length = min((last - min(spent)).days + 1, MAX_DAYS)
    days = [last - timedelta(days=length - 1 - number) for number in range(length)]
    bars = sparkline([spent.get(day, 0) for day in days])
    return f"токены по дням  {bars}  {days[0]} … {last}"


def _sums(row: tuple[Any, ...]) -> tuple[str, ...]:
    key, exchanges, errors, prompt, completion, roubles, dollars, approximate = row
    about = "~" if approximate else ""
    return (
        str(key),
        str(exchanges),
        str(errors),
        f"{about}{prompt}",
        f"{about}{completion}",
        f"{roubles:.4f}" if roubles else "0",
        f"{dollars:.6f}" if dollars else "0",
    )


def sparkline(values: Sequence[float]) -> str:
    """Values as bars of eight heights."""
    highest = max(values, default=0) or 1
    return "".join(_BARS[round(value / highest * (len(_BARS) - 1))] for value in values)


def _tokens(exchange: Exchange) -> str:
    if exchange.prompt_tokens is None:
        return report.UNKNOWN
    about = "~" if exchange.approximate else ""
    return f"{about}{exchange.prompt_tokens} → {exchange.completion_tokens}"


def _money(exchange: Exchange) -> str:
    if exchange.cost is None or exchange.currency is None:
        return report.UNKNOWN
    return report.money_in(exchange.currency, exchange.cost)


def _local(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M:%S}"


def _short(text: str, length: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"
