"""Short replies in plain text: refusals, hints and errors."""

from __future__ import annotations

from aiogram.types import InlineKeyboardMarkup, Message


async def send_notice(
    to: Message, text: str, keyboard: InlineKeyboardMarkup | None = None
) -> Message:
    """Reply to a message, or just send the text if that message has been deleted.

    `Message.reply(allow_sending_without_reply=True)` sends the option beside the reply
    parameters, where Telegram ignores it.
    """
    return await to.answer(
        text,
        reply_parameters=to.as_reply_parameters(allow_sending_without_reply=True),
        reply_markup=keyboard,
    )
