"""A comparison as one self-contained page: no script, no network, readable on a phone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape

from cli import report
from cli.comparison.cells import Cell
from cli.comparison.judge import Verdicts
from cli.comparison.prompts import Prompt
from cli.comparison.results import Answer
from cli.comparison.summary import Row, cells_of, head, judged
from cli.targets import Target

_STYLE = """
:root { color-scheme: light dark; --line: #d9dde3; --soft: #f4f6f8; --text: #1c2126;
  --dim: #5d6873; --accent: #1f6feb; --good: #1a7f37; --bad: #b42318; }
@media (prefers-color-scheme: dark) { :root { --line: #3a424b; --soft: #1d2228; --text: #e6eaee;
  --dim: #9aa5b1; --accent: #6cb0ff; --good: #57c478; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem 1rem 4rem; color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .75rem; }
p { margin: .25rem 0; } .dim { color: var(--dim); }
table { border-collapse: collapse; width: 100%; margin-top: 1rem; }
th, td { text-align: left; padding: .5rem .75rem; border-bottom: 1px solid var(--line);
  font-variant-numeric: tabular-nums; }
th { color: var(--dim); font-weight: 500; } td:first-child { font-weight: 600;
  overflow-wrap: anywhere; }
details { border: 1px solid var(--line); border-radius: 10px; margin: .75rem 0; }
summary { cursor: pointer; padding: .75rem 1rem; overflow-wrap: anywhere; }
summary:hover { background: var(--soft); border-radius: 10px; }
.prompt { padding: 0 1rem; white-space: pre-wrap; overflow-wrap: anywhere; color: var(--dim); }
.answers { display: grid; gap: .75rem; padding: .75rem 1rem 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); }
article { background: var(--soft); border-radius: 8px; padding: .75rem 1rem; min-width: 0; }
article h3 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
.text { overflow-wrap: anywhere; margin-top: .5rem; }
.text p { margin: .5rem 0; } .text ul, .text ol { padding-left: 1.25rem; margin: .5rem 0; }
.text h1, .text h2, .text h3 { font-size: 1rem; margin: .75rem 0 .25rem; }
.text pre { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; padding: .5rem; }
.text code { font: .875em ui-monospace, monospace; }
.text table { display: block; overflow-x: auto; } .text tr { display: table-row; }
.text td { display: table-cell; } .text td::before { content: none !important; }
.won { color: var(--good); } .bad { color: var(--bad); }
@media (max-width: 760px) {
  thead { display: none; }
  tr { display: block; border: 1px solid var(--line); border-radius: 10px; margin: .75rem 0;
    padding: .25rem 0; }
  td { display: flex; justify-content: space-between; gap: 1rem; border: 0; padding: .3rem 1rem; }
  td:not(:first-child)::before { content: attr(data-label); color: var(--dim); }
}
"""


def html_page(
    answers: Mapping[Cell, Answer], rows: Sequence[Row], verdicts: Verdicts | None, when: datetime
) -> str:
    """The whole page."""
    prompts: dict[Prompt, list[tuple[Target, Answer]]] = {}
    for (prompt, target), answer in answers.items():
        prompts.setdefault(prompt, []).append((target, answer))
    about = f"{when:%d.%m.%Y %H:%M} · моделей: {len(rows)} · запросов: {len(prompts)}"
    judge = f'<p class="dim">{escape(judged(verdicts))}</p>' if verdicts else ""
    asked = "".join(_prompt(prompt, said, verdicts) for prompt, said in prompts.items())
    return (
        '<!doctype html>\n<html lang="ru">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Сравнение моделей</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<h1>Сравнение моделей</h1>\n<p class="dim">{about}</p>\n{judge}\n'
        f"{_table(rows)}\n{_notes(rows, answers)}\n<h2>Ответы</h2>\n{asked}</body>\n</html>\n"
    )


def _table(rows: Sequence[Row]) -> str:
    names = head(rows)
    titles = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td data-label="{escape(name)}">{escape(cell)}</td>'
            for name, cell in zip(names, cells_of(row), strict=True)
        )
        + "</tr>\n"
        for row in rows
    )
    return f"<table>\n<thead><tr>{titles}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>"


def _notes(rows: Sequence[Row], answers: Mapping[Cell, Answer]) -> str:
    notes = ["Время и скорость — медианы по запросам; токены — сумма: запросы → ответы."]
    if any(row.approximate for row in rows):
        notes.append("~ — токены подсчитаны приблизительно.")
    if sources := sorted({answer.price_source for answer in answers.values()} - {None}, key=str):
        notes.append(f"Цены: {'; '.join(map(str, sources))}. n/a — цена неизвестна.")
    return "".join(f'<p class="dim">{escape(note)}</p>' for note in notes)


def _prompt(
    prompt: Prompt, said: Sequence[tuple[Target, Answer]], verdicts: Verdicts | None
) -> str:
    best = verdicts.best.get(prompt, []) if verdicts else []
    title = " ".join(prompt.text.split())
    short = title if len(title) <= 140 else f"{title[:139]}…"
    whole = f'<p class="prompt">{escape(prompt.text)}</p>' if short != prompt.text else ""
    articles = "".join(_answer(target, answer, best.count(target)) for target, answer in said)
    return (
        f'<details open><summary><span class="dim">{escape(prompt.id)}.</span> {escape(short)}'
        f'</summary>{whole}\n<div class="answers">\n{articles}</div></details>\n'
    )


def _answer(target: Target, answer: Answer, wins: int) -> str:
    won = f' <span class="won">побед: {wins}</span>' if wins else ""
    if answer.error:
        facts, text, kind = "нет ответа", escape(answer.error), "text bad"
    else:
        facts, text, kind = _facts(answer), _markdown(answer.text), "text"
    return (
        f'<article><h3>{escape(target.name)}{won}</h3><p class="dim">{escape(facts)}</p>'
        f'<div class="{kind}">{text}</div></article>\n'
    )


def _markdown(text: str) -> str:
    """An answer's Markdown as HTML. It loads nothing and leads nowhere: no images, no links."""
    from markdown_it import MarkdownIt  # rich brings it

    reader = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable("table")
    html: str = reader.disable(["image", "link", "autolink", "reference"]).render(text)
    return html


def _facts(answer: Answer) -> str:
    about = "~" if answer.approximate else ""
    parts = [
        report.seconds(answer.seconds),
        f"{about}{answer.prompt_tokens} → {answer.completion_tokens} токенов",
    ]
    if answer.cost is not None and answer.currency:
        parts.append(report.money_in(answer.currency, answer.cost))
    if answer.finish_reason == "length":
        parts.append("обрезан")
    return " · ".join(parts)
