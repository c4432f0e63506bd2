"""Parse an extract from ЕГРН: its labels cut the text into values.

Labels stand in a fixed order of words, but a PDF breaks their lines anywhere; so the text is put
into one line, and a value is what stands between its label and the next one.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

MAX_READ = 100_000  # characters; a flat's extract has about 10,000

# By name, each label as the register prints it; the longest that fits at a place counts.
_LABELS: dict[str, tuple[str, ...]] = {
    "number": ("Кадастровый номер:", "Кадастровый номер"),
    "address": ("Местоположение:", "Адрес (местоположение):", "Адрес:"),
    "area": ("Площадь, м2:", "Площадь, м²:", "Площадь, кв. м:", "Площадь:"),
    "purpose": ("Назначение:",),
    "kind": ("Вид жилого помещения:",),
    "title": ("Наименование:",),
    "floor": ("Номер, тип этажа, на котором расположено помещение, машино-место:",),
    "status": ("Статус записи об объекте недвижимости:",),
    "marks": ("Особые отметки:",),
    "receiver": ("Получатель выписки:",),
    "owners": ("Правообладатель (правообладатели):", "Правообладатель:"),
    "third_parties": (
        "Сведения о возможности предоставления третьим лицам персональных данных физического лица",
    ),
    "right": (
        "Вид, номер, дата и время государственной регистрации права:",
        "Вид, номер и дата государственной регистрации права:",
    ),
    "basis": ("Документы-основания:", "Документы-основания"),
    "no_consent": (
        "Сведения об осуществлении государственной регистрации сделки, права без необходимого "
        "в силу закона согласия третьего лица, органа:",
    ),
    "burdens": (
        "Ограничение прав и обременение объекта недвижимости:",
        "Ограничение (обременение) права:",
    ),
    "shared_building": ("Договоры участия в долевом строительстве:",),
    "court": ("Заявленные в судебном порядке права требования:",),
    "objection": (
        "Сведения о возражении в отношении зарегистрированного права:",
        "Сведения о наличии решения об изъятии и возражении:",
    ),
    "seizure": (
        "Сведения о решении об изъятии объекта недвижимости для государственных и муниципальных "
        "нужд:",
        "Сведения о наличии решения об изъятии объекта недвижимости для государственных и "
        "муниципальных нужд:",
    ),
    "personally": (
        "Сведения о невозможности государственной регистрации без личного участия "
        "правообладателя или его законного представителя:",
    ),
    "claims": (
        "Правопритязания и сведения о наличии поступивших, но не рассмотренных заявлений о "
        "проведении государственной регистрации права (перехода, прекращения права), ограничения "
        "права или обременения объекта недвижимости, сделки в отношении объекта недвижимости:",
        "Правопритязания:",
    ),
    # Labels whose values nobody asks for; they end the value before them.
    "": (
        "Номер кадастрового квартала:", "Дата присвоения кадастрового номера:",
        "Ранее присвоенный государственный учетный номер:", "Кадастровая стоимость, руб",
        "Кадастровые номера иных объектов недвижимости",
        "Виды разрешенного использования:", "Раздел", "Лист №", "полное наименование должности",
        "Сведения о невозможности государственной регистрации перехода, прекращения",
        "Сведения о включении объекта недвижимости в реестр объектов культурного наследия",
        "Сведения о кадастровом инженере", "План расположения помещения", "Масштаб",
    ),
}  # fmt: skip
_NOTHING = re.compile(
    r"(?:данные |сведения )?(?:отсутству\w+|не зарегистрирован\w*|не определен\w*)", re.IGNORECASE
)
_SPACES = re.compile(r"\s+")
_DATE = re.compile(r"\b(\d{2})\.(\d{2})\.(\d{4})\b")
_CADASTRAL = re.compile(r"\b\d{2}:\d{2}:\d{5,7}:\d{1,7}\b")
_NUMBER = re.compile(r"\d{1,6}(?:[.,]\d{1,2})?")
_ISSUED = re.compile(r"(\d{2}\.\d{2}\.\d{4})\s{0,3}г?\.?,?\s{0,3}№\s{0,3}КУВИ")
_REQUESTED = re.compile(
    r"(?:На основании запроса|Дата формирования)[^\d]{0,60}(\d{2}\.\d{2}\.\d{4})"
)
_SHARE = re.compile(r"дол(?:евая|я)[^/\d]{0,40}(\d{1,6})\s?/\s?(\d{1,6})\b", re.IGNORECASE)
_ITEM = re.compile(r"(?:^|\s)\d{1,2}(?:\.\d{1,3}){1,2}\.?\s")
_ORDINAL = r"(?:\b\d{1,2}\.? )?"  # «5 Ограничение прав и обременение»
_BURDEN = re.compile(r"вид:\s*", re.IGNORECASE)
_IN_FAVOUR = re.compile(
    r"лицо, в пользу которого установлен\w*[^:]{0,120}:\s*(?P<who>[^,;]{2,120})", re.IGNORECASE
)
_REGISTERED = re.compile(r"дата государственной регистрации:\s*(\d{2}\.\d{2}\.\d{4})", re.I)


@dataclass(frozen=True, slots=True)
class Owner:
    """Who owns the flat. `name` is None where the register hides it; `born` is rarely told."""

    name: str | None
    share: Fraction | None = None
    since: date | None = None
    basis: str | None = None
    born: date | None = None


@dataclass(frozen=True, slots=True)
class Burden:
    """A mortgage, an arrest, a lease: what it is, since when, in whose favour."""

    kind: str
    since: date | None = None
    favour: str | None = None


@dataclass(frozen=True, slots=True)
class Extract:
    """An extract; None is what it doesn't say, "" or () what it says there is none of."""

    issued: date | None
    number: str | None
    address: str | None
    area: float | None
    kind: str | None
    owners: tuple[Owner, ...] | None
    burdens: tuple[Burden, ...] | None
    court: str | None
    objection: str | None
    seizure: str | None
    personally: str | None
    claims: str | None
    marks: str | None
    no_consent: str | None
    transfers: bool = False  # an extract on past owners, which doesn't tell of burdens


