"""Whatever goes wrong between us and GigaChat, as one of the project's errors.

Error texts of the service are never quoted: they may echo the prompt.
"""

from __future__ import annotations

import asyncio
import random
import re
import ssl
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from services.errors import (
    AccessDenied,
    AuthError,
    BadRequest,
    BadResponse,
    ConfigError,
    ContextTooLong,
    ModelNotFound,
    QuotaExceeded,
    RateLimited,
    ServiceError,
    Timeout,
    Unavailable,
)
from services.gigachat.auth import TokenRefused

SERVICE = "gigachat"
MAX_RETRY_WAIT = 10.0  # a longer wait is told to the user instead
MAX_RETRY_AFTER = 24 * 3600.0
FIRST_BACKOFF = 0.5
ROOT_CA_PAGE = "https://www.gosuslugi.ru/crt"

# OpenSSL's verify codes for a chain that ends in a root that isn't trusted:
# X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT(_LOCALLY), DEPTH_ZERO_SELF_SIGNED, SELF_SIGNED_IN_CHAIN.
_UNTRUSTED_ROOT = {2, 18, 19, 20, 21}

_BY_STATUS: dict[int, tuple[type[ServiceError], str]] = {
    400: (BadRequest, "the request is malformed"),
    401: (TokenRefused, "the access token is not accepted"),
    402: (QuotaExceeded, "paid tokens are spent"),
    403: (AccessDenied, "the key may not do this"),
    404: (ModelNotFound, "no such model, or GIGA_API_BASE_URL has a wrong path"),
    408: (Timeout, "the service gave up waiting"),
    413: (ContextTooLong, "the request is too large"),
    422: (BadRequest, "invalid parameters"),
    504: (Timeout, "the service's gateway gave up waiting"),
}

_BY_OAUTH_CODE: dict[int, str] = {
    4: "GIGA_CLIENT_BASIC can't be decoded: it must be base64 of client_id:client_secret",
    5: "GIGA_SCOPE is empty",
    6: "GIGA_CLIENT_BASIC is not a known client_id and client_secret",
    7: "GIGA_SCOPE is not the scope that the key was issued for",
}

_FIELDS = re.compile(
    r"\b(messages?|role|content|model|temperature|top_p|max_tokens|repetition_penalty|"
    r"functions?|function_call|functions_state_id|arguments|input|system)\b"
)


def bad(what: str) -> BadResponse:
    """The error for a reply that is not what it should be."""
    return BadResponse(what, service=SERVICE)


def status_error(
    status: int, reply: Any, headers: Any = None, request_id: str = ""
) -> ServiceError:
    """The error for an HTTP status, or for a `status` inside an event of a stream."""
    message = reply.get("message") if isinstance(reply, dict) else None
    where = f" (HTTP {status}, request {request_id or 'unknown'})"
    if status == 429:
        wait = parse_retry_after((headers or {}).get("Retry-After"), datetime.now(timezone.utc))
        return RateLimited(f"too many requests{where}", service=SERVICE, retry_after=wait)
    kind, meaning = _BY_STATUS.get(status, (_kind_of(status), "the service failed"))
    named = sorted(set(_FIELDS.findall(message))) if isinstance(message, str) else []
    about = f", about {', '.join(named)}" if kind is BadRequest and named else ""
    return kind(f"{meaning}{about}{where}", service=SERVICE)


def _kind_of(status: int) -> type[ServiceError]:
    if status >= 500:
        return Unavailable
    return BadRequest if status >= 400 else BadResponse


def oauth_error(status: int, reply: Any, headers: Any, request_id: str) -> ServiceError:
    """The error for a reply of the OAuth service: what it refuses is the key or its scope."""
    error = status_error(status, reply, headers, request_id)
    if not 400 <= status < 500 or isinstance(error, (RateLimited, Timeout)):
        return error
    code = reply.get("code") if isinstance(reply, dict) else None
    meaning = _BY_OAUTH_CODE.get(code) if isinstance(code, int) else None
    return AuthError(
        f"{meaning or 'check GIGA_CLIENT_BASIC and GIGA_SCOPE'} (HTTP {status})", service=SERVICE
    )


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait, from a Retry-After in seconds or as a date; None when it says nothing."""
    if value is None:
        return None
    if re.fullmatch(r"\d{1,9}(\.\d*)?", value.strip()):
        return min(float(value), MAX_RETRY_AFTER)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=timezone.utc)
    return min(max(0.0, (date - now).total_seconds()), MAX_RETRY_AFTER)


def retry_delay(error: ServiceError, attempt: int) -> float | None:
    """Seconds before the next try, None when there is no sense in one.

    The service's own word is kept, with up to a quarter more so that callers spread out.
    """
    if isinstance(error, RateLimited) and error.retry_after is not None:
        wait = error.retry_after
        return None if wait > MAX_RETRY_WAIT else wait * random.uniform(1.0, 1.25)
    if isinstance(error, (RateLimited, Unavailable)):
        return min(FIRST_BACKOFF * 2.0**attempt, MAX_RETRY_WAIT) * random.uniform(0.5, 1.0)
    return None


# What aiohttp, asyncio and the operating system raise; `ssl`'s errors are OSErrors.
TRANSPORT_ERRORS = (aiohttp.ClientError, asyncio.TimeoutError, OSError)


def transport_error(error: Exception) -> ServiceError:
    """The error for one of TRANSPORT_ERRORS."""
    if isinstance(error, (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError)):
        return _certificate_error(error)
    if isinstance(error, asyncio.TimeoutError):
        return Timeout("no answer in time", service=SERVICE)
    if isinstance(error, aiohttp.ClientResponseError):
        return bad("the reply is not HTTP")
    return Unavailable(type(error).__name__, service=SERVICE)


def _certificate_error(error: Exception) -> ConfigError:
    cause = getattr(error, "certificate_error", error)
    host = getattr(error, "host", "the host")
    if getattr(cause, "verify_code", None) in _UNTRUSTED_ROOT:
        return ConfigError(
            f"the certificate of {host} ends in a root that is not trusted here: the Russian "
            f"Trusted Root CA is missing. Download it as PEM from {ROOT_CA_PAGE} and set "
            "GIGA_CA_BUNDLE to the path of the file",
            service=SERVICE,
        )
    reason = getattr(cause, "verify_message", "") or type(cause).__name__
    return ConfigError(f"the certificate of {host} is not valid: {reason}", service=SERVICE)
