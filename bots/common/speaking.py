"""Answers that are also spoken, in chats that asked for it with /voice on."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from aiogram import BaseMiddleware, Bot, Router
from aiogram.exceptions import TelegramAPIError
from aiogram.filters import Command, CommandObject
from aiogram.types import BufferedInputFile, Message, TelegramObject

from bots.common import texts
from bots.common.conversation import is_private
from bots.common.formatting import render
from bots.common.notices import send_aside, send_notice
from bots.common.rights import may_decide
from services.errors import ServiceError
from services.media.synthesis import Synthesiser
from services.storage import PreferenceStore

logger = logging.getLogger(__name__)

PREFERENCE = "voice"  # a chat's choice: true is "speak too"
_ON, _OFF = frozenset(["on", "вкл", "да"]), frozenset(["off", "выкл", "нет"])

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]

_current: ContextVar[Speaking | None] = ContextVar("speaking", default=None)


class Speaking(BaseMiddleware):
    """Knows which chats want a voice; as a middleware it lets the answers to updates speak."""

    def __init__(self, synthesiser: Synthesiser | None, preferences: PreferenceStore) -> None:
        self._synthesiser = synthesiser
        self._preferences = preferences

    @property
    def possible(self) -> bool:
        return self._synthesiser is not None

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        _current.set(self)
        return await handler(event, data)

    async def wanted(self, chat_id: int) -> bool:
        return self.possible and bool(await self._preferences.get(chat_id, PREFERENCE, False))

    async def switch(self, chat_id: int, *, on: bool) -> None:
        await self._preferences.set(chat_id, PREFERENCE, on)

    async def speak(self, to: Message, markdown: str) -> None:
        """Send the voice of an answer whose text is out; its failure is told, not raised."""
        text = render(markdown).text.strip()
        if self._synthesiser is None or not text or not await self.wanted(to.chat.id):
            return
        try:
            recording = await self._synthesiser.speak(text)
            await to.answer_voice(
                BufferedInputFile(recording, "answer.ogg"),
                reply_parameters=None if is_private(to) else to.as_reply_parameters(),
            )
        except ServiceError as error:
            logger.warning("no voice: %s: %s", type(error).__name__, error)
            await send_notice(to, texts.VOICE_FAILED)
        except TelegramAPIError as error:  # such as voice messages that a person forbade
            logger.info("the voice was refused: %s", type(error).__name__)

    async def aclose(self) -> None:
        if self._synthesiser:
            await self._synthesiser.aclose()


async def speak(to: Message, markdown: str) -> None:
    """Speak an answer where its chat wants that."""
    if (speaking := _current.get()) is not None:
        await speaking.speak(to, markdown)


def register(router: Router) -> None:
    """Give a bot's router the command /voice."""
    router.message.register(on_voice, Command("voice"))


async def on_voice(message: Message, command: CommandObject, bot: Bot, speaking: Speaking) -> None:
    """/voice on, /voice off; without a word it tells which. It holds for the whole chat."""
    choice = (command.args or "").strip().lower()
    if not speaking.possible:
        await send_notice(message, texts.NO_VOICE)
        return
    if choice in _ON | _OFF:
        if not await may_decide(message, bot):
            await send_aside(message, texts.ADMINS_ONLY)
            return
        await speaking.switch(message.chat.id, on=choice in _ON)
    on = await speaking.wanted(message.chat.id)
    await send_notice(message, texts.VOICE_ON if on else texts.VOICE_OFF)
