"""Readers of single fields, shared by the replies of both versions of the API."""

from __future__ import annotations

import json
from typing import Any, cast

import orjson

from services.chat import FinishReason, FunctionCall
from services.errors import BadResponse, ContentRejected, ServiceError
from services.gigachat.error_mapping import SERVICE, bad, status_error

JSON = dict[str, Any]


def parse_json(body: bytes | str) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _parse_leniently(body)


def _parse_leniently(body: bytes | str) -> Any:
    """Read what orjson refuses: broken UTF-8, half a surrogate pair, numbers beyond a double."""
    text = body if isinstance(body, str) else body.decode(errors="replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise bad("the reply is not JSON") from None


def error_inside(reply: JSON) -> ServiceError:
    """The error inside a reply with HTTP status 200."""
    error = reply.get("error")
    error = error if isinstance(error, dict) else reply
    status = error.get("status", error.get("code"))
    if isinstance(status, int) and status >= 400:
        return status_error(status, error)
    return bad("the reply has no answer")


def finish_reason(value: Any, text: str, call: FunctionCall | None) -> FinishReason:
    """Check how an answer ended; an end of an unknown kind is an end."""
    if not value:
        raise bad("the answer has no finish_reason")
    if value == "blacklist":
        raise ContentRejected("finish_reason is blacklist", service=SERVICE)
    if value == "error":
        raise bad("the answer broke off")
    if value == "function_call" and call is None:
        if not text:
            raise bad("the function call is missing")
        return "stop"
    return cast(FinishReason, value) if value in ("length", "function_call") else "stop"


def call_beside(text: Any, value: Any) -> FunctionCall | None:
    """The function call; a malformed one beside a text is ignored."""
    try:
        return function_call(value)
    except BadResponse:
        if isinstance(text, str) and text:
            return None
        raise


def function_call(value: Any) -> FunctionCall | None:
    """Read a function call; its arguments come as an object or as a JSON string."""
    if value is None:
        return None
    call = json_object(value)
    arguments = call.get("arguments")
    if isinstance(arguments, str):
        arguments = parse_json(arguments) if arguments.strip() else {}
    return FunctionCall(required(call, "name"), json_object({} if arguments is None else arguments))


class CallPieces:
    """A function call put together from pieces; a second call beside it is left out."""

    def __init__(self) -> None:
        self._name: str | None = None
        self._arguments: Any = ""

    @property
    def begun(self) -> bool:
        return self._name is not None

    def add(self, piece: Any) -> None:
        """Take a piece; the arguments come whole, or as parts of a JSON string."""
        if not isinstance(piece, dict):
            return
        name, arguments = string(piece.get("name")), piece.get("arguments")
        if self._name and name not in (None, "", self._name):
            return
        self._name = self._name or name
        if isinstance(arguments, str) and isinstance(self._arguments, str):
            self._arguments += arguments
        elif arguments is not None and not self._arguments:
            self._arguments = arguments

    def beside(self, text: str) -> FunctionCall | None:
        """The call, None when there is none; see `call_beside`."""
        if not self.begun:
            return None
        return call_beside(text, {"name": self._name, "arguments": self._arguments})


def string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def json_object(value: Any) -> JSON:
    if not isinstance(value, dict):
        raise bad("an object was expected")
    return value


def objects(value: Any) -> list[JSON]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise bad("a list of objects was expected")
    return value


def required(item: JSON, key: str) -> str:
    value = item.get(key)
    if not isinstance(value, str) or not value:
        raise bad(f"{key} is missing")
    return value


def integer(item: JSON, key: str) -> int:
    value = item.get(key)
    if not isinstance(value, int):
        raise bad(f"{key} is missing")
    return value
