"""Formatted text: a string and its MessageEntity objects, given or found in the text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from playground.errors import Json
from playground.markup.utf16 import utf16_length


class MarkupError(ValueError):
    """The text doesn't parse; the message is Telegram's own."""


@dataclass(frozen=True, slots=True)
class FormattedText:
    """A text with its entities, as the Bot API sends them."""

    text: str
    entities: tuple[Json, ...] = ()

    def wire(self, name: str = "text") -> Json:
        """The fields of a message: `text` and `entities`, or `caption` and its own."""
        if not self.text:
            return {}
        body: Json = {name: self.text}
        if self.entities:
            body["entities" if name == "text" else f"{name}_entities"] = list(self.entities)
        return body


def sort_entities(entities: Iterable[Json]) -> list[Json]:
    return sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))


def trimmed(formatted: FormattedText) -> FormattedText:
    """Drop the white space around a text, as Telegram does, and move the entities along."""
    text = formatted.text
    stripped = text.strip()
    if stripped == text:
        return formatted
    before = utf16_length(text[: len(text) - len(text.lstrip())])
    end = utf16_length(stripped)
    entities = []
    for entity in formatted.entities:
        first = max(0, entity["offset"] - before)
        last = min(end, entity["offset"] + entity["length"] - before)
        if last > first:
            entities.append({**entity, "offset": first, "length": last - first})
    return FormattedText(stripped, tuple(entities))


def link_problem(url: str) -> str | None:
    """What Telegram has against an address, or None."""
    if not url:
        return "URL host is empty"
    scheme, separator, _ = url.partition("://")
    if separator and scheme.lower() not in ("http", "https", "tg", "ton", "tonsite"):
        return "Unsupported URL protocol"
    if separator and scheme.lower() in ("tg", "ton"):
        return None
    try:
        host = urlsplit(url if separator else f"http://{url}").hostname
    except ValueError:
        host = None
    if not host or ("." not in host and ":" not in host) or any(map(str.isspace, url)):
        return "Wrong HTTP URL"
    return None


def checked_link(url: str) -> str | None:
    """The address as Telegram keeps it, or None where it drops the link."""
    url = url.strip()
    if link_problem(url):
        return None
    url = url if "://" in url else f"http://{url}"
    return url if urlsplit(url).path or "?" in url or "#" in url else f"{url}/"


# --- Entities that nobody marked ---------------------------------------------

_TLDS = (
    "com|org|net|info|ru|su|рф|by|kz|ua|uz|io|ai|me|dev|app|co|eu|de|fr|uk|us|tv|cc|gg|to|ly|"
    "xyz|site|online|shop|club|pro|biz|edu|gov|tech|blog|moscow|москва|онлайн|сайт"
)
_HOST = rf"(?:[\w-]+\.)+(?:{_TLDS})(?![\w-])"
# What an entity can't do without, so that most texts are looked through only for that.
_FINDERS: tuple[tuple[str, str, re.Pattern[str]], ...] = (
    ("url", r"[^\s.]\.[^\s.]|://", re.compile(
        rf"(?<![\w@.-])(?:(?:https?|ftp)://(?:[\w-]+\.)*[\w-]+(?::\d+)?|tg://[\w-]+|{_HOST}(?::\d+)?)"
        r"(?:[/?#][^\s<>\"«»]*[^\s<>\"«».,;:!?')\]])?/?",
        re.IGNORECASE,
    )),
    ("email", "@", re.compile(
        r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[a-zA-Zа-я]{2,}(?!\w)"
    )),
    ("mention", "@", re.compile(r"(?<![\w/@])@[A-Za-z][A-Za-z0-9_]{2,31}(?![A-Za-z0-9_])")),
    ("bot_command", "/", re.compile(
        r"(?<![\w/<>])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z][A-Za-z0-9_]{2,31})?(?![\w/@])"
    )),
    ("hashtag", "#", re.compile(r"(?<![\w#])#(?=\w*[^\W\d])\w{1,256}(?![\w#])")),
    ("cashtag", r"\$[A-Z]", re.compile(r"(?<![\w$])\$[A-Z]{1,8}(?![\w$])")),
    ("phone_number", r"\+\d", re.compile(r"(?<![\w+])\+\d(?:[ ()-]{0,2}\d){9,14}(?!\w)")),
)  # fmt: skip
_PRIORITY = {name: rank for rank, (name, _, _) in enumerate(_FINDERS)}


def find_entities(text: str) -> list[Json]:
    """Mentions, commands, links and the like that Telegram's servers mark in any text."""
    spans = [
        (found.start(), _PRIORITY[name], found.end(), name)
        for name, hint, pattern in _FINDERS
        if re.search(hint, text)
        for found in pattern.finditer(text)
    ]
    entities: list[Json] = []
    end_of_last = 0
    for start, _, end, name in sorted(spans):
        if start >= end_of_last:
            end_of_last = end
            entities.append(
                {
                    "type": name,
                    "offset": utf16_length(text[:start]),
                    "length": utf16_length(text[start:end]),
                }
            )
    return entities


_WHOLE = frozenset(("code", "pre", "text_link", "text_mention", "mention", "url", "email"))


def with_found_entities(formatted: FormattedText) -> FormattedText:
    """Add what the servers find, where nothing that is whole stands already."""
    taken = [
        (entity["offset"], entity["offset"] + entity["length"])
        for entity in formatted.entities
        if entity["type"] in _WHOLE or entity["type"] in _PRIORITY
    ]
    found = [
        entity
        for entity in find_entities(formatted.text)
        if not any(
            start < entity["offset"] + entity["length"] and entity["offset"] < end
            for start, end in taken
        )
    ]
    if not found:
        return formatted
    return FormattedText(formatted.text, tuple(sort_entities([*formatted.entities, *found])))
