"""Map GigaChat's errors, and those of the way to it, to ServiceError.

The service's own error texts are never quoted: they may repeat the prompt.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping
from typing import Any

import aiohttp

from services.errors import (
    AuthError,
    BadRequest,
    BadResponse,
    ConfigError,
    RateLimited,
    ServiceError,
    Timeout,
    Unavailable,
)
from services.gigachat.auth import TokenRefused
from services.transport import kind_of_status, make_error

SERVICE = "gigachat"
ROOT_CA_PAGE = "https://www.gosuslugi.ru/crt"

# OpenSSL's verify codes for a chain that ends in a root that isn't trusted:
# X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT(_LOCALLY), DEPTH_ZERO_SELF_SIGNED, SELF_SIGNED_IN_CHAIN.
_UNTRUSTED_ROOT = {2, 18, 19, 20, 21}

_MEANINGS: dict[int, str] = {
    400: "the request is malformed",
    401: "the access token is not accepted",
    402: "paid tokens are spent",
    403: "the key may not do this",
    404: "no such model, or GIGA_API_BASE_URL has a wrong path",
    408: "the service gave up waiting",
    413: "the request is too large",
    422: "invalid parameters",
    429: "too many requests",
    504: "the service's gateway gave up waiting",
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
    status: int, reply: Any, headers: Mapping[str, str] | None = None, request_id: str = ""
) -> ServiceError:
    """The error for an HTTP status, or for a `status` inside an event of a stream."""
    kind = TokenRefused if status == 401 else kind_of_status(status)
    message = reply.get("message") if isinstance(reply, dict) else None
    named = sorted(set(_FIELDS.findall(message))) if isinstance(message, str) else []
    about = f", about {', '.join(named)}" if kind is BadRequest and named else ""
    meaning = _MEANINGS.get(status, "the service failed")
    where = f" (HTTP {status}, request {request_id or 'unknown'})"
    return make_error(kind, f"{meaning}{about}{where}", service=SERVICE, headers=headers)


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
            f"сертификату {host} здесь не доверяют: не хватает корня Russian Trusted Root CA. "
            f"Скачай его в формате PEM с {ROOT_CA_PAGE} и укажи путь к файлу в GIGA_CA_BUNDLE",
            service=SERVICE,
        )
    reason = getattr(cause, "verify_message", "") or type(cause).__name__
    return ConfigError(f"сертификат {host} недействителен: {reason}", service=SERVICE)
