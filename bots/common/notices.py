"""Short replies in plain text: refusals, hints and errors."""

from __future__ import annotations

import logging
import time

from aiogram.exceptions import TelegramBadRequest, TelegramNotFound
from aiogram.types import EphemeralMessageParameters, InlineKeyboardMarkup, Message

from bots.common.conversation import is_private

logger = logging.getLogger(__name__)

TRY_AGAIN = 24 * 3600.0  # seconds until a server that refused an ephemeral message is asked again
_refused: dict[str, float] = {}  # servers, with the time of their refusal


async def send_notice(
    to: Message, text: str, keyboard: InlineKeyboardMarkup | None = None
) -> Message:
    """Reply to a message, or just send the text if that message has been deleted.

    `Message.reply(allow_sending_without_reply=True)` sends the option beside the reply
    parameters, where Telegram ignores it.
    """
    return await _reply(to, text, keyboard, None)


async def send_aside(
    to: Message, text: str, keyboard: InlineKeyboardMarkup | None = None
) -> Message:
    """Like `send_notice`, but in a group only the author of the message sees it.

    A server that refuses ephemeral messages gets usual ones from then on; an older one ignores
    the parameter and sends a usual one by itself.
    """
    receiver = _receiver(to)
    if receiver is None:
        return await send_notice(to, text, keyboard)
    try:
        return await _reply(to, text, keyboard, receiver)
    except (TelegramBadRequest, TelegramNotFound) as error:
        logger.info("ephemeral message refused: %s", error.message)
        _refused[_server(to)] = time.monotonic()
        return await send_notice(to, text, keyboard)


async def _reply(
    to: Message,
    text: str,
    keyboard: InlineKeyboardMarkup | None,
    receiver: EphemeralMessageParameters | None,
) -> Message:
    return await to.answer(
        text,
        reply_parameters=to.as_reply_parameters(allow_sending_without_reply=True),
        reply_markup=keyboard,
        ephemeral_message_parameters=receiver,
    )


def _receiver(to: Message) -> EphemeralMessageParameters | None:
    """Who alone should read it; None in private chats and for who writes in a chat's name."""
    if is_private(to) or to.sender_chat or to.from_user is None:
        return None
    refused = _refused.get(_server(to))
    if refused is not None and time.monotonic() - refused < TRY_AGAIN:
        return None
    return EphemeralMessageParameters(receiver_user_id=to.from_user.id)


def _server(to: Message) -> str:
    assert to.bot is not None  # noqa: S101  (a message that came from a bot's update)
    return to.bot.session.api.base
