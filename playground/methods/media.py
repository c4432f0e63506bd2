"""Photos, documents, albums and places."""

from __future__ import annotations

import time
from typing import Any

from playground.bot_api import BotApi, method
from playground.errors import Json, bad_request
from playground.files import StoredFile
from playground.markup import MAX_CAPTION, FormattedText, utf16_length
from playground.methods.messages import deliver
from playground.params import Params, format_text


@method
def send_photo(api: BotApi, params: Params) -> Json:
    caption = _caption(params)
    photo = _file(api, params, "photo", params.values.get("photo"))
    return deliver(api, params, {"photo": photo.photo(), **caption.wire("caption")})[0]


@method
def send_document(api: BotApi, params: Params) -> Json:
    caption = _caption(params)
    document = _file(api, params, "document", params.values.get("document"))
    return deliver(api, params, {"document": document.document(), **caption.wire("caption")})[0]


def _sound(api: BotApi, params: Params, kind: str) -> Json:
    """Send a voice message, an audio file or a video note."""
    caption = FormattedText("") if kind == "video_note" else _caption(params)
    given = params.values.get(kind)
    upload = params.uploads.get(str(given).removeprefix("attach://") if given else kind)
    if upload is None:
        stored = _file(api, params, kind, given)
        if stored.kind != kind:
            raise bad_request(f"can't use file of type {stored.kind or 'Document'} as {kind}")
    else:
        duration = max(0, params.integer("duration"))
        stored = api.files.add(upload, kind=kind, duration=duration)
    return deliver(api, params, {kind: stored.sound(), **caption.wire("caption")})[0]


@method
def send_voice(api: BotApi, params: Params) -> Json:
    return _sound(api, params, "voice")


@method
def send_audio(api: BotApi, params: Params) -> Json:
    return _sound(api, params, "audio")


@method
def send_video_note(api: BotApi, params: Params) -> Json:
    return _sound(api, params, "video_note")


def _caption(params: Params) -> FormattedText:
    return _fitting(params.formatted("caption", "caption_entities"))


def _fitting(caption: FormattedText) -> FormattedText:
    if utf16_length(caption.text) > MAX_CAPTION:
        raise bad_request("message caption is too long")
    return caption


def _file(api: BotApi, params: Params, kind: str, given: Any) -> StoredFile:
    """A file that was uploaded with the call, or one that is known by its id."""
    is_photo = kind == "photo"
    if not given:
        upload = params.uploads.get(kind)
        if upload is None:
            raise bad_request(f"there is no {kind} in the request")
        return api.files.add(upload, photo=is_photo)
    reference = str(given)
    if reference.startswith("attach://"):
        upload = params.uploads.get(reference.removeprefix("attach://"))
        if upload is None:
            raise bad_request("can't find a file with the attached name")
        return api.files.add(upload, photo=is_photo)
    if reference.startswith(("http://", "https://")):
        raise bad_request("failed to get HTTP URL content")
    stored = api.files.get(reference)
    if stored is None:
        raise bad_request("wrong file identifier/HTTP URL specified")
    if is_photo and not stored.width:
        raise bad_request("can't use file of type Document as Photo")
    return stored


@method
def send_media_group(api: BotApi, params: Params) -> list[Json]:
    items = params.parsed("media", "media")
    if not isinstance(items, list):
        raise bad_request("can't parse media JSON object")
    if not 2 <= len(items) <= 10:
        raise bad_request("wrong number of media items in the album")
    album = {"media_group_id": str(time.time_ns())}
    return deliver(api, params, *({**input_media(api, params, i), **album} for i in items))


def input_media(api: BotApi, params: Params, item: Any) -> Json:
    """An InputMedia's photo or document and its caption, as a message has them."""
    if not isinstance(item, dict) or item.get("type") not in ("photo", "document"):
        raise bad_request("can't parse InputMedia: Unsupported type specified")
    kind = str(item["type"])
    given = format_text(
        str(item.get("caption") or ""), item.get("parse_mode"), item.get("caption_entities")
    )
    stored = _file(api, params, kind, item.get("media"))
    body: Any = stored.photo() if kind == "photo" else stored.document()
    return {kind: body, **_fitting(given).wire("caption")}


@method
def send_location(api: BotApi, params: Params) -> Json:
    return deliver(api, params, {"location": _location(params)})[0]


def _location(params: Params) -> Json:
    latitude = _coordinate(params, "latitude", 90)
    longitude = _coordinate(params, "longitude", 180)
    return {"latitude": latitude, "longitude": longitude}


def _coordinate(params: Params, name: str, most: int) -> float:
    if name not in params:
        raise bad_request(f"{name} is empty")
    value = params.number(name)
    if value is None or not -most <= value <= most:
        raise bad_request(f"wrong {name} specified")
    return value


@method
def send_venue(api: BotApi, params: Params) -> Json:
    location = _location(params)
    title, address = params.string("title"), params.string("address")
    if not title or not address:
        raise bad_request("venue title and address must be non-empty")
    venue = {"location": location, "title": title, "address": address}
    return deliver(api, params, {"venue": venue, "location": location})[0]
