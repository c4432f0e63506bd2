"""Errors of all services, split by what the caller can do about them.

Messages are for operators and logs: they hold no secrets, prompts or answers. The texts for
users are in `services.texts`.
"""

from __future__ import annotations


class ServiceError(Exception):
    """Base of all errors; `service` names the service that failed."""

    def __init__(self, message: str, *, service: str = "") -> None:
        super().__init__(f"{service}: {message}" if service else message)
        self.service = service


class ConfigError(ServiceError):
    """A setting is missing or wrong; the message names it and says how to mend it."""


class AuthError(ServiceError):
    """The key is wrong, expired or revoked."""


class AccessDenied(AuthError):
    """The key is right but may not do this; `url` is where to ask for access."""

    def __init__(self, message: str, *, service: str = "", url: str | None = None) -> None:
        super().__init__(message, service=service)
        self.url = url


class ModelRefused(ServiceError):
    """Base of errors about one model: `model` names it, `available` those that the key may use.

    Both are empty where the service doesn't tell.
    """

    model: str = ""
    available: tuple[str, ...] = ()


class QuotaExceeded(ModelRefused):
    """Paid tokens or free credits are spent: waiting doesn't help."""


class RateLimited(ServiceError):
    """Too many requests; `retry_after` is in seconds, None when the service didn't say."""

    def __init__(
        self, message: str, *, service: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message, service=service)
        self.retry_after = retry_after


class Busy(RateLimited):
    """The local queue is full; `retry_after` is the estimated wait in seconds."""


class BudgetSpent(RateLimited):
    """The user's own share of the day is used up; `retry_after` is when a new day begins."""


class Timeout(ServiceError):
    """No answer, or no next piece of it, in time."""


class Unavailable(ServiceError):
    """The service can't be reached, is down, or broke off; `retry_after` as in RateLimited."""

    def __init__(
        self, message: str, *, service: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message, service=service)
        self.retry_after = retry_after


class ModelLoading(Unavailable):
    """The model is being loaded; `progress` is 0..1, None when unknown."""

    def __init__(self, message: str, *, service: str = "", progress: float | None = None) -> None:
        super().__init__(message, service=service)
        self.progress = progress


class ModelNotFound(ModelRefused):
    """The service doesn't know the model, or doesn't serve it to this key."""


class BadRequest(ServiceError):
    """The service refused the request's form: a fault of this program or its settings."""


class BadResponse(ServiceError):
    """The service sent a malformed reply, or an incomplete one."""


class ContentRejected(ServiceError):
    """The service's filter refused the prompt or the answer."""


class ContextTooLong(ServiceError):
    """The conversation doesn't fit the model's context."""


class ToolMissing(ServiceError):
    """The model's service doesn't run this tool; nothing was asked."""

    def __init__(self, tool: str, model: str) -> None:
        super().__init__(f"{model} has no {tool}")
        self.tool = tool
        self.model = model


class CannotSee(ServiceError):
    """The model takes no pictures; `suggestion` names one of the same service that does."""

    def __init__(
        self, message: str, *, service: str = "", model: str = "", suggestion: str = ""
    ) -> None:
        super().__init__(message, service=service)
        self.model = model
        self.suggestion = suggestion
