"""One message of a talk: its intent, what it fills, what it takes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bots.real_estate.request import TRAVEL, Intent
from bots.real_estate.understanding.amounts import read_amounts
from bots.real_estate.understanding.background import without_background
from bots.real_estate.understanding.clearing import read_cleared
from bots.real_estate.understanding.condition import (
    read_house_type,
    read_market,
    read_renovation,
)
from bots.real_estate.understanding.corrections import corrected
from bots.real_estate.understanding.english import in_russian, is_english
from bots.real_estate.understanding.floors import read_floors
from bots.real_estate.understanding.follow_ups import NO_FOLLOW_UP, FollowUp, read_follow_up
from bots.real_estate.understanding.gazetteer import Gazetteer, load_gazetteer
from bots.real_estate.understanding.intent import Evidence, Verdict, is_small_talk, read_intent
from bots.real_estate.understanding.keyboard import in_intended_layout
from bots.real_estate.understanding.mentions import Mention
from bots.real_estate.understanding.morphology import is_known, lemmas
from bots.real_estate.understanding.numbers import read_numbers, storeys_or_rooms
from bots.real_estate.understanding.phrases import phrases, words
from bots.real_estate.understanding.place_context import is_street_of_a_person
from bots.real_estate.understanding.places import read_places
from bots.real_estate.understanding.quantities import read_quantities
from bots.real_estate.understanding.rooms import read_rooms, room_word
from bots.real_estate.understanding.spelling import request_words
from bots.real_estate.understanding.surroundings import (
    read_ignored,
    read_metro_minutes,
    read_wishes,
)
from bots.real_estate.understanding.tokens import MAX_READ, Tokens, tokenize
from bots.real_estate.understanding.travel import read_travel

_RESET = phrases(
    """начни|начнем|начать|давай ~ сначала|заново, начни с начала|нуля, с чистого листа, сброс, сбросить, сбрось, сбросьте, очисти|очистить ~ фильтр|все,
    забудь все|что, новый поиск"""
)


@dataclass(frozen=True, slots=True)
class ParsedMessage:
    """What one message changes: slots to fill, slots to empty, or everything.

    `ignored` are wishes that no filter serves, `unknown_station` is where a way should lead to, `foreign` tells that a message is
    in English. `places` are named in a message of any intent. `open` are the words that the rules made nothing of, for a model to read.
    """

    intent: Intent
    slots: dict[str, Any] = field(default_factory=dict)
    cleared: frozenset[str] = frozenset()
    reset: bool = False
    ignored: tuple[str, ...] = ()
    unknown_station: str = ""
    follow_up: FollowUp = NO_FOLLOW_UP
    foreign: bool = False
    open: str = ""
    places: dict[str, Any] = field(default_factory=dict)

    @property
    def sure(self) -> bool:
        """Whether the rules leave nothing open."""
        return not self.open


def read_turn(text: str, previous: Intent | None = None, asked: str | None = None) -> ParsedMessage:
    """Read a message by rules.

    `previous` is the intent of the talk so far, `asked` the slot that was asked for:
    a bare «15» after a question about the budget is a price.
    """
    gazetteer = load_gazetteer()
    text = in_intended_layout(text)
    tokens = tokenize(text)
    foreign = is_english(tokens)
    if foreign:
        tokens = in_russian(tokens, gazetteer)
    tokens = read_numbers(_mend_spelling(tokens, gazetteer))
    if _RESET.within(tokens):
        return ParsedMessage("other", reset=True)
    follow_up = read_follow_up(tokens)
    if follow_up.compared:
        return ParsedMessage("other", follow_up=follow_up)
    cleared = read_cleared(tokens)
    travel = read_travel(tokens, gazetteer)
    mentions = [*travel.mentions, *_read_words(tokens, gazetteer)]
    quantities = read_quantities(tokens)
    evidence = _evidence(mentions, quantities)
    verdict = read_intent(tokens, evidence, previous)
    intent = "search" if previous and follow_up.similar else verdict.intent
    mentions += read_amounts(
        tokens,
        quantities,
        exact=intent == "value",
        asked=asked,
        alone=not mentions,
        rooms=_fewest_rooms(mentions),
    )
    slots = _slots(without_background(tokens, corrected(tokens, mentions), intent))
    if intent is None:
        intent = "search" if slots and (_only_slots(tokens) or travel.mentions) else "other"
    if previous and intent == "other" and follow_up.shift and not _has_foreign_words(tokens):
        intent = previous
    if intent == "other":
        unread = "" if foreign else _unread(text, tokens, verdict)
        places = {name: value for name, value in slots.items() if name in _PLACES}
        return ParsedMessage(
            "other",
            cleared=cleared,
            ignored=() if _has_foreign_words(tokens) else read_wishes(tokens),
            follow_up=follow_up,
            foreign=foreign,
            open=unread,
            places=places,
        )
    if intent == "value":  # what a flat is worth doesn't hang on where its buyer works
        slots = {name: value for name, value in slots.items() if name not in TRAVEL}
    ignored = read_ignored(tokens) if intent == "search" else ()
    return ParsedMessage(
        intent,
        slots,
        cleared,
        ignored=ignored,
        unknown_station=travel.unknown if intent == "search" else "",
        follow_up=follow_up,
        open=_leftovers(tokens),
    )


def _mend_spelling(tokens: Tokens, gazetteer: Gazetteer) -> Tokens:
    """Misspelt words of requests and names of places in their right spelling."""
    for token in tokens:
        word = token.low
        if token.kind != "word" or is_known(word) or word in gazetteer.words:
            continue
        if room_word(word) is not None or storeys_or_rooms(word, ("этаж",)) is not None:
            continue
        mended = request_words().mend(word) or gazetteer.mend(word)
        if mended:
            token.low, token.lemmas = mended, lemmas(mended)
    return tokens


def _read_words(tokens: Tokens, gazetteer: Gazetteer) -> list[Mention]:
    """All mentions but amounts; each reader uses up its words."""
    mentions = read_renovation(tokens)
    mentions += read_market(tokens)
    mentions += read_house_type(tokens)
    mentions += read_places(tokens, gazetteer)
    mentions += read_metro_minutes(tokens)
    mentions += read_floors(tokens)
    mentions += read_rooms(tokens)
    return mentions


def _fewest_rooms(mentions: Sequence[Mention]) -> int | None:
    named = [mention.values["rooms"] for mention in mentions if mention.group == "rooms"]
    return min(map(min, named), default=None)


def _evidence(mentions: Sequence[Mention], quantities: Sequence[Any]) -> Evidence:
    groups = {mention.group for mention in mentions if not mention.refused}
    units = {quantity.unit for quantity in quantities}
    return Evidence(
        rooms="rooms" in groups,
        price="money" in units
        or any(
            item.unit == "none" and (item.labelled or item.bound != "none") for item in quantities
        ),
        area="area" in units,
        exact_area=any(
            item.unit == "area" and item.bound == "none" and not item.is_range
            for item in quantities
        ),
        limit=any(
            (item.unit in ("money", "none") and item.bound == "most")
            or (item.unit == "money" and item.is_range)
            for item in quantities
        ),
        floor=bool(groups & {"floor", "storeys", "not_first"}),
        place=bool(groups & {"city", "district", "metro"}),
        condition=bool(groups & {"renovation", "market", "house_type", "metro_minutes", "travel"}),
    )


def _slots(mentions: Sequence[Mention]) -> dict[str, Any]:
    """The first value of each slot; several numbers of rooms are alternatives."""
    slots: dict[str, Any] = {}
    for mention in sorted(mentions, key=lambda mention: mention.weak):
        if mention.group == "rooms" and "rooms" in slots:
            rooms = () if mention.weak else mention.values["rooms"]
            slots["rooms"] = tuple(sorted({*slots["rooms"], *rooms}))
            continue
        for name, value in mention.values.items():
            slots.setdefault(name, value)
    return slots


def _unread(text: str, tokens: Tokens, verdict: Verdict) -> str:
    """The whole of a longer message that shows no intent and is no small talk."""
    count = sum(token.kind == "word" for token in tokens)
    unclear = verdict.intent is None and count >= _MIN_UNREAD and not is_small_talk(tokens)
    return text[:MAX_READ] if unclear else ""


def _leftovers(tokens: Tokens) -> str:
    """Strange words and names that no reader has used."""
    left = [
        token.text
        for index, token in enumerate(tokens)
        if token.kind == "word" and not token.used and _is_strange(tokens, index)
    ]
    return " ".join(left)


def _is_strange(tokens: Tokens, index: int) -> bool:
    token = tokens[index]
    if len(token.low) < _MIN_STRANGE or token.low.startswith(_JARGON):
        return False
    if tokens.low(index - 1) == "-" and not token.gap:  # «что-нибудь»
        return False
    if tokens.has_lemma(index + 1, _REGIONS) or is_street_of_a_person(tokens, index):
        return False
    begins = index == 0 or tokens[index - 1].low in (".", "!", "?", "\n", "...", ":")
    named = token.text[0].isupper() and not token.text.isupper() and not begins
    return named or not is_known(token.low)


_PLACES = frozenset({"city", "district", "metro"})
_MIN_UNREAD = 4  # words
_MIN_STRANGE = 5  # letters
# Words of the trade that a dictionary lacks and that fill no slot.
_JARGON = (
    "сталинк", "хрущ", "брежневк", "панельк", "малосемейк", "гостинк", "высотк", "маткап", "первичк", "вторичк",
    "новостройк", "машинк", "мебелир", "посудомоечн", "евроремонт", "застройщик", "риелтор", "риэлтор", "ипотек", "спецпроект",
)  # fmt: skip
_REGIONS = words("область край республика округ обл")


def _has_foreign_words(tokens: Tokens) -> bool:
    """Whether a short wish as «а подешевле?» is part of something longer."""
    return sum(token.kind == "word" for token in tokens) > _MAX_WISH


_MAX_WISH = 6


def _only_slots(tokens: Tokens) -> bool:
    """Whether nothing but what fills slots was said: «Казань», «до 8 млн»."""
    return all(token.used or token.kind == "mark" or token.low in _SMALL_WORDS for token in tokens)


_SMALL_WORDS = words(
    "в во на у до от и или а но ну ладно тогда лучше давай можно пусть будет район метро город не"
)
