"""What a message tells of another flat: «живём в однушке», «продам двушку», «сосед толкнул свою».

Only the flat that is sought or valued fills slots.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bots.real_estate.request import Intent
from bots.real_estate.understanding.mentions import Mention
from bots.real_estate.understanding.phrases import Phrases, phrases, words
from bots.real_estate.understanding.tokens import Tokens

_OWN = phrases(
    """живу, живем, живет, живут, жил, жила, жили, проживаю, проживаем, прописан, прописаны, ютимся, ютиться,
    продаю, продаем, продам, продадим, продал, продала, продали, продается, продажа, продав, продавать, сдаю, сдаем,
    меняю, меняем, обменять, поменять, сменить, меняемся, съехать из,
    у меня|нас сейчас? есть? однушк*|двушк*|трешк*|студия|комната, после продажа"""
)
_OTHERS = phrases(
    """сосед, соседка, соседи, соседский, соседняя, знакомый, знакомая, друг, подруга, коллега, брат, сестра, приятель, кум, теща, в соседний"""
)
_WANTED = phrases(
    """искать, ищу, ищем, найти, найди*, подобрать, подбери*, подыскать, подыщи*, купить, куплю, купим, покупать, покупаем, взять,
    приобрести, нужный, нужен|нужна|нужно|нужны, надо, хотеть, хочу, хотим, хотеться, мечтать, присмотреть, присматривать,
    смотреть, смотрю, смотрим, рассматривать, переехать в, переезжаем в, переезжаю в,
    на|под однушк*|двушк*|трешк*|студия|евродвушк*|евротрешк*|квартира"""
)
_STRONGLY_WANTED = phrases(
    """искать, ищу, ищем, найти, найди*, подобрать, подбери*, купить, куплю, купим, покупаем, взять, приобрести, нужный,
    нужен|нужна|нужно|нужны, надо, хочу, хотим, хотеться, мечтать, присмотреть, присматривать, смотрим, рассматривать"""
)
_SENTENCE_ENDS = frozenset({".", ";", "!", "?", "\n", "...", "(", ")"})
_CONTRAST = words("а но зато поэтому теперь")
_ITSELF = frozenset({"rooms", "area", "floor", "storeys", "not_first", "renovation", "house_type"})
_PLACE = frozenset({"city", "district", "metro"})


def without_background(
    tokens: Tokens, mentions: Sequence[Mention], intent: Intent | None
) -> list[Mention]:
    """The mentions of the flat that the message is about."""
    search = intent == "search"
    spans = list(_spans(tokens, _OWN if search else _OTHERS))
    if not spans:
        return list(mentions)
    told = _ITSELF | _PLACE if search else _ITSELF
    named = {mention.group for mention in mentions if not _inside(spans, mention.start)}
    seeks = search and any(
        not _inside(spans, start) for start, _ in _STRONGLY_WANTED.find(tokens, used=True)
    )
    return [
        mention
        for mention in mentions
        if mention.group not in told
        or not _inside(spans, mention.start)
        or not (seeks or mention.group in named)
    ]


def _spans(tokens: Tokens, openings: Phrases) -> Iterator[tuple[int, int]]:
    """From each opening to the end of its clause, or to what is wanted instead."""
    for start, opened in openings.find(tokens, used=True):
        end = opened
        while end < len(tokens) and not _closes(tokens, end):
            end += 1
        yield start, end


def _closes(tokens: Tokens, at: int) -> bool:
    return (
        tokens.ends_clause(at)
        or tokens.low(at) in _CONTRAST
        or tokens.low(at) in _SENTENCE_ENDS
        or _WANTED.end_at(tokens, at, used=True) is not None
    )


def _inside(spans: Sequence[tuple[int, int]], at: int) -> bool:
    return any(start <= at < end for start, end in spans)
