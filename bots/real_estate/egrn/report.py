"""Tell a buyer what an extract means, by the lines of the seller's checklist.

Names are shortened and documents, birthdays and numbers of persons left out: an answer stays in a
chat for years.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from bots.common.russian import plural
from bots.real_estate.egrn.extract import Burden, Extract, Owner

MAX_SHOWN = 10  # owners, burdens
FRESH_DAYS = 30
RECENT_DAYS = 365
_ADULT_YEARS = 18
_FOOTER = (
    "Подлинность я не проверяю: сверь электронную подпись на сайте Росреестра. Выписку и данные из неё я не сохраняю. "
    "Что ещё проверить у продавца — /checklists."
)
_BASES: tuple[tuple[str, str], ...] = (
    ("наслед", "наследство: могут объявиться другие наследники, попроси свидетельство и узнай срок"),
    ("дарен", "дарение: дарственную можно оспорить, узнай, кто и когда подарил"),
    ("приватизац", "приватизация: проверь, не отказался ли кто от доли и не остался ли прописан"),
    ("передач", "передача квартиры: если это приватизация, проверь, не отказался ли кто от доли"),
    ("рент", "рента: узнай, жив ли получатель и снято ли обременение"),
    ("суд", "решение суда: прочти его, оно должно вступить в силу"),
    ("участия в долевом", "договор долевого участия: первый собственник"),
    ("купли", "купля-продажа: если покупали в браке, нужно согласие супруга"),
)  # fmt: skip


def describe(extract: Extract, today: date) -> str:
    """The whole answer."""
    if extract.transfers:
        return (
            "Это выписка о переходе прав: она говорит о прошлых собственниках, но не об обременениях. "
            "Пришли ещё выписку «об основных характеристиках и зарегистрированных правах»."
        )
    lines = [_head(extract), "", _age(extract.issued, today)]
    lines += _owners(extract.owners, today)
    lines += _burdens(extract.burdens)
    lines += _restrictions(extract)
    if missing := _missing(extract):
        lines += ["", f"Не нашёл в выписке: {', '.join(missing)}. Посмотри сам."]
    return "\n".join([*lines, "", _FOOTER])


def _head(extract: Extract) -> str:
    area = f"{extract.area:g} м²".replace(".", ",") if extract.area else None
    facts = [extract.kind or None, area, extract.address or None]
    number = f"Кадастровый номер {extract.number}" if extract.number else None
    return "\n".join(filter(None, ("**Выписка из ЕГРН**", ", ".join(filter(None, facts)), number)))


def _age(issued: date | None, today: date) -> str:
    if issued is None:
        return "❓ Когда выдана — не нашёл. Перед сделкой закажи новую."
    days = (today - issued).days
    told = f"Выдана {_day(issued)}"
    if days < 0:
        return f"⚠️ {told} — это дата в будущем, так не бывает."
    if days > FRESH_DAYS:
        return f"⚠️ {told}, ей {plural(days, 'день', 'дня', 'дней')}: с тех пор всё могло измениться, закажи новую в день сделки."
    return f"✅ {told}, ей {plural(days, 'день', 'дня', 'дней')}. В день сделки закажи ещё одну."


def _owners(owners: tuple[Owner, ...] | None, today: date) -> list[str]:
    if not owners:
        return []
    lines = [_owner_line(owner) for owner in owners[:MAX_SHOWN]]
    if len(owners) > MAX_SHOWN:
        lines.append(f"• и ещё {len(owners) - MAX_SHOWN}")
    shares = [owner.share for owner in owners if owner.share]
    head = "👤 Собственник:" if len(owners) == 1 else f"👥 Собственников: {len(owners)}"
    lines = [head, *lines]
    if len(owners) > 1:
        lines.append("⚠️ Подписать договор должны все. Если продают одну долю, нужен нотариус.")
    if shares and (total := sum(shares, Fraction())) != 1:
        lines.append(f"⚠️ Доли в сумме {total}, а не целое: в выписке не все собственники.")
    if any(owner.name is None for owner in owners):
        lines.append("ℹ️ Имя закрыто. Попроси продавца прислать выписку, которую закажет он сам.")
    elif owners:
        lines.append("Сверь имя полностью с паспортом продавца.")
    lines += _minors(owners, today)
    return [*lines, *_histories(owners, today)]


def _owner_line(owner: Owner) -> str:
    share = f", доля {owner.share}" if owner.share else ""
    since = f", право с {_day(owner.since)}" if owner.since else ""
    return f"• {short_name(owner.name) if owner.name else 'имя закрыто'}{share}{since}"


def _minors(owners: tuple[Owner, ...], today: date) -> list[str]:
    young = any(o.born and (today - o.born).days < _ADULT_YEARS * 365.25 for o in owners)
    return ["⚠️ Есть собственник младше 18: нужны разрешение опеки и нотариус."] if young else []


def _histories(owners: tuple[Owner, ...], today: date) -> list[str]:
    lines = []
    for basis in dict.fromkeys(owner.basis for owner in owners if owner.basis):
        advice = next((text for stem, text in _BASES if stem in basis.lower()), None)
        if advice:
            lines.append(f"📄 Основание — {advice}.")
    if any(owner.since and 0 <= (today - owner.since).days < RECENT_DAYS for owner in owners):
        lines.append("⚠️ Владеет меньше года: узнай, почему продаёт, и проверь прежнюю сделку.")
    return lines


def _burdens(burdens: tuple[Burden, ...] | None) -> list[str]:
    if burdens is None:
        return []
    if not burdens:
        return ["✅ Обременений нет."]
    return [_burden_line(burden) for burden in burdens[:MAX_SHOWN]]


def _burden_line(burden: Burden) -> str:
    kind = burden.kind.lower()
    if "ипотек" in kind or "залог" in kind:
        advice = "узнай остаток долга и как его гасят в сделке, банк должен снять залог"
    elif "арест" in kind or "запре" in kind:
        advice = "продать нельзя, пока не снимут: не плати ничего"
    elif "аренд" in kind or "наём" in kind or "найм" in kind:
        advice = "жилец останется и после продажи, попроси договор"
    elif "рент" in kind:
        advice = "получатель ренты живёт там, без него продать нельзя"
    else:
        advice = "спроси документы и покажи юристу"
    mark = "⛔" if "арест" in kind or "запре" in kind else "⚠️"
    favour = f" в пользу {_party(burden.favour)}" if burden.favour else ""
    since = f" с {_day(burden.since)}" if burden.since else ""
    return f"{mark} Обременение: {burden.kind[:120]}{favour}{since} — {advice}."


def _party(name: str) -> str:
    """An organisation by its name, a person without it."""
    looks_like_a_person = len(name.split()) == 3 and name.replace(" ", "").isalpha()
    return "частного лица" if looks_like_a_person else name


_RESTRICTIONS: tuple[tuple[str, str, str], ...] = (
    ("claims", "Нерассмотренных заявлений нет", "Есть нерассмотренные заявления или правопритязания: кто-то регистрирует что-то прямо сейчас"),
    ("court", "Требований через суд нет", "Есть требования, заявленные в суде: узнай дело на сайте суда"),
    ("objection", "Возражений против права нет", "Прежний собственник возражает против права: не покупай без юриста"),
    ("seizure", "Изъятия для государственных нужд нет", "Есть решение об изъятии для государственных или муниципальных нужд"),
    ("personally", "", "Собственник запретил сделки без своего личного участия: по доверенности продать нельзя"),
    ("no_consent", "", "Право зарегистрировано без согласия третьего лица: сделку могут оспорить"),
)  # fmt: skip


def _restrictions(extract: Extract) -> list[str]:
    lines = []
    for name, fine, bad in _RESTRICTIONS:
        value = getattr(extract, name)
        if value == "" and fine:
            lines.append(f"✅ {fine}.")
        elif value:
            lines.append(f"⚠️ {bad}.")
    if extract.marks:
        lines.append("ℹ️ Есть особые отметки: прочти их в разделе 1 выписки.")
    return lines


_WANTED: tuple[tuple[str, str], ...] = (
    ("issued", "дату выдачи"), ("number", "кадастровый номер"), ("address", "адрес"),
    ("area", "площадь"), ("owners", "собственников"), ("burdens", "обременения"),
    ("claims", "правопритязания"), ("court", "требования в суде"),
    ("objection", "возражения"), ("seizure", "изъятие"),
)  # fmt: skip


def _missing(extract: Extract) -> list[str]:
    return [
        text
        for name, text in _WANTED
        if getattr(extract, name) is None or (name == "owners" and not extract.owners)
    ]


def short_name(name: str) -> str:
    """«Петрова Анна Сергеевна» as «Анна П.»; an organisation whole."""
    words = name.split()
    if len(words) in (2, 3) and all(word.replace("-", "").isalpha() for word in words):
        return f"{words[1]} {words[0][0]}."
    return name[:120]


def _day(day: date) -> str:
    return day.strftime("%d.%m.%Y")
