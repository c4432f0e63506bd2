"""What is said of a loan: one programme, a table of all, whether a payment is enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from bots.common.russian import plural
from bots.real_estate.mortgage.affordable import Affordable, affordable, affordable_at_bank
from bots.real_estate.mortgage.annuity import MAX_RATE, MAX_YEARS, decimal
from bots.real_estate.mortgage.costs import costs
from bots.real_estate.mortgage.offers import Offer, Purchase, Refused, bank_offer, offer
from bots.real_estate.mortgage.programmes import MortgageData, Programme
from bots.real_estate.mortgage.reading import ORDINARY, MortgageQuestion
from bots.real_estate.wording import money, spaced

_MARKETS = {"новостройка": "новостройки", "вторичка": "вторичное жильё"}
_NAME_WIDTH = 10
_COLUMNS = (9, 6, 9)  # payment, overpayment, income: 34 letters a line fit a phone
NEED_RATE = "Назови ставку банка («ставка 18»): я её не выдумываю."


def answer(data: MortgageData, question: MortgageQuestion, today: date) -> str | None:
    """The answer to what was asked; None when no sum, programme or payment was named."""
    text = _answer(data, question)
    return None if text is None else f"{text}\n\n{dated(data, today)}"


def flat_table(
    data: MortgageData,
    price: int,
    today: date,
    *,
    place: str | None = None,
    market: str | None = None,
    terms: MortgageQuestion | None = None,
) -> str:
    """Every programme for one flat, on the terms that the buyer has named."""
    purchase = replace(_purchase(terms or MortgageQuestion()), price=price, place=place)
    purchase = replace(purchase, market=market)
    return f"{_table(data, purchase)}\n\n{dated(data, today)}"


def dated(data: MortgageData, today: date) -> str:
    """The day of the figures; that they are old, where they are."""
    line = f"Условия программ на {data.day:%d.%m.%Y}, точные скажет банк."
    if not data.is_old(today):
        return line
    age = plural(data.age(today), "день", "дня", "дней")
    return f"{line}\n⚠️ Этим данным {age}: они устарели, программы могли измениться."


def overview(data: MortgageData, today: date) -> str:
    """All programmes in short."""
    lines = []
    for programme in data.programmes:
        lines += [f"**{programme.name[0].upper()}{programme.name[1:]}**: {_terms(data, programme)}"]
    return "\n".join([*lines, "", dated(data, today)])


def sources(data: MortgageData, today: date) -> str:
    """Where the figures come from."""
    lines = [f"• {title}\n{url}" for title, url in data.sources]
    return "\n".join(["Откуда условия:", *lines, "", dated(data, today)])


def _answer(data: MortgageData, question: MortgageQuestion) -> str | None:
    if question.years is not None and not 1 <= question.years <= MAX_YEARS:
        return f"Срок ипотеки — от 1 до {MAX_YEARS} лет: назови другой."
    if question.rate is not None and not 0 <= question.rate <= MAX_RATE:
        return f"Ставка — от 0 до {MAX_RATE:g} %: назови другую."
    named = question.programme
    programme = next((item for item in data.programmes if item.name == named), None)
    if not question.is_asked:
        return _described(data, programme) if programme else None
    if question.price is None:
        return _affordable(data, question, programme)
    purchase = _purchase(question)
    if purchase.price <= 0 or (purchase.down or 0) >= purchase.price:
        paid = money(purchase.down or 0)
        return f"Взнос {paid} покрывает цену {money(purchase.price)}: кредит не нужен."
    payment = None if question.payment is None else round(question.payment)
    if programme:
        return _one(data, programme, purchase, payment)
    if question.rate is None and named != ORDINARY:
        return _table(data, purchase, payment)
    return _bank(data, purchase, payment)


def _purchase(question: MortgageQuestion) -> Purchase:
    rate = None if question.rate is None else decimal(question.rate)
    down = None if question.down is None else round(question.down)
    return Purchase(
        round(question.price or 0), question.place, None, down, question.years, rate
    )  # fmt: skip


def _one(data: MortgageData, programme: Programme, purchase: Purchase, payment: int | None) -> str:
    """One programme: its sums, or why not; for the two limits where the place wasn't named."""
    if purchase.bank_rate == programme.rate:
        purchase = replace(purchase, bank_rate=None)  # «семейная под 6 %» names the programme's
    found = offer(data, programme, purchase)
    if isinstance(found, Refused):
        return f"{_title(programme)}\n{_reason(data, found, purchase)}"
    lines = [_title(programme)]
    other = _elsewhere(data, programme, purchase)
    if other:
        lines += [f"{data.group_names['capitals']}:", *_sums(other), ""]
        lines += ["Остальные регионы:"]
    lines += _sums(found)
    best = other or found
    if payment is not None:
        lines += ["", _enough(best, payment)]
    lines += [
        "",
        *_costs(data, best),
        "",
        f"Кому: {programme.who}.",
        f"Проверь: {programme.check}.",
    ]
    return "\n".join(lines)


