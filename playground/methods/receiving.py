"""getUpdates and the webhook methods; a bot uses one or the other."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from playground.bot_api import BotApi, RawResult, method
from playground.errors import ApiError, Json, bad_request
from playground.params import Params
from playground.webhook import Target

MAX_POLL_SECONDS = 50
_WEBHOOK_ACTIVE = (
    "Conflict: can't use getUpdates method while webhook is active; "
    "use deleteWebhook to delete the webhook first"
)
_WEBHOOK_SET = "Conflict: terminated by setWebhook request"


@method
async def get_updates(api: BotApi, params: Params) -> RawResult:
    if api.webhook.target:
        raise ApiError(409, _WEBHOOK_ACTIVE)
    api.world.updates.allow(_allowed(params))
    limit = min(100, max(1, params.integer("limit", 100)))
    timeout = min(MAX_POLL_SECONDS, max(0, params.integer("timeout")))
    updates = await api.world.updates.poll(params.integer("offset"), limit, timeout)
    return RawResult(f"[{','.join(updates)}]")


def _allowed(params: Params) -> list[str] | None:
    kinds = params.parsed("allowed_updates", "allowed_updates")
    if kinds is None:
        return None
    if not isinstance(kinds, list) or not all(isinstance(kind, str) for kind in kinds):
        raise bad_request("can't parse allowed_updates JSON object")
    return kinds


@method
def set_webhook(api: BotApi, params: Params) -> bool:
    url = params.string("url")
    if not url:
        return delete_webhook(api, params)
    _check_url(url)
    secret = params.string("secret_token")
    if secret and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
        raise bad_request("secret token contains unallowed characters")
    api.world.updates.allow(_allowed(params))
    api.world.updates.release(ApiError(409, _WEBHOOK_SET))
    if params.flag("drop_pending_updates"):
        api.world.updates.drop()
    connections = min(100, max(1, params.integer("max_connections", 40)))
    api.webhook.set(Target(url, secret, connections))
    return True


def _check_url(url: str) -> None:
    """HTTPS as at Telegram, except on this machine: there is no certificate to be had there."""
    address = urlsplit(url)
    if address.scheme == "https":
        return
    if address.scheme == "http" and _is_loopback(address.hostname or ""):
        return
    raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@method
def delete_webhook(api: BotApi, params: Params) -> bool:
    api.webhook.stop()
    if params.flag("drop_pending_updates"):
        api.world.updates.drop()
    return True


@method
def get_webhook_info(api: BotApi, params: Params) -> Json:
    return api.webhook.info()
