"""How measurements and models are shown at a terminal and in JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from services.chat import Usage
from services.huggingface.config import MODELS, HuggingFaceSettings
from services.timing import Currency, Measurement, Price

if TYPE_CHECKING:  # it brings the openai package, a second of start
    from services.huggingface.catalog import Offer, ServedModel

UNKNOWN = "n/a"
_HEAD = ("модель", "1-й токен", "всего", "токены", "ток/с", "цена", "итог")
_FINISH = {"stop": "готово", "length": "обрезан", "function_call": "вызов функции"}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer: for the user, and the kind of error."""

    text: str
    kind: str


def summary(measured: Measurement) -> str:
    """One line under an answer."""
    parts = [measured.completion.model, seconds(measured.seconds), _tokens(measured)]
    if measured.cost is not None and measured.price is not None:
        parts.append(f"{money(measured.cost, measured.price)} (цена: {measured.price.source})")
    if measured.completion.finish_reason == "length":
        parts.append("ответ обрезан пределом длины: увеличь --max-tokens")
    return " · ".join(parts)


def comparison(rows: Sequence[tuple[str, Measurement | Failure]]) -> str:
    """The table of a comparison, with a note on whatever in it isn't exact."""
    lines = [columns([_HEAD, *(_row(name, result) for name, result in rows)])]
    measured = [result for _, result in rows if isinstance(result, Measurement)]
    if any(usage_of(result).approximate for result in measured):
        lines.append("~ токены подсчитаны здесь, приблизительно")
    sources = {result.price.source for result in measured if result.price}
    if sources:
        lines.append(f"цены: {'; '.join(sorted(sources))}; {UNKNOWN} — цена неизвестна")
    return "\n".join(lines)


def _row(name: str, result: Measurement | Failure) -> tuple[str, ...]:
    if isinstance(result, Failure):
        return (name, "—", "—", "—", "—", "—", result.text)
    speed = result.tokens_per_second
    return (
        name,
        UNKNOWN if result.first_token is None else seconds(result.first_token),
        seconds(result.seconds),
        _tokens(result, short=True),
        UNKNOWN if speed is None else f"{speed:.1f}",
        UNKNOWN if result.cost is None else money(result.cost, result.price),
        _FINISH[result.completion.finish_reason],
    )


def as_json(measured: Measurement) -> dict[str, Any]:
    """All that is known of an answer; what isn't is null."""
    completion, usage = measured.completion, usage_of(measured)
    return {
        "model": completion.model,
        "answer": completion.text,
        "finish_reason": completion.finish_reason,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "tokens_are_approximate": usage.approximate,
        "seconds": round(measured.seconds, 3),
        "first_token_seconds": _rounded(measured.first_token),
        "tokens_per_second": _rounded(measured.tokens_per_second),
        "cost_usd": _cost(measured, "USD"),
        "cost_rub": _cost(measured, "RUB"),
        "price_source": measured.price.source if measured.price else None,
    }


def row_as_json(name: str, result: Measurement | Failure) -> dict[str, Any]:
    if isinstance(result, Failure):
        return {"name": name, "error": result.text, "kind": result.kind}
    return {"name": name, "error": None, **as_json(result)}


def catalog(settings: HuggingFaceSettings, served: dict[str, ServedModel]) -> str:
    """What the short names mean and whether it is served, then all other models."""
    rows = [("имя", "модель", "обслуживают", "контекст", "$ за млн токенов, вход/выход")]
    named = set()
    for name in MODELS:
        for model_id in settings.card(name).ids:
            bare, _, provider = model_id.partition(":")
            named.add(bare)
            offers = served[bare].offers_of(provider) if bare in served else ()
            rows.append((name, model_id, *_offers(offers)))
    rows += [
        ("", model.id, *_offers(model.offers))
        for model in sorted(served.values(), key=lambda model: model.id.lower())
        if model.id not in named
    ]
    return columns(rows)


def _offers(offers: Sequence[Offer]) -> tuple[str, str, str]:
    if not offers:
        return "нет", UNKNOWN, UNKNOWN
    contexts = [offer.context_length for offer in offers if offer.context_length]
    prices = [
        (offer.prompt_price, offer.completion_price)
        for offer in offers
        if offer.prompt_price is not None and offer.completion_price is not None
    ]
    cheapest = min(prices, key=sum, default=None)
    return (
        ", ".join(offer.provider for offer in offers),
        str(max(contexts)) if contexts else UNKNOWN,
        f"{cheapest[0]:g}/{cheapest[1]:g}" if cheapest else UNKNOWN,
    )


def columns(rows: Iterable[Sequence[str]]) -> str:
    """Rows as left-aligned columns."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def usage_of(measured: Measurement) -> Usage:
    return measured.completion.usage or Usage(0, 0, approximate=True)


def _tokens(measured: Measurement, *, short: bool = False) -> str:
    usage = usage_of(measured)
    text = f"{'~' if usage.approximate else ''}{usage.prompt_tokens} → {usage.completion_tokens}"
    if short:
        return text
    return f"токены: {text}{' (приблизительно)' if usage.approximate else ''}"


def seconds(value: float) -> str:
    return f"{value:.2f} с"


def money(cost: float, price: Price | None) -> str:
    """A cost in the currency of its price."""
    return money_in(price.currency if price else "USD", cost)


def money_in(currency: str, cost: float) -> str:
    if currency == "RUB":
        return f"{cost:.4f} ₽"
    return f"${cost:.8f}".rstrip("0").rstrip(".")


def _cost(measured: Measurement, currency: Currency) -> float | None:
    return measured.cost if measured.price and measured.price.currency == currency else None


def together(first: Measurement, second: Measurement) -> Measurement:
    """The second answer, with what both took."""
    one, two = usage_of(first), usage_of(second)
    usage = Usage(
        one.prompt_tokens + two.prompt_tokens,
        one.completion_tokens + two.completion_tokens,
        one.cached_tokens + two.cached_tokens,
        approximate=one.approximate or two.approximate,
    )
    completion = replace(second.completion, usage=usage)
    return replace(second, completion=completion, seconds=first.seconds + second.seconds)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
