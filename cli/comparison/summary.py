"""A comparison as a table for the terminal, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from cli import report
from cli.comparison.cells import Cell
from cli.comparison.judge import Verdicts
from cli.comparison.results import Answer
from cli.targets import Target

_HEAD = ("модель", "ответы", "ошибки", "1-й токен", "медиана", "токены", "ток/с", "цена")
_WINS = "победы"
_COLUMNS = (
    *("id", "prompt", "model", "answered_by", "answer", "error", "finish_reason"),
    *("prompt_tokens", "completion_tokens", "approximate", "seconds", "first_token_seconds"),
    *("cost", "currency"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """All answers of one model taken together; None is unknown."""

    name: str
    answers: int
    errors: int
    first_token: float | None
    seconds: float | None
    prompt_tokens: int
    completion_tokens: int
    approximate: bool
    speed: float | None
    costs: dict[str, float]
    unpriced: int
    wins: int | None


def rows_of(answers: Mapping[Cell, Answer], verdicts: Verdicts | None) -> list[Row]:
    targets = dict.fromkeys(target for _, target in answers)
    return [_row(target, answers, verdicts) for target in targets]


def _row(target: Target, answers: Mapping[Cell, Answer], verdicts: Verdicts | None) -> Row:
    own = [answer for (_, asked), answer in answers.items() if asked == target]
    good = [answer for answer in own if not answer.error]
    firsts = [answer.first_token_seconds for answer in good if answer.first_token_seconds]
    speeds = [
        answer.completion_tokens / answer.seconds
        for answer in good
        if answer.seconds and answer.completion_tokens
    ]
    costs: dict[str, float] = {}
    for answer in good:
        if answer.cost is not None and answer.currency:
            costs[answer.currency] = costs.get(answer.currency, 0.0) + answer.cost
    return Row(
        target.name,
        len(good),
        len(own) - len(good),
        median(firsts) if firsts else None,
        median(answer.seconds for answer in good) if good else None,
        sum(answer.prompt_tokens for answer in good),
        sum(answer.completion_tokens for answer in good),
        any(answer.approximate for answer in good),
        median(speeds) if speeds else None,
        costs,
        sum(answer.cost is None for answer in good),
        verdicts.wins.get(target, 0) if verdicts else None,
    )


def cells_of(row: Row) -> list[str]:
    """A row as text, in the order of `head`."""
    about = "~" if row.approximate else ""
    shown = [
        row.name,
        str(row.answers),
        str(row.errors),
        report.UNKNOWN if row.first_token is None else report.seconds(row.first_token),
        report.UNKNOWN if row.seconds is None else report.seconds(row.seconds),
        f"{about}{row.prompt_tokens} → {row.completion_tokens}",
        report.UNKNOWN if row.speed is None else f"{row.speed:.1f}",
        cost_text(row),
    ]
    return shown if row.wins is None else [*shown, str(row.wins)]


def head(rows: Sequence[Row]) -> list[str]:
    judged = any(row.wins is not None for row in rows)
    return [*_HEAD, _WINS] if judged else list(_HEAD)


def cost_text(row: Row) -> str:
    parts = [report.money_in(currency, cost) for currency, cost in sorted(row.costs.items())]
    if row.unpriced and parts:
        parts.append(f"без цены: {row.unpriced}")
    return " + ".join(parts) or report.UNKNOWN


def table(rows: Sequence[Row], verdicts: Verdicts | None) -> str:
    """The table, and how far the judge can be trusted."""
    lines = [report.columns([head(rows), *map(cells_of, rows)])]
    if any(row.approximate for row in rows):
        lines.append("~ токены подсчитаны здесь, приблизительно")
    if verdicts:
        lines.append(judged(verdicts))
    return "\n".join(lines)


def judged(verdicts: Verdicts) -> str:
    """The judge's agreement with itself, in one sentence."""
    if verdicts.agreement is None:
        return f"Судья {verdicts.judge}: ни одного понятного решения"
    text = (
        f"Судья {verdicts.judge}: согласие с собой при перестановке ответов "
        f"{verdicts.agreement:.0%} (пар: {verdicts.clear}, ничьих: {verdicts.ties}, "
        f"спорных: {verdicts.disputed}"
    )
    return text + (f", непонятных: {verdicts.unclear})" if verdicts.unclear else ")")


def as_csv(answers: Mapping[Cell, Answer]) -> str:
    """One line for each answer; no cell can be a formula for a spreadsheet."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for (prompt, target), answer in answers.items():
        data = _cell_as_json(prompt.id, prompt.text, target.name, answer)
        writer.writerow([_harmless(data[name]) for name in _COLUMNS])
    return file.getvalue()


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "@")) else value


def as_json(
    answers: Mapping[Cell, Answer], rows: Sequence[Row], verdicts: Verdicts | None
) -> dict[str, Any]:
    judge = None
    if verdicts:
        judge = {
            "judge": verdicts.judge,
            "wins": {target.name: wins for target, wins in verdicts.wins.items()},
            "ties": verdicts.ties,
            "disputed": verdicts.disputed,
            "unclear": verdicts.unclear,
            "agreement": verdicts.agreement,
        }
    return {
        "models": [asdict(row) for row in rows],
        "results": [
            _cell_as_json(prompt.id, prompt.text, target.name, answer)
            for (prompt, target), answer in answers.items()
        ],
        "judge": judge,
    }


def _cell_as_json(name: str, prompt: str, model: str, answer: Answer) -> dict[str, Any]:
    data = asdict(answer)
    text = data.pop("text")
    about = {"id": name, "prompt": prompt, "model": model, "answer": text}
    return {**about, **data, "cost": answer.cost}