def _elsewhere(data: MortgageData, programme: Programme, purchase: Purchase) -> Offer | None:
    """The offer where the limit is higher, while the place is unknown and it matters."""
    if purchase.place is not None or "capitals" not in programme.limits:
        return None
    here = offer(data, programme, purchase)
    there = offer(data, programme, replace(purchase, place="Москва"))
    if isinstance(there, Offer) and isinstance(here, Offer) and there.parts != here.parts:
        return there
    return None


def _sums(found: Offer) -> list[str]:
    share = round(Decimal(found.down * 100) / found.price, 1)
    down = f"взнос {money(found.down)} ({_number(share)} %)" if found.down else "без взноса"
    term = plural(found.years, "год", "года", "лет")
    lines = [f"Цена {money(found.price)}, {down}, кредит {money(found.amount)} на {term}."]
    if len(found.parts) > 1 or found.unpriced:
        parts = [f"{money(part.amount)} под {_number(part.rate)} %" for part in found.parts]
        if found.unpriced:
            parts.append(f"{money(found.unpriced)} сверх лимита по ставке банка")
        lines.append(f"Комбинированный: {' + '.join(parts)}.")
    if found.unpriced:
        only = found.parts[0]
        lines += [f"Платёж за льготную часть {spaced(only.payment)} ₽ в месяц.", NEED_RATE]
        return lines
    lines += [
        f"• платёж {spaced(found.payment)} ₽ в месяц",
        f"• переплата {spaced(found.overpayment)} ₽",
        f"• доход от {spaced(found.income)} ₽ (платёж — его половина)",
    ]
    if found.shortened:
        lines.append(f"Дольше, чем на {term}, эту программу не дают.")
    return lines


def _bank(data: MortgageData, purchase: Purchase, payment: int | None) -> str:
    found = bank_offer(purchase, MAX_YEARS)
    if found is None:
        return NEED_RATE
    rate = _number(found.parts[0].rate)
    lines = [f"**Обычная ипотека, {rate} %**", *_sums(found)]
    if purchase.years is None:
        lines.append(f"Срок не назван: взял {found.years} лет.")
    if payment is not None:
        lines += ["", _enough(found, payment)]
    return "\n".join(
        [*lines, "", *_costs(data, found), "Ставку назвал ты: у банка она может быть другой."]
    )


def _enough(found: Offer, payment: int) -> str:
    if found.unpriced:
        return "Хватит ли платежа, скажу, когда узнаю ставку банка."
    if found.payment <= payment:
        return (
            f"✅ {spaced(payment)} ₽ в месяц хватит, останется {spaced(payment - found.payment)} ₽."
        )
    return (
        f"❌ {spaced(payment)} ₽ в месяц не хватит: не хватает {spaced(found.payment - payment)} ₽."
    )


def _costs(data: MortgageData, found: Offer) -> list[str]:
    """Insurance, the duty and the deduction, each with its rule."""
    sums = costs(data.rules, found.price, found.amount, found.overpayment)
    home, full = (f"{spaced(low)}–{spaced(high)} ₽" for low, high in
                  (sums.home_insurance, sums.full_insurance))  # fmt: skip
    lines = ["Отдельно от платежа:"]
    lines += [
        f"• страховка квартиры, обязательна: {home} в первый год; вместе с жизнью {full}, "
        "без страховки жизни банк обычно поднимает ставку",
        f"• пошлина за регистрацию права: {spaced(sums.duty)} ₽",
        f"• вычет вернёт до {spaced(sums.price_deduction)} ₽ с цены и до "
        f"{spaced(sums.interest_deduction)} ₽ с процентов: раз в жизни, при НДФЛ 13 %, "
        "не больше уплаченного налога",
    ]
    return lines


def _table(data: MortgageData, purchase: Purchase, payment: int | None = None) -> str:
    """The programmes of a purchase as a table that a phone shows whole, and the refusals."""
    rows, notes = [_row("", "платёж", "млн", "доход")], []
    best: Offer | None = None
    for programme in data.programmes:
        found = offer(data, programme, purchase)
        if isinstance(found, Refused):
            notes.append(f"• {programme.name}: {_reason(data, found, purchase)}")
        elif found.unpriced:
            notes.append(
                f"• {programme.name}: сверх лимита {money(found.parts[0].amount)} ещё "
                f"{money(found.unpriced)} по ставке банка — назови её («ставка 18»)"
            )
        else:
            rows.append(_offer_row(programme.short, found))
            best = found if best is None or found.payment < best.payment else best
    bank = bank_offer(purchase, MAX_YEARS)
    if bank:
        rows.append(_offer_row("Обычная", bank))
        best = best or bank
    down = "наименьший из возможных" if purchase.down is None else money(purchase.down)
    years = "наибольший" if purchase.years is None else plural(purchase.years, "год", "года", "лет")
    lines = [f"Квартира за {money(purchase.price)}; взнос {down}, срок {years}."]
    if len(rows) > 1:
        lines += [
            "```",
            *rows,
            "```",
            "Платёж и доход в рублях в месяц (платёж — половина дохода), «млн» — переплата.",
        ]
    if payment is not None and best:
        lines += ["", _enough(best, payment)]
    if notes:
        lines += ["", "Не вошли:", *notes]
    if not bank:
        lines += ["", f"Обычной ипотеки тут нет. {NEED_RATE}"]
    return "\n".join([*lines, *(["", *_costs(data, best)] if best else [])])


