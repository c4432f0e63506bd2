"""What the assistant says without a model: the facts as lines, the same in every style.

A style changes the sentence before the facts, never the facts: prices, areas, addresses
come from here alone, whoever words the rest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bots.common.russian import plural
from bots.real_estate.flat import Flat
from bots.real_estate.listings import Blocker, Listing, SearchPage
from bots.real_estate.listings.prices import MONTH, PricePeriod, days_on_market, price_move
from bots.real_estate.metro.network import load_networks
from bots.real_estate.metro.travel import Way, way_of
from bots.real_estate.request import Slots
from bots.real_estate.understanding import ParsedMessage
from bots.real_estate.valuation.appraisal import Appraisal, Factor, Refusal, Verdict, place_price

STYLES = ("деловой", "дружеский", "эксперт", "краткий")
DEFAULT_STYLE = "дружеский"
DISCLAIMER = "Это ориентир по ценам объявлений, не отчёт об оценке."
ENGLISH = (
    "Sorry, I speak Russian and look for flats to buy in Russia. "
    "Try it plainly: «two-room flat in Moscow under 15 million» or «двушка в Москве до 15 млн»."
)
DEMO = "ДЕМО, вымышлено"
WAY_NOTE = "Дорога — от двери до платформы: пешком до метро и на поезде, по средним временам, не по расписанию."

# By event, in the order of STYLES.
_LEADS = {
    "found": (
        "По вашему запросу подобраны варианты.",
        "Смотри, что нашлось!",
        "Подобрал варианты; смотри на цену метра и разницу с оценкой.",
        "Нашёл.",
    ),
    "nothing": (
        "По вашему запросу предложений нет.",
        "Ничего не нашлось, но это поправимо.",
        "В базе таких нет: посмотрим, какое условие мешает.",
        "Пусто.",
    ),
    "valued": (
        "Результат оценки приведён ниже.",
        "Посчитал, вот что вышло.",
        "Оценка по сопоставимым объявлениям, с поправками на отличия.",
        "Оценка:",
    ),
    "refused": (
        "Оценка по этим данным невозможна.",
        "Честно: тут я оценить не возьмусь.",
        "Оценка была бы недостоверной, поэтому её не даю.",
        "Не оценю.",
    ),
    "place": (
        "Уточните, пожалуйста, город, район или метро.",
        "Где ищем? Город, район или метро.",
        "Начнём с места: город, район или метро, цена зависит от него больше всего.",
        "Где?",
    ),
    "price_max": (
        "Уточните, пожалуйста, бюджет.",
        "А какой бюджет?",
        "Какой верхний предел бюджета закладываем?",
        "Бюджет?",
    ),
    "area": (
        "Уточните, пожалуйста, общую площадь в м².",
        "Сколько в ней метров?",
        "Какая общая площадь по документам, без балкона?",
        "Площадь?",
    ),
    "rooms": (
        "Уточните, пожалуйста, число комнат.",
        "Сколько комнат?",
        "Сколько комнат? Студия и евроформат оцениваются иначе.",
        "Комнат?",
    ),
    "help": (
        "Я подбираю и оцениваю квартиры. Укажите место, число комнат и бюджет или опишите свою квартиру.",
        "Я ищу и оцениваю квартиры. Напиши, например: «двушка в Строгино до 16 млн» или «сколько стоит однушка 38 м у метро Сокол».",
        "Ищу и оцениваю квартиры по объявлениям. Чем точнее место, площадь, этаж и ремонт, тем уже диапазон.",
        "Ищу и оцениваю квартиры. Напиши, что нужно.",
    ),
    "no_model": (
        "Модель оценки ещё не обучена: недостаточно объявлений или идёт обучение.",
        "Я ещё учусь оценивать: загляни через пару минут.",
        "Модель оценки ещё обучается на объявлениях: повтори через пару минут.",
        "Оценка ещё не готова.",
    ),
}  # fmt: skip
_SORTS = {
    "price": "по цене", "price_per_metre": "по цене м²", "discount": "сначала выгодные",
    "travel": "сначала ближние",
}  # fmt: skip
_VERDICTS: dict[Verdict, str] = {
    "above": "выше диапазона",
    "within": "в пределах диапазона",
    "below": "ниже диапазона",
}
_SLOT_NAMES = {
    "city": "город", "district": "район", "metro": "метро", "rooms": "комнаты",
    "price_min": "цена от", "price_max": "цена до", "area_min": "площадь от",
    "area_max": "площадь до", "floor": "этаж", "floors_total": "этажность",
    "floor_min": "этаж от", "floor_max": "этаж до", "not_first_floor": "не первый этаж",
    "not_last_floor": "не последний этаж", "renovation": "ремонт", "market": "рынок",
    "metro_minutes": "минуты до метро", "words": "адрес", "house_type": "дом",
    "travel_to": "дорогу", "travel_minutes": "дорогу",
}  # fmt: skip


# What to take away, after «убрать».
_SLOTS_TAKEN_AWAY = {
    **_SLOT_NAMES,
    "city": "город", "price_min": "нижнюю цену", "price_max": "цену", "area_min": "площадь",
    "area_max": "площадь", "metro_minutes": "минуты до метро", "floor_min": "этаж",
    "floor_max": "этаж", "not_first_floor": "«не первый этаж»",
    "not_last_floor": "«не последний этаж»",
}  # fmt: skip
_INSIDE_AMOUNT = re.compile(r"(?<=\d) (?=\d{3}(?!\d)|млн|тыс|₽|м²|мин|эт\.)|(?<=млн) (?=₽)")


def unbroken(text: str) -> str:
    """The text with non-breaking spaces inside amounts, so that no line ends in a price."""
    return _INSIDE_AMOUNT.sub("\u00a0", text)


def lead(event: str, style: str) -> str:
    """The sentence that opens an answer in this style."""
    return _LEADS[event][STYLES.index(style)]


def money(roubles: float) -> str:
    """12 450 000 as «12,45 млн ₽», small amounts whole."""
    if abs(roubles) >= 1_000_000:
        text = f"{roubles / 1e6:.2f}".rstrip("0").rstrip(".").replace(".", ",")
        return f"{text} млн ₽"
    return f"{spaced(roubles)} ₽"


def spaced(number: float) -> str:
    return f"{round(number):,}".replace(",", " ")


def rooms_text(rooms: int | None) -> str:
    if rooms is None:
        return "квартира"
    return "студия" if rooms == 0 else f"{rooms}-комн."


def area_text(area: float) -> str:
    return f"{area:g} м²".replace(".", ",")


def slot_text(name: str, slots: Slots) -> str:
    """One thing understood, as its chip says it."""
    value = getattr(slots, name)
    if name == "rooms":
        return " или ".join(rooms_text(count) for count in value)
    if name in ("price_min", "price_max"):
        return f"{'от' if name == 'price_min' else 'до'} {money(value)}"
    if name in ("area_min", "area_max"):
        return f"{'от' if name == 'area_min' else 'до'} {area_text(value)}"
    if name in ("not_first_floor", "not_last_floor"):
        return _SLOT_NAMES[name]
    if name == "metro":
        return f"м. {value}"
    if name == "floors_total":
        return f"в доме {value} эт."
    if name == "travel_to":
        limit = f" не дольше {slots.travel_minutes} мин" if slots.travel_minutes else ""
        return f"до {station_text(value)}{limit}"
    if name == "metro_minutes":
        return f"до метро {value} мин"
    if name in ("city", "district", "market", "words", "house_type"):
        return str(value)
    if name == "renovation" and "ремонт" in value:
        return str(value)
    return f"{_SLOT_NAMES[name]} {value}"


def chip_text(name: str, slots: Slots) -> str:
    """A slot's chip; a number said exactly has no «до»."""
    text = slot_text(name, slots)
    return text.removeprefix("до ") if slots.is_exact(name) else text


