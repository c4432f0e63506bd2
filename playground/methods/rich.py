"""Rich messages and their drafts."""

from __future__ import annotations

from playground.bot_api import BotApi, method
from playground.errors import Json, bad_request
from playground.methods.messages import deliver, show_draft
from playground.params import Params
from playground.rich import rich_message


@method
def send_rich_message(api: BotApi, params: Params) -> Json:
    return deliver(api, params, rich_content(params))[0]


@method
def send_rich_message_draft(api: BotApi, params: Params) -> bool:
    return show_draft(api, params, rich_content(params, in_draft=True))


def rich_content(params: Params, *, in_draft: bool = False) -> Json:
    """The field of a message that a call's `rich_message` becomes."""
    given = params.parsed("rich_message", "InputRichMessage")
    if given is None:
        raise bad_request("rich_message is empty")
    return {"rich_message": rich_message(given, in_draft=in_draft)}
