"""Telegram handlers of the Hugging Face demo."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from aiogram import Bot, F, Router
from aiogram.filters import Command, CommandObject, CommandStart
from aiogram.types import CallbackQuery, Message

from bots.common import forgetting
from bots.common import texts as common_texts
from bots.common.conversation import Addressed, Author, HasText, author_of, conversation_key
from bots.common.notices import send_aside, send_notice
from bots.common.replies import run_reply, send_reply, stream_reply
from bots.common.rights import may_decide
from bots.common.turns import Turn, Turns
from bots.hf_demo import prompts, texts
from bots.hf_demo.comparison import compare, conversation_up_to
from bots.hf_demo.keyboards import (
    ModelCallback,
    OthersCallback,
    SwitchCallback,
    model_keyboard,
    others_keyboard,
    switch_keyboard,
)
from bots.hf_demo.models import ModelShelf
from services.chat import Image
from services.chat import Message as ChatMessage
from services.dialogue import Dialogue, room_for, with_pictures
from services.errors import ServiceError
from services.media.documents.shelf import DocumentShelf
from services.storage import ConversationKey, StoredMessage
from services.timing import Measurement, Stopwatch

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Demo:
    """What the handlers work with."""

    name: str
    dialogue: Dialogue
    shelf: ModelShelf
    turns: Turns
    documents: DocumentShelf

    def key(self, message: Message) -> ConversationKey:
        return conversation_key(self.name, message)


def create_router() -> Router:
    router = Router(name="hf_demo")
    router.message.register(on_start, CommandStart())
    router.message.register(on_help, Command("help"))
    router.message.register(on_model, Command("model"))
    router.message.register(on_compare, Command("compare"))
    router.message.register(on_reset, Command("reset"))
    forgetting.register(router)
    router.callback_query.register(on_model_chosen, ModelCallback.filter())
    router.callback_query.register(
        on_others, OthersCallback.filter(), F.message.as_("answer"), flags={"anyone": True}
    )
    router.callback_query.register(on_switch, SwitchCallback.filter(), F.message.as_("notice"))
    router.message.register(on_message, HasText(), Addressed(), flags={"gather": True})
    return router


async def on_start(message: Message, demo: Demo) -> None:
    shelf = demo.shelf
    chosen = await shelf.chosen(author_of(message).id)
    await message.answer((texts.START if shelf.names else texts.START_ALONE).format(model=chosen))


async def on_help(message: Message, demo: Demo) -> None:
    shelf = demo.shelf
    chosen = await shelf.chosen(author_of(message).id)
    await message.answer(texts.HELP if shelf.names else texts.HELP_ALONE.format(model=chosen))


async def on_model(message: Message, command: CommandObject, demo: Demo) -> None:
    shelf, user_id, name = demo.shelf, author_of(message).id, (command.args or "").strip().lower()
    chosen = await shelf.chosen(user_id)
    if not shelf.names:
        await message.answer(texts.ONE_MODEL.format(model=chosen))
    elif not name:
        keyboard = model_keyboard(shelf.names, chosen)
        await send_reply(message, texts.CHOOSE_MODEL.format(model=chosen), keyboard=keyboard)
    elif name not in shelf.names:
        await message.answer(
            texts.UNKNOWN_MODEL.format(name=name[:100], names=texts.listed(shelf.names))
        )
    else:
        await shelf.choose(user_id, name)
        await message.answer(texts.MODEL_CHOSEN.format(model=name))


async def on_model_chosen(
    callback: CallbackQuery, callback_data: ModelCallback, demo: Demo
) -> None:
    shelf, name, menu = demo.shelf, callback_data.name, callback.message
    if name not in shelf.names:
        await callback.answer(common_texts.STALE_BUTTON)
        return
    before = await shelf.chosen(callback.from_user.id)
    await shelf.choose(callback.from_user.id, name)
    await callback.answer(texts.MODEL_CHOSEN.format(model=name))
    if isinstance(menu, Message) and name != before:
        await menu.edit_text(
            texts.CHOOSE_MODEL.format(model=name), reply_markup=model_keyboard(shelf.names, name)
        )


async def on_reset(message: Message, bot: Bot, demo: Demo) -> None:
    if not await may_decide(message, bot):
        await send_aside(message, common_texts.RESET_BY_ADMINS)
        return
    await demo.dialogue.history.clear(demo.key(message))
    await demo.documents.clear(demo.key(message))
    await message.answer(texts.RESET)


async def on_message(
    message: Message,
    text: str,
    demo: Demo,
    pictures: tuple[Image, ...] = (),
) -> None:
    author = author_of(message)
    await answer(message, text, author, await demo.shelf.chosen(author.id), demo, pictures)


async def answer(
    message: Message,
    text: str,
    author: Author,
    name: str,
    demo: Demo,
    pictures: tuple[Image, ...] = (),
) -> None:
    """Let the model `name` answer; when it fails, offer the others."""
    key, shelf, dialogue = demo.key(message), demo.shelf, demo.dialogue
    async with demo.turns.turn(key) as turn:
        try:
            model = shelf.open(name)
            watch = Stopwatch(model)
            excerpts = await demo.documents.about(key, text, room_for(model))
            question = ChatMessage("user", excerpts.add_to(text), attachments=pictures)
            stream = dialogue.stream(
                key, question, system=prompts.SYSTEM, options=prompts.OPTIONS, model=model
            )
            reply = await stream_reply(
                message,
                watch.watch(stream),
                turn,
                keyboard=others_keyboard(name, shelf.others(name), message.message_id),
                footer=lambda completion: texts.footer(
                    name, watch.measurement(completion), excerpts.sources(completion.text)
                ),
            )
        except ServiceError as error:
            if not shelf.others(name):
                raise
            await offer_others(message, name, error, shelf, again=text == message.text)
            return
        said = with_pictures(text, pictures)
        kept = StoredMessage("user", said, author.id, author.name, message.message_id)
        await dialogue.remember(key, kept, reply.text)


async def offer_others(
    message: Message, name: str, error: ServiceError, shelf: ModelShelf, *, again: bool
) -> None:
    logger.warning("%s: %s: %s", name, type(error).__name__, error)
    keyboard = switch_keyboard(shelf.others(name), again=again)
    await send_notice(message, texts.failed(name, error), keyboard)


async def on_switch(
    callback: CallbackQuery,
    callback_data: SwitchCallback,
    notice: Message,
    demo: Demo,
) -> None:
    """Take another model and, when the question is known, ask it at once."""
    user, name = callback.from_user, callback_data.name
    if name not in demo.shelf.names or not isinstance(notice, Message):
        await callback.answer(common_texts.STALE_BUTTON)
        return
    await demo.shelf.choose(user.id, name)
    asked = notice.reply_to_message
    await callback.answer(texts.MODEL_CHOSEN.format(model=name))
    if not (callback_data.again and asked and asked.text):
        await notice.edit_text(texts.SWITCHED.format(model=name))
        return
    await notice.edit_reply_markup(reply_markup=None)
    author = Author(user.id, user.full_name)
    question = asked.as_(notice.bot)
    await answer(question, asked.text, author, name, demo)


async def on_others(
    callback: CallbackQuery,
    callback_data: OthersCallback,
    answer: Message,
    demo: Demo,
) -> None:
    """Ask the other models what the one above has answered."""
    if not isinstance(answer, Message):
        await callback.answer(common_texts.STALE_BUTTON)
        return
    key = demo.key(answer)
    messages = await conversation_up_to(demo.dialogue.history, key, callback_data.source)
    if messages is None:
        await callback.answer(texts.LOST_QUESTION, show_alert=True)
        return
    others = demo.shelf.others(callback_data.name)
    await callback.answer(texts.ASKING.format(names=texts.listed(others)))
    await answer.edit_reply_markup(reply_markup=None)
    async with demo.turns.turn(key) as turn:
        await show_comparison(answer, turn, demo.shelf, others, messages)


async def on_compare(
    message: Message,
    command: CommandObject,
    demo: Demo,
) -> None:
    """Ask all models the given question, or the last one of the conversation."""
    shelf, key = demo.shelf, demo.key(message)
    if not shelf.names:
        chosen = await shelf.chosen(author_of(message).id)
        await message.answer(texts.ONE_MODEL.format(model=chosen))
        return
    messages = [ChatMessage("system", prompts.SYSTEM), ChatMessage("user", command.args or "")]
    async with demo.turns.turn(key) as turn:
        if not command.args:  # read in our turn: the answer before it is remembered by then
            messages = await conversation_up_to(demo.dialogue.history, key) or []
        if not messages:
            await message.answer(texts.NOTHING_TO_COMPARE)
            return
        await show_comparison(message, turn, shelf, shelf.names, messages)


async def show_comparison(
    to: Message,
    turn: Turn,
    shelf: ModelShelf,
    names: Sequence[str],
    messages: Sequence[ChatMessage],
) -> None:
    """Send each answer as it comes, and what each took at the end."""
    rows: list[tuple[str, Measurement | ServiceError]] = []

    async def work() -> None:
        async with aclosing(compare(shelf, names, messages)) as finished:
            async for name, result in finished:
                rows.append((name, result))
                if isinstance(result, ServiceError):
                    logger.warning("%s: %s: %s", name, type(result).__name__, result)
                else:
                    heading = texts.HEADING.format(name=name)
                    text = result.completion.text.strip() or common_texts.EMPTY_ANSWER
                    await send_reply(to, f"{heading}\n\n{text}")

    await run_reply(to, turn, work())
    await send_reply(to, texts.results(rows), rich=texts.results_table(rows))