def understood(slots: Slots) -> str:
    """«Я понял: …», an exact price or area once."""
    parts = [chip_text(name, slots) for name in slots.shown()]
    return f"Я понял: {', '.join(parts)}".rstrip(".") + "." if parts else ""


def ignored(wishes: Sequence[str]) -> str:
    """What was wished for and is not in the listings; empty when nothing was."""
    return f"\n\nНе учёл: {', '.join(wishes)}." if wishes else ""


def way_notes(slots: Slots, message: ParsedMessage) -> str:
    """What hinders the search by the way: no map has the station, or two have; else empty."""
    way = way_of(slots)
    cities = " и ".join(load_networks())
    if way and len(way.targets) > 1:
        return f"\n\nСтанция «{way.name}» есть не в одном городе ({cities}). Назови город."
    unknown = message.unknown_station or ("" if way else slots.travel_to)
    if not unknown:
        return ""
    return (
        f"\n\nНе учёл дорогу: станции «{unknown}» нет на моих схемах метро ({cities}). "
        "Назови другую станцию."
    )


def station_text(name: str) -> str:
    """A station after «до»: adjectives are declined, other names stand as they are."""
    if name.endswith("ая") and " " not in name:
        return f"«{name[:-2]}ой»"
    return f"м. «{name}»"


