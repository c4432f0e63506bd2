"""Which ServiceError a failed HTTP answer of a chat-completions server is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from services import errors

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
    """Tell a refusal by its status and, where servers disagree on those, by its words.

    The server's words stay out of the message: they may quote the prompt or the key.
    """
    words = _words(body)
    message = f"HTTP {status}{_code(body)}"
    about_model = f"{message} for {model or 'the model'}"
    if status == 401:
        return errors.AuthError(message, service=service)
    if status == 402 or (status == 429 and _SPENT.search(words)):
        return errors.QuotaExceeded(message, service=service)
    if status == 403:
        return errors.AccessDenied(about_model, service=service)
    if status in (408, 504):
        return errors.Timeout(message, service=service)
    if status == 429:
        wait = retry_after(headers or {})
        return errors.RateLimited(message, service=service, retry_after=wait)
    if status == 503 and _LOADING.search(words):
        return errors.ModelLoading(about_model, service=service)
    if status >= 500:
        return errors.Unavailable(message, service=service)
    return _error_of_request(status, words, message, about_model, service)


def _error_of_request(
    status: int, words: str, message: str, about_model: str, service: str
) -> errors.ServiceError:
    if _FILTERED.search(words):
        return errors.ContentRejected(message, service=service)
    if status == 413 or _CONTEXT.search(words):
        return errors.ContextTooLong(message, service=service)
    if status == 404 or _NO_MODEL.search(words):
        return errors.ModelNotFound(about_model, service=service)
    return errors.BadRequest(message, service=service)


def error_in_stream(body: object, *, service: str) -> errors.ServiceError:
    """Tell an error that a server sent inside a stream that had begun well."""
    words = _words(body)
    message = f"an error inside the stream{_code(body)}"
    if _FILTERED.search(words):
        return errors.ContentRejected(message, service=service)
    if _CONTEXT.search(words):
        return errors.ContextTooLong(message, service=service)
    return errors.Unavailable(message, service=service)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by the Retry-After header: a number or a date."""
    value = headers.get("retry-after")
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.now(timezone.utc)).total_seconds())


def _words(body: object) -> str:
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, default=str)


def _code(body: object) -> str:
    """The server's own name of the error, when it looks like a name."""
    error: Any = body.get("error", body) if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return ""
    code = next((error[key] for key in ("code", "type") if isinstance(error.get(key), str)), "")
    return f" {code}" if re.fullmatch(r"[A-Za-z_]{1,60}", code) else ""
