"""Commands that a bot doesn't have, or that somebody else wrote: no questions to the model."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from aiogram import BaseMiddleware, Bot, Router
from aiogram.filters import BaseFilter, Command
from aiogram.types import BotCommand, Message, TelegramObject

from bots.common import texts
from bots.common.conversation import Addressed, is_private
from bots.common.middlewares import Handler
from bots.common.notices import send_aside

MAX_NAME = 32  # characters of a command, as Telegram allows

_COMMAND = re.compile(r"/([^\W\d]\w*)(?:@(\w+))?(?=\s|$)")


class UnknownCommand(BaseFilter):
    """Passes what looks like a command to this bot and is none of `known`; passes its `name`."""

    def __init__(self, known: Collection[str]) -> None:
        self._known = known

    async def __call__(self, message: Message, bot: Bot) -> bool | dict[str, str]:
        match = _COMMAND.match(message.text or "")
        if match is None or match[1].lower() in self._known:
            return False
        me = await bot.me()
        named = (match[2] or "").lower() == (me.username or "").lower()
        if match[2] and not named:
            return False
        if not (named or is_private(message) or await Addressed()(message, bot)):
            return False
        return {"name": match[1][:MAX_NAME]}


class ForwardedCommands(BaseMiddleware):
    """Outer middleware that runs no forwarded command: others' words aren't one's own wish."""

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        assert isinstance(event, Message)  # noqa: S101  (registered on messages)
        match = _COMMAND.match(event.text or event.caption or "")
        if event.forward_origin is None or match is None or event.is_automatic_forward:
            return await handler(event, data)
        if is_private(event):
            await send_aside(event, texts.FORWARDED_COMMAND.format(name=match[1][:MAX_NAME]))
        return None


def create_router(menu: Sequence[BotCommand], routers: Sequence[Router]) -> Router:
    """Answer commands that no handler of `routers` has; `menu` are those worth suggesting."""
    shown = [command.command for command in menu]
    known = {*shown, *(name.lower() for router in routers for name in _commands(router))}
    router = Router(name="unknown commands")

    async def on_unknown_command(message: Message, name: str) -> None:
        near = get_close_matches(name.lower(), shown, n=1)
        nearest = texts.NEAREST_COMMAND.format(name=near[0]) if near else ""
        await send_aside(message, texts.NO_SUCH_COMMAND.format(name=name, nearest=nearest))

    router.message.register(on_unknown_command, UnknownCommand(known))
    return router


def _commands(router: Router) -> Iterator[str]:
    for handler in router.message.handlers:
        for check in handler.filters or ():
            if isinstance(check.callback, Command):
                yield from map(str, check.callback.commands)
    for inner in router.sub_routers:
        yield from _commands(inner)