def flat_line(flat: Flat) -> str:
    """A flat in one line: rooms, area, floor, place."""
    return ", ".join(filter(None, (_plan(flat), _place(flat))))


def _plan(flat: Flat) -> str:
    parts = [rooms_text(flat.rooms)]
    if flat.total_area:
        parts.append(area_text(flat.total_area))
    if flat.floor:
        parts.append(
            f"{flat.floor}/{flat.floors_total} эт." if flat.floors_total else f"{flat.floor} эт."
        )
    return ", ".join(parts)


def _place(flat: Flat) -> str:
    place = f"м. {flat.metro}" if flat.metro else flat.district or flat.city or ""
    return f"{place} {flat.metro_min:g} мин" if flat.metro and flat.metro_min else place


def search_facts(page: SearchPage, offset: int, sort: str, way: Way | None = None) -> str:
    """The list of what was found, numbered from the page's start."""
    head = f"Всего: {plural(page.total, 'вариант', 'варианта', 'вариантов')}, {_SORTS[sort]}."
    lines = [head, "", flat_list(page.listings, offset + 1, way)]
    if way:
        lines += ["", WAY_NOTE]
    if sort == "discount":
        lines += ["", *_reasons(page.listings, offset + 1)]
    return "\n".join(lines)


def flat_list(items: Sequence[Listing], first: int = 1, way: Way | None = None) -> str:
    """Two short lines a flat, numbered from `first`; that they are made up is said once."""
    lines = []
    for number, item in enumerate(items, start=first):
        lines.append(f"{number}. **{money(item.flat.price or 0)}** · {_plan(item.flat)}")
        moved = (_cheaper(item), _against_estimate(item))
        places = (_place(item.flat), travel_text(item.flat, way))
        where = " · ".join(filter(None, (*places, *moved)))
        lines += [where] if where else []
    made_up = [item.demo for item in items]
    if any(made_up):
        numbers = [str(number) for number, demo in enumerate(made_up, start=first) if demo]
        which = "" if all(made_up) else f" (№ {', '.join(numbers)})"
        lines += ["", f"⚠️ {DEMO}{which}"]
    return unbroken("\n".join(lines))


def travel_text(flat: Flat, way: Way | None) -> str:
    """«До «Тверской» 32 мин»; empty where the way or its length is unknown."""
    minutes = way.minutes(flat) if way else None
    return f"до {station_text(way.name)} {minutes} мин" if way and minutes is not None else ""


def nothing_facts(blockers: tuple[Blocker, ...]) -> str:
    """Which filter stands in the way, and what there is without it."""
    if not blockers:
        return "Мешают сразу несколько условий: убери лишние кнопками или скажи «начни сначала»."
    lines = [
        f"• Если убрать {_SLOTS_TAKEN_AWAY[blocker.slots[0]]}: "
        f"{plural(blocker.count, 'вариант', 'варианта', 'вариантов')}, от {money(blocker.cheapest)}"
        for blocker in blockers[:3]
    ]
    return unbroken("\n".join(["Мешает одно из условий.", *lines]))


def card(listing: Listing, periods: Sequence[PricePeriod] = (), way: Way | None = None) -> str:
    """A listing with everything that its row has, and the history of its price."""
    flat = listing.flat
    lines = [f"**{money(flat.price or 0)}** · {flat_line(flat)}"]
    if flat.price_per_metre:
        lines.append(f"{spaced(flat.price_per_metre)} ₽/м²")
    if listing.previous_price and listing.previous_price != flat.price:
        lines.append(f"Прежняя цена: {money(listing.previous_price)}")
    if history := price_history(periods):
        lines.append(history)
    if travel := travel_text(flat, way):
        lines.append(f"🚇 {travel} от двери: пешком до метро и на поезде")
    address = ", ".join(filter(None, (flat.city, flat.district, flat.street)))
    if address:
        lines.append(f"📍 {address}")
    details = [
        f"кухня {area_text(flat.kitchen_area)}" if flat.kitchen_area else None,
        f"жилая {area_text(flat.living_area)}" if flat.living_area else None,
        f"дом {flat.year} г." if flat.year else None,
        flat.house_type,
        flat.market,
        _renovation_text(flat.renovation),
    ]
    if any(details):
        lines.append(", ".join(filter(None, details)))
    if listing.description:
        lines.append(listing.description[:400])
    source = ", ".join(filter(None, (listing.source, flat.date)))
    if source:
        lines.append(f"Источник: {source}")
    if listing.url:
        lines.append(listing.url)
    if listing.demo:
        lines.append(f"⚠️ {DEMO}")
    return unbroken("\n".join(lines))


