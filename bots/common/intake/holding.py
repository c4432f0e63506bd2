"""Keep what nobody may see yet from Telegram."""

from __future__ import annotations

from typing import Any

from aiogram import Bot
from aiogram.client.session.middlewares.base import (
    BaseRequestMiddleware,
    NextRequestMiddlewareType,
)
from aiogram.methods import Response, SendChatAction, TelegramMethod
from aiogram.methods.base import TelegramType

from bots.common.editing import note_call
from services.head_start import settled


class HeldCalls(BaseRequestMiddleware):
    """Lets a handler show something only when the question that it answers is settled.

    What is shown is noted, so that an edited question can have its answer replaced.

    Calls that read (getMe, getFile) and «typing…» go through: nothing of them stays.
    """

    async def __call__(
        self,
        make_request: NextRequestMiddlewareType[TelegramType],
        bot: Bot,
        method: TelegramMethod[TelegramType],
    ) -> Response[TelegramType]:
        if not _leaves_no_trace(method):
            await settled()
        result = await make_request(bot, method)
        note_call(method, result)
        return result


def _leaves_no_trace(method: TelegramMethod[Any]) -> bool:
    return isinstance(method, SendChatAction) or method.__api_method__.startswith("get")
