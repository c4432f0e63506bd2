"""Handlers that every bot has: /stop, and answers to what no other handler took."""

from __future__ import annotations

from aiogram import Bot, F, Router
from aiogram.enums import ChatType
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message, MessageGenerationStopped

from bots.common import exporting, settings_menu, speaking, talks, texts
from bots.common.conversation import Matches, author_of, conversation_key, opened_talk, thread_key
from bots.common.notices import send_aside, send_notice
from bots.common.rights import may_decide
from bots.common.turns import Turns
from services.storage import ConversationKey


def create_router() -> Router:
    """The first router: /stop must get through while an answer runs."""
    router = Router(name="basics")
    router.message.register(on_stop, Command("stop"), flags={"free": True})
    speaking.register(router)
    router.stopped_message_generation.register(on_stop_button)
    talks.register(router)
    exporting.register(router)
    settings_menu.register(router)
    return router


def create_fallback_router() -> Router:
    """The last router."""
    router = Router(name="fallback")
    router.message.register(on_not_text, Matches(F.chat.type == ChatType.PRIVATE), Matches(~F.text))
    router.edited_message.register(on_other_edit)
    router.callback_query.register(on_stale_button, flags={"free": True})
    return router


async def on_stop(message: Message, bot: Bot, turns: Turns, bot_name: str) -> None:
    """In a group its admins stop any answer, others only what was written for them."""
    all_answers = await may_decide(message, bot)
    person = None if all_answers else author_of(message).id
    talks = {conversation_key(bot_name, message), thread_key(bot_name, message)}
    if not any([await turns.stop(talk, person) for talk in talks]):
        nothing = texts.NOTHING_TO_STOP if all_answers else texts.NOT_YOURS_TO_STOP
        await send_aside(message, nothing)


async def on_stop_button(event: MessageGenerationStopped, turns: Turns, bot_name: str) -> None:
    thread = event.message_thread_id or opened_talk.get()
    await turns.stop(ConversationKey(bot_name, event.chat.id, thread))


async def on_not_text(message: Message) -> None:
    await send_notice(message, texts.TEXT_ONLY)


async def on_other_edit(message: Message) -> None:
    """Not the last message of its author, or nothing that is answered: see `bots.common.editing`.

    Telegram sends edits only to bots that handle them.
    """


async def on_stale_button(callback: CallbackQuery) -> None:
    await callback.answer(texts.STALE_BUTTON)