def is_extract(text: str) -> bool:
    """Whether a document is an extract from ЕГРН."""
    head = _SPACES.sub(" ", text[:MAX_READ]).lower()
    register = "единого государственного реестра недвижимости" in head or "егрн" in head
    return register and "выписка" in head and _CADASTRAL.search(head) is not None


def read_extract(pages: Sequence[str]) -> Extract:
    """Read the text of an extract, page by page."""
    text = _SPACES.sub(" ", " ".join(pages)[:MAX_READ])
    values = _values(text)
    number = _first(values, "number")
    cadastral = _CADASTRAL.search(number or "") or _CADASTRAL.search(text)
    area = _NUMBER.search(_first(values, "area") or "")
    return Extract(
        issued=_date(_ISSUED, text) or _date(_REQUESTED, text),
        number=cadastral[0] if cadastral else None,
        address=_said(_first(values, "address")),
        area=float(area[0].replace(",", ".")) if area else None,
        kind=_said(
            _first(values, "kind") or _first(values, "title") or _first(values, "purpose")
        ),
        owners=_owners(values),
        burdens=_burdens(values),
        **{
            name: _said(" ".join(values[name])) if name in values else None
            for name in (
                "court", "objection", "seizure", "personally", "claims", "marks", "no_consent",
            )
        },
        transfers="о переходе прав" in text.lower() and "owners" not in values,
    )  # fmt: skip


def _values(text: str) -> dict[str, list[str]]:
    """The values of each label in order; a block of rights comes once per owner."""
    places = sorted(_label_places(text))
    starts = [start for start, _, _ in places]
    values: dict[str, list[str]] = {}
    for start, end, name in places:
        following = bisect_right(starts, start)
        until = starts[following] if following < len(starts) else len(text)
        value = text[end:until].strip(" :;,")
        if name:
            values.setdefault(name, []).append(value)
    return values