def _renovation_text(renovation: str | None) -> str | None:
    """«Без ремонта» says it all; «евро» needs the word."""
    if not renovation or "ремонт" in renovation:
        return renovation
    return f"ремонт: {renovation}"


def verdict(listing: Listing) -> str:
    """The price against the estimate in one line, empty without an estimate."""
    if not listing.estimate:
        return ""
    return worth(listing).partition("\n")[0]


def worth(listing: Listing) -> str:
    """Whether a listing's price is above, within or below its range."""
    if not listing.estimate or not listing.estimate_low or not listing.estimate_high:
        return (
            "Оценки этой квартиры нет: похожих объявлений рядом мало, "
            "или модель ещё обучается на них."
        )
    verdict = place_price(listing.flat.price, listing.estimate_low, listing.estimate_high)
    lines = [
        f"Цена {money(listing.flat.price or 0)} — {_VERDICTS[verdict or 'within']}.",
        f"Оценка {money(_round(listing.estimate))}, 80 % цен таких квартир: "
        f"{money(_round(listing.estimate_low))} – {money(_round(listing.estimate_high))}.",
        DISCLAIMER,
    ]
    return unbroken("\n".join([*lines, *([f"⚠️ {DEMO}"] if listing.demo else [])]))


def comparison(items: list[Listing]) -> str:
    """Two to four flats side by side."""
    rows = comparison_rows(items)
    width = max(len(value) for _, values in rows for value in values) + 2
    table = [
        f"{name:<10}" + "".join(f"{value:>{width}}" for value in values) for name, values in rows
    ]
    return "\n".join([*comparison_heads(items), "", "```", *table, "```"])


def comparison_heads(items: Sequence[Listing]) -> list[str]:
    """What is compared: «1. 2-комн., 54 м²…»."""
    return [
        f"{number}. {flat_line(item.flat)}{_demo(item)}" for number, item in enumerate(items, 1)
    ]


def comparison_rows(items: Sequence[Listing]) -> list[tuple[str, list[str]]]:
    """What is compared, with each flat's value."""
    return [
        ("Цена, млн", [f"{(item.flat.price or 0) / 1e6:.2f}".replace(".", ",") for item in items]),
        ("Тыс. ₽/м²", [spaced((item.flat.price_per_metre or 0) / 1e3) for item in items]),
        (
            "Комнат",
            ["студ." if item.flat.rooms == 0 else _or_dash(item.flat.rooms) for item in items],
        ),
        ("Площадь", [_or_dash(item.flat.total_area) for item in items]),
        ("Кухня", [_or_dash(item.flat.kitchen_area) for item in items]),
        (
            "Этаж",
            [f"{_or_dash(item.flat.floor)}/{_or_dash(item.flat.floors_total)}" for item in items],
        ),
        ("Год", [_or_dash(item.flat.year) for item in items]),
        ("До метро", [_or_dash(item.flat.metro_min) for item in items]),
        ("К оценке", [_discount(item) for item in items]),
    ]


def appraisal_facts(appraisal: Appraisal, asked: float | None) -> str:
    """The estimate in five lines at most."""
    lines = [
        f"**{money(appraisal.price)}** за {flat_line(appraisal.flat)}, это {spaced(appraisal.per_metre)} ₽/м².",
        f"80 % цен таких квартир: {money(appraisal.low)} – {money(appraisal.high)}.",
    ]
    if appraisal.verdict and asked:
        lines.append(f"Запрошенная цена {money(asked)} — {_VERDICTS[appraisal.verdict]}.")
    if appraisal.narrows:
        lines.append(f"Скажи, {appraisal.narrows}, — оценю точнее.")
    lines.append(
        f"Данные на {appraisal.data_date}, объявлений: {spaced(appraisal.rows)}. {DISCLAIMER}"
    )
    return unbroken("\n".join(lines))