def _offer_row(name: str, found: Offer) -> str:
    over = f"{found.overpayment / 1e6:.2f}".replace(".", ",")
    return _row(name, spaced(found.payment), over, spaced(found.income))


def _row(name: str, *values: str) -> str:
    cells = "".join(f"{value:>{width}}" for value, width in zip(values, _COLUMNS, strict=True))
    return f"{name:<{_NAME_WIDTH}}{cells}"


def _affordable(
    data: MortgageData, question: MortgageQuestion, programme: Programme | None
) -> str | None:
    """The price that a monthly payment carries: under one programme, all, or the bank's terms."""
    payment, purchase = round(question.payment or 0), _purchase(question)
    if programme:
        found = affordable(data, programme, purchase, payment)
        return "\n".join(
            [_title(programme), _carried(found, payment), "", f"Кому: {programme.who}."]
        )
    lines: list[str] = []
    if purchase.bank_rate is not None:
        lines = [f"• обычная, {_number(purchase.bank_rate)} %: "
                 + _carried_short(affordable_at_bank(purchase, payment, MAX_YEARS))]  # fmt: skip
    else:
        lines = [
            f"• {item.name}, {_number(item.rate)} %: "
            + _carried_short(affordable(data, item, purchase, payment))
            for item in data.programmes
        ]
        lines.append(f"• обычная: {NEED_RATE[0].lower()}{NEED_RATE[1:]}")
        if purchase.place is None:
            where = data.group_names["capitals"]
            lines.append(f"Лимиты взяты без города: там, где {where}, у семейной он выше.")
    return "\n".join([f"Платёж {spaced(payment)} ₽ в месяц — это квартира:", *lines])


def _carried(found: Affordable, payment: int) -> str:
    term = plural(found.years, "год", "года", "лет")
    return (
        f"Платёж {spaced(payment)} ₽ в месяц, {term}: квартира до **{money(found.price)}**, "
        f"из них кредит {spaced(found.loan)} ₽ и взнос {spaced(found.down)} ₽."
        + (
            "\nЛимит программы исчерпан: больше — по ставке банка, назови её."
            if found.limited
            else ""
        )
    )


def _carried_short(found: Affordable) -> str:
    term = plural(found.years, "год", "года", "лет")
    limited = "; дальше лимит программы" if found.limited else ""
    return f"до {money(found.price)} ({term}, взнос {money(found.down)}{limited})"


def _described(data: MortgageData, programme: Programme) -> str:
    lines = [_title(programme), f"{_terms(data, programme)}."]
    if programme.until:
        lines.append(f"Действует до {programme.until}.")
    lines += [f"Кому: {programme.who}.", f"Проверь: {programme.check}."]
    return "\n".join([*lines, "", "Назови цену, взнос и город — посчитаю."])


def _terms(data: MortgageData, programme: Programme) -> str:
    """«6 %, взнос от 20 %, до 30 лет, до 12 млн ₽ (…)», and where."""
    limits = [
        f"до {money(limit)}" + (f" ({data.group_names[group]})" if group != "other" else "")
        for group, limit in programme.limits.items()
    ]
    if len(limits) > 1:
        limits[-1] += " (остальные)"
    where = _where(data, programme)
    parts = [
        f"{_number(programme.rate)} %", f"взнос от {_number(programme.min_down)} %",
        f"до {programme.max_years} лет", *limits, where,
    ]  # fmt: skip
    return ", ".join(filter(None, parts))


def _where(data: MortgageData, programme: Programme) -> str:
    places: Sequence[str] = [
        f"только {data.group_names[programme.only_in]}" if programme.only_in else "",
        f"кроме мест: {data.group_names[programme.not_in]}" if programme.not_in else "",
        "сельские территории" if programme.villages else "",
        f"только {_MARKETS[programme.markets[0]]}" if programme.markets else "",
    ]
    return ", ".join(filter(None, places))


def _title(programme: Programme) -> str:
    return f"**Ипотека «{programme.name}», {_number(programme.rate)} %**"


def _reason(data: MortgageData, refused: Refused, purchase: Purchase) -> str:
    programme = refused.programme
    if refused.reason == "region":
        return f"только {data.group_names[programme.only_in or '']}"
    if refused.reason == "excluded":
        return f"кроме мест: {data.group_names[programme.not_in or '']}"
    if refused.reason == "village":
        return f"не для города ({purchase.place}): только сельские территории"
    if refused.reason == "market":
        return f"только {_MARKETS[programme.markets[0]]}"
    if refused.reason == "down":
        return (
            f"взнос мал: нужно от {_number(programme.min_down)} %, это {spaced(refused.amount)} ₽"
        )
    return f"кредит больше {money(refused.amount)} по ней не дают и с доплатой по ставке банка"


def _number(value: Decimal) -> str:
    return f"{value.normalize():f}".replace(".", ",")