def _label_places(text: str) -> list[tuple[int, int, str]]:
    """Where labels begin and end; where two overlap, the first and longest stands."""
    found = [
        (match.start(), match.end(), name)
        for name, pattern in _PATTERNS.items()
        for match in pattern.finditer(text)
    ]
    kept: list[tuple[int, int, str]] = []
    for start, end, name in sorted(found, key=lambda place: (place[0], -place[1])):
        if not kept or start >= kept[-1][1]:
            kept.append((start, end, name))
    return kept


_NUMBERED = (
    *("owners", "right", "basis", "no_consent", "burdens", "shared_building"),
    *("court", "objection", "seizure", "personally", "claims"),
)


def _pattern(name: str) -> re.Pattern[str]:
    labels = sorted(_LABELS[name], key=len, reverse=True)
    either = "|".join(re.escape(label).replace(r"\ ", " ?") for label in labels)
    return re.compile(f"{_ORDINAL if name in _NUMBERED else ''}(?:{either})")


_PATTERNS = {name: _pattern(name) for name in _LABELS}


def _first(values: dict[str, list[str]], name: str) -> str | None:
    return values[name][0] if name in values else None


def _said(value: str | None) -> str | None:
    """A value as it stands; "" where the register says that there is none."""
    if value is None:
        return None
    value = _ITEM.sub(" ", f" {value} ").strip(" :;,")
    return "" if not value or _NOTHING.match(value) else value


def _owners(values: dict[str, list[str]]) -> tuple[Owner, ...] | None:
    if "owners" not in values:
        return None
    rights = [item for value in values.get("right", ()) for item in _items(value)]
    bases = values.get("basis", [])
    owners = []
    named = [item for value in values["owners"] for item in _items(value)]
    for index, item in enumerate(named):
        right = rights[index] if index < len(rights) else (rights[0] if rights else "")
        basis = bases[index] if index < len(bases) else (bases[0] if bases else None)
        owners.append(_owner(item, right, basis))
    return tuple(owners)


def _items(value: str) -> list[str]:
    """The items «1.1 …», «1.2 …» of a value."""
    return [item.strip(" ,;") for item in _ITEM.split(f" {value} ") if item.strip(" ,;")]


def _owner(item: str, right: str, basis: str | None) -> Owner:
    name = item.split(",")[0].strip()
    hidden = name.lower().startswith(("физическое лицо", "данные", "сведения", "не ")) or not name
    born = _DATE.search(item)
    share = _SHARE.search(right) or _SHARE.search(item)
    since = _DATE.search(right)
    return Owner(
        None if hidden else name,
        Fraction(int(share[1]), int(share[2])) if share and int(share[2]) else None,
        _as_date(since),
        _said(basis),
        _as_date(born),
    )


def _burdens(values: dict[str, list[str]]) -> tuple[Burden, ...] | None:
    if "burdens" not in values:
        return None
    found = []
    for value in values["burdens"]:
        kinds = _BURDEN.split(value)[1:] or ([value] if _said(value) else [])
        for text in kinds:
            kind = _said(re.split(r";|,? дата государственной", text, maxsplit=1)[0])
            favour = _IN_FAVOUR.search(text)
            if kind:
                since = _as_date(_DATE.search(_matched(_REGISTERED, text)))
                found.append(Burden(kind, since, favour["who"].strip() if favour else None))
    return tuple(dict.fromkeys(found))


def _matched(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[1] if match else ""


def _date(pattern: re.Pattern[str], text: str) -> date | None:
    return _as_date(_DATE.search(_matched(pattern, text)))


def _as_date(match: re.Match[str] | None) -> date | None:
    if match is None:
        return None
    try:
        return date(int(match[3]), int(match[2]), int(match[1]))
    except ValueError:
        return None