def appraisal_details(appraisal: Appraisal) -> str:
    """What the estimate is made of: its factors and its comparables."""
    lines = [f"Из чего сложилось: {money(appraisal.base)} — средняя по базе за такую площадь"]
    lines += [f"• {factor.name}: {signed(factor)}" for factor in appraisal.factors]
    lines += ["", "Похожие объявления и их цена, приведённая к этой квартире:"]
    for number, item in enumerate(appraisal.comparables, start=1):
        changes = sorted(item.adjustments, key=lambda factor: -abs(factor.roubles))[:2]
        why = "; ".join(f"{factor.name} {signed(factor)}" for factor in changes)
        lines.append(
            f"{number}. {flat_line(item.flat)}: {money(item.price)} → {money(item.adjusted)}"
            + (f" ({why})" if why else "")
        )
    lines += ["", f"Чего ты не сказал, взято как у похожих. {DISCLAIMER}"]
    return unbroken("\n".join(lines))


def refusal_facts(refusal: Refusal) -> str:
    if refusal.reason == "place":
        return f"Места «{refusal.detail}» нет в моих объявлениях: сравнить не с чем."
    if refusal.reason == "field":
        return f"Не хватает главного: {refusal.detail}."
    return (
        f"Похожих объявлений рядом слишком мало ({refusal.detail}). "
        "Назови место пошире, например город или округ."
    )


def price_history(periods: Sequence[PricePeriod]) -> str:
    """«Подешевела на 7 % за месяц · на рынке 35 дней»; empty where one import is all."""
    move, days = price_move(periods), days_on_market(periods)
    parts = []
    if move:
        how = "Подешевела" if move.share < 0 else "Подорожала"
        share = f"{abs(move.share) * 100:.1f}".removesuffix(".0").replace(".", ",")
        parts.append(f"{how} на {share} % за {span(move.days)}")
    if days:
        parts.append(f"на рынке {plural(days, 'день', 'дня', 'дней')}")
    text = " · ".join(parts)
    return text[:1].upper() + text[1:]


def span(days: int) -> str:
    """«Месяц», «12 дней», «4 месяца»: what follows «за»."""
    if abs(days - MONTH) <= 2:
        return "месяц"
    if days < 2 * MONTH:
        return plural(days, "день", "дня", "дней")
    return plural(round(days / 30.44), "месяц", "месяца", "месяцев")


def _cheaper(item: Listing) -> str:
    """«▼ 7 %» for a flat whose last change of price was down."""
    price, before = item.flat.price, item.previous_price
    if not price or not before or price >= before:
        return ""
    return f"▼ {max(1, round(100 * (1 - price / before)))} %"


def _reasons(items: Sequence[Listing], first: int) -> list[str]:
    """Why flats stand in the order of bargains, a line for each."""
    numbered = enumerate(items, start=first)
    reasons = [unbroken(f"№ {number}: {_bargain(item)}") for number, item in numbered]
    return ["Почему в таком порядке:", *reasons]


def _bargain(item: Listing) -> str:
    """Why a flat stands where it does among the bargains."""
    if item.discount is None or not item.estimate:
        return "оценки нет, сравнить не с чем"
    side = "ниже" if item.discount >= 0 else "выше"
    return f"на {abs(100 * item.discount):.0f} % {side} оценки {money(_round(item.estimate))}"


def _against_estimate(item: Listing) -> str:
    return f"к оценке {_discount(item)}" if item.estimate else ""


def _discount(item: Listing) -> str:
    if item.discount is None:
        return "—"
    percent = round(-100 * item.discount)
    sign = "+" if percent > 0 else "−" if percent else ""
    return f"{sign}{abs(percent)} %"


def _demo(item: Listing) -> str:
    return f" · {DEMO}" if item.demo else ""


def signed(factor: Factor) -> str:
    sign = "+" if factor.roubles > 0 else "−"
    return f"{sign}{money(abs(factor.roubles))}"


def _or_dash(value: float | None) -> str:
    return "—" if value is None else f"{value:g}".replace(".", ",")


def _round(roubles: float) -> int:
    return round(roubles / 10_000) * 10_000
