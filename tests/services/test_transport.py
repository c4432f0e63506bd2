"""Retry-After, back-off and statuses: the same for every client of models."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from services import errors, transport
from services.errors import BadResponse, ModelLoading, RateLimited, Timeout, Unavailable
from services.texts import describe_error
from services.transport import RetryPolicy, kind_of_status, make_error, parse_retry_after

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = 86400.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("+5", None),
        ("nan", None),
        ("NaN", None),
        ("inf", None),
        ("-inf", None),
        ("Infinity", None),
        ("1e400", None),
        ("1e2", None),
        ("0x10", None),
        ("٧", None),
        ("5, 10", None),
        ("0", 0.0),
        ("7", 7.0),
        ("007", 7.0),
        (" 1.5 ", 1.5),
        ("7.", 7.0),
        ("86401", DAY),
        ("999999999", DAY),
        ("9" * 60, DAY),
        ("9" * 5000, None),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 00:00:30", 30.0),
        ("Thu, 01 Jan 2026 00:00:30 -0000", 30.0),
        ("Thu, 01 Jan 2026 00:00:30 +0000", 30.0),
        ("Thu, 01 Jan 2026 03:00:30 +0300", 30.0),
        ("Thu, 01 Jan 2026 00:00:30 MSK", 30.0),  # an unknown zone is UTC too
        ("Thu, 01 Jan 2026 00:00:30 +9999", None),
        ("Thursday, 01-Jan-26 00:00:30 GMT", 30.0),
        ("Thu Jan  1 00:00:30 2026", 30.0),
        ("Wed, 31 Dec 2025 23:00:00 GMT", 0.0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", DAY),
        ("Thu, 31 Dec 2099 23:59:59 -0000", DAY),
        ("Thu, 01 Jan 99999 00:00:00 GMT", None),
        ("Thu, 99 Jan 2026 00:00:30 GMT", None),
        ("Thu, 01 Jan 2026 25:61:61 GMT", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    "value", ["inf", "nan", "1e400", "-7", "Thu, 01 Jan 2099 00:00:00 -0000", "999999999999"]
)
def test_no_header_spoils_the_text_for_the_user(status: int, value: str) -> None:
    error = make_error(kind_of_status(status), "", service="test", headers={"Retry-After": value})
    assert "Повтори через" in describe_error(error)
    assert "inf" not in describe_error(error)
    assert error.retry_after is None or math.isfinite(error.retry_after)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (100, errors.BadResponse),
        (204, errors.BadResponse),
        (302, errors.BadResponse),
        (400, errors.BadRequest),
        (401, errors.AuthError),
        (402, errors.QuotaExceeded),
        (403, errors.AccessDenied),
        (404, errors.ModelNotFound),
        (405, errors.BadRequest),
        (408, errors.Timeout),
        (413, errors.ContextTooLong),
        (418, errors.BadRequest),
        (422, errors.BadRequest),
        (429, errors.RateLimited),
        (500, errors.Unavailable),
        (502, errors.Unavailable),
        (503, errors.Unavailable),
        (504, errors.Timeout),
        (529, errors.Unavailable),
        (10**9, errors.Unavailable),
    ],
)
def test_statuses(status: int, kind: type[errors.ServiceError]) -> None:
    assert kind_of_status(status) is kind


@pytest.mark.parametrize(
    ("error", "attempt", "least", "most"),
    [
        (RateLimited("", retry_after=4.0), 0, 4.0, 5.0),
        (RateLimited("", retry_after=0.0), 0, 0.0, 0.0),
        (Unavailable("", retry_after=4.0), 3, 4.0, 5.0),
        (RateLimited(""), 0, 0.25, 0.5),
        (Unavailable(""), 2, 1.0, 2.0),
        (Unavailable(""), 50, 5.0, 10.0),
        (Unavailable(""), 10**9, 5.0, 10.0),
    ],
)
def test_pause_before_a_retry(
    error: errors.ServiceError, attempt: int, least: float, most: float
) -> None:
    pauses = [RetryPolicy().delay(error, attempt) for _ in range(50)]
    assert all(pause is not None and least <= pause <= most for pause in pauses)


@pytest.mark.parametrize(
    "error",
    [
        RateLimited("", retry_after=11.0),
        Unavailable("", retry_after=11.0),
        ModelLoading(""),
        Timeout(""),
        BadResponse(""),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_another_try_cannot_mend_is_sent_once(error: errors.ServiceError) -> None:
    sent = 0

    async def send() -> None:
        nonlocal sent
        sent += 1
        raise error

    with pytest.raises(type(error)):
        await RetryPolicy(retries=5).run(send)
    assert sent == 1


@pytest.mark.parametrize(("failures", "sent"), [(0, 1), (1, 2), (2, 3), (9, 3)])
async def test_tries_are_counted(failures: int, sent: int) -> None:
    calls = 0

    async def send() -> int:
        nonlocal calls
        calls += 1
        if calls <= failures:
            raise Unavailable("down")
        return calls

    policy = RetryPolicy(retries=2, first_pause=0)
    if failures > 2:
        with pytest.raises(Unavailable):
            await policy.run(send)
    else:
        assert await policy.run(send) == calls
    assert calls == sent


async def test_a_wait_is_bounded_at_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_RETRY_WAIT", 0.0)
    assert RetryPolicy().delay(RateLimited("", retry_after=0.1), 0) is None
