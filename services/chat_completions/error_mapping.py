"""Map errors of chat-completions servers to ServiceError."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from services import errors
from services.transport import kind_of_status, make_error

MAX_WORDS = 16 * 1024  # characters of a body that are searched

_CONTEXT = re.compile(
    r"context.{0,20}(length|window|limit|size)|(too long|too many|maximum).{0,40}(token|length)"
    r"|tokens?.{0,60}(exceed|maximum|must be <=)|exceed.{0,30}(context|token)|prompt is too long",
    re.IGNORECASE | re.DOTALL,
)
_NO_MODEL = re.compile(
    r"model.{0,200}(not supported|not found|does not exist|not exist|not available|no provider)"
    r"|(unknown|invalid|no such) model|model_not_(found|supported)"
    r"|server is pinned to",  # `transformers serve` with a fixed model
    re.IGNORECASE | re.DOTALL,
)
_FILTERED = re.compile(r"content_filter|content_policy|moderation", re.IGNORECASE)
_SPENT = re.compile(
    r"insufficient_quota|exceeded your (current quota|monthly)|credits", re.IGNORECASE
)
_LOADING = re.compile(r"loading|starting up|warming", re.IGNORECASE)


def error_of_status(
    status: int,
    body: object,
    *,
    service: str,
    model: str = "",
    headers: Mapping[str, str] | None = None,
) -> errors.ServiceError:
    """The error for an HTTP status; the body's words decide where servers use statuses differently.

    The server's words stay out of the message: they may quote the prompt or the key.
    """
    kind = _kind_of_body(kind_of_status(status), status, _words(body))
    message = f"HTTP {status}{_code(body)}"
    if issubclass(kind, (errors.AccessDenied, errors.ModelNotFound, errors.ModelLoading)):
        message = f"{message} for {model or 'the model'}"
    return make_error(kind, message, service=service, headers=headers)


def _kind_of_body(
    kind: type[errors.ServiceError], status: int, words: str
) -> type[errors.ServiceError]:
    if kind is errors.RateLimited and _SPENT.search(words):
        return errors.QuotaExceeded
    if status == 503 and _LOADING.search(words):
        return errors.ModelLoading
    if not issubclass(kind, (errors.BadRequest, errors.ModelNotFound, errors.ContextTooLong)):
        return kind
    if _FILTERED.search(words):
        return errors.ContentRejected
    if kind is errors.ContextTooLong or _CONTEXT.search(words):
        return errors.ContextTooLong
    return errors.ModelNotFound if _NO_MODEL.search(words) else kind


def error_in_stream(body: object, *, service: str) -> errors.ServiceError:
    """The error for an error object inside a stream."""
    words = _words(body)
    message = f"an error inside the stream{_code(body)}"
    if _FILTERED.search(words):
        return errors.ContentRejected(message, service=service)
    if _CONTEXT.search(words):
        return errors.ContextTooLong(message, service=service)
    return errors.Unavailable(message, service=service)


def _words(body: object) -> str:
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, default=str)
    return text[:MAX_WORDS]


def _code(body: object) -> str:
    """The server's own name of the error, when it looks like a name."""
    error: Any = body.get("error", body) if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return ""
    code = next((error[key] for key in ("code", "type") if isinstance(error.get(key), str)), "")
    return f" {code}" if re.fullmatch(r"[A-Za-z_]{1,60}", code) else ""
