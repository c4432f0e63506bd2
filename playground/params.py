"""Parameters of a call, parsed and refused the way Telegram does it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from playground.errors import ApiError, Json, bad_request
from playground.markup import (
    PARSE_MODES,
    FormattedText,
    MarkupError,
    encodable,
    is_encodable,
    link_problem,
    trimmed,
    utf16_length,
    with_found_entities,
)

MAX_UPLOAD = 50 * 2**20
BROKEN_STRING = "strings must be encoded in UTF-8"
_INTEGER_LIMIT = 2**63
_FOUND_TYPES = ("mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number")
_STYLE_TYPES = ("bold", "italic", "underline", "strikethrough", "spoiler", "code", "pre")
_OTHER_TYPES = ("blockquote", "expandable_blockquote", "text_link", "text_mention", "custom_emoji")
_ENTITY_TYPES = frozenset((*_FOUND_TYPES, *_STYLE_TYPES, *_OTHER_TYPES, "date_time"))
_ENTITY_FIELDS = {"text_link": "url", "text_mention": "user", "custom_emoji": "custom_emoji_id"}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with a call."""

    name: str
    mime: str
    data: bytes


class Params:
    """Parameters by name: strings from a form, any JSON type from a JSON body."""

    def __init__(self, values: Mapping[str, Any], uploads: Mapping[str, Upload]) -> None:
        self.values = values
        self.uploads = uploads

    def __contains__(self, name: str) -> bool:
        return name in self.values or name in self.uploads

    def string(self, name: str) -> str:
        value = self.values.get(name, "")
        if isinstance(value, bool):
            return "true" if value else "false"
        return _encodable(value if isinstance(value, str) else _written(value))

    def integer(self, name: str, default: int = 0) -> int:
        """An integer; what isn't one counts as absent, as it does at Telegram."""
        try:
            value = int(self.string(name).strip() or default)
        except ValueError:
            return default
        return value if abs(value) < _INTEGER_LIMIT else default

    def number(self, name: str) -> float | None:
        try:
            return float(self.string(name))
        except ValueError:
            return None

    def flag(self, name: str) -> bool:
        return self.string(name).lower() in ("true", "yes", "1")

    def parsed(self, name: str, what: str) -> Any:
        """A nested object, sent as JSON; None when it is absent."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            check_strings(value)
            return value
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            raise bad_request(f"can't parse {what} JSON object") from None
        if "\\u" in value:
            check_strings(found)
        return found

    def formatted(self, name: str, entities_name: str = "") -> FormattedText:
        """A text with its entities, from a parse mode or given outright."""
        entities = self.parsed(entities_name or "entities", "entities")
        return format_text(self.string(name), self.values.get("parse_mode"), entities)


def format_text(text: str, parse_mode: Any, entities: Any) -> FormattedText:
    """Parse, check and complete a bot's text the way Telegram's servers do."""
    text = _encodable(text).replace("\r", "").replace("\0", " ")
    if parse_mode and str(parse_mode).lower() != "none":
        formatted = _parse(text, str(parse_mode))
    else:
        formatted = FormattedText(text, _checked_entities(text, entities))
    return with_found_entities(trimmed(formatted))


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def check_strings(value: Any) -> None:
    """Refuse halves of surrogate pairs anywhere in a value that came as JSON."""
    _encodable(_written(value))


def _encodable(text: str) -> str:
    if not is_encodable(text):
        raise bad_request(BROKEN_STRING)
    return text


def _parse(text: str, mode: str) -> FormattedText:
    parser = PARSE_MODES.get(mode.lower())
    if not parser:
        raise bad_request("unsupported parse_mode")
    try:
        return parser(text)
    except MarkupError as error:
        raise bad_request(f"can't parse entities: {error}") from None


def _checked_entities(text: str, entities: Any) -> tuple[Json, ...]:
    if not entities:
        return ()
    if not isinstance(entities, list):
        raise bad_request("can't parse entities: expected an Array of MessageEntity")
    size = utf16_length(text)
    return tuple(_checked_entity(entity, size) for entity in entities)


def _checked_entity(entity: Any, size: int) -> Json:
    if not isinstance(entity, dict):
        raise bad_request("can't parse MessageEntity: expected an Object")
    kind = entity.get("type")
    if kind not in _ENTITY_TYPES:
        raise bad_request("can't parse MessageEntity: Unsupported type specified")
    offset, length = (_entity_number(entity, name) for name in ("offset", "length"))
    needed = _ENTITY_FIELDS.get(kind)
    if needed and needed not in entity:
        raise bad_request(f"can't parse MessageEntity: Can't find field \"{needed}\"")
    if kind == "text_link" and (problem := link_problem(str(entity["url"]))):
        raise bad_request(f"entity URL '{entity['url']}' is invalid: {problem}")
    if offset < 0:
        raise bad_request(f"receive an entity with incorrect offset {offset}")
    if length < 0:
        raise bad_request(f"receive an entity with incorrect length {length}")
    if offset > size:
        raise bad_request(f"entity begins after the end of the text at UTF-16 offset {offset}")
    if offset + length > size:
        raise bad_request(
            f"entity beginning at UTF-16 offset {offset} "
            f"ends after the end of the text at UTF-16 offset {offset + length}"
        )
    return {name: value for name, value in entity.items() if value is not None}


def _entity_number(entity: Json, name: str) -> int:
    value = entity.get(name)
    if value is None:
        raise bad_request(f"can't parse MessageEntity: Can't find field \"{name}\"")
    if not isinstance(value, int) or isinstance(value, bool):
        raise bad_request(f'can\'t parse MessageEntity: Field "{name}" must be of type Number')
    return value


async def read_params(request: web.Request) -> Params:
    """Read a call in any of the four forms that Telegram takes."""
    values: Json = dict(request.query)
    if not request.can_read_body:
        return Params(values, {})
    if request.content_type == "application/json":
        return Params({**values, **await _read_json(request)}, {})
    try:
        if request.content_type.startswith("multipart/"):
            return await _read_multipart(request, values)
        values.update(await request.post())
    except (ValueError, LookupError, HttpProcessingError):  # no boundary, an odd header
        raise bad_request("can't parse the form") from None
    return Params(values, {})


async def _read_json(request: web.Request) -> Json:
    try:
        text = (await request.read()).decode()
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise bad_request("can't parse JSON object") from None
    if not isinstance(body, dict):
        raise bad_request("object expected as request body")
    if "\\u" in text:
        check_strings(body)
    return body


async def _read_multipart(request: web.Request, values: Json) -> Params:
    uploads = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or not part.name:
            continue
        data = await _read_part(part)
        if part.filename is None:
            values[part.name] = data.decode("utf-8", "replace")
        else:
            mime = part.headers.get("Content-Type", "application/octet-stream")
            uploads[part.name] = Upload(encodable(part.filename), encodable(mime), data)
    return Params(values, uploads)


async def _read_part(part: BodyPartReader) -> bytes:
    data = bytearray()
    while chunk := await part.read_chunk(65536):
        data += chunk
        if len(data) > MAX_UPLOAD:
            raise ApiError(413, "Request Entity Too Large")
    return bytes(data)
