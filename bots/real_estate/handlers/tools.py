"""Mortgage, checklists, and how well the bot does."""

from __future__ import annotations

from aiogram import Router
from aiogram.filters import Command, CommandObject
from aiogram.types import CallbackQuery, Message

from bots.common import texts as common_texts
from bots.common.conversation import is_private
from bots.common.notices import send_notice
from bots.common.replies import send_reply
from bots.real_estate import texts
from bots.real_estate.assistant import Assistant, Stats
from bots.real_estate.checklists import BY_NAME, toggle
from bots.real_estate.keyboards import CheckCallback, checklist_keyboard, checklists_keyboard


def create_router() -> Router:
    router = Router(name="tools")
    router.message.register(on_mortgage, Command("mortgage"))
    router.message.register(on_checklists, Command("checklists"))
    router.message.register(on_stats, Command("stats"))
    router.callback_query.register(on_check, CheckCallback.filter())
    return router


async def on_mortgage(message: Message, command: CommandObject, assistant: Assistant) -> None:
    asked = (command.args or "").strip()
    if asked.casefold() == "источники":
        await send_reply(message, assistant.loans.sources())
        return
    sums = assistant.loans.answer(asked) if asked else None
    await send_reply(message, sums or f"{texts.MORTGAGE}\n\n{assistant.loans.overview()}")


async def on_checklists(message: Message) -> None:
    await send_notice(message, texts.CHECKLISTS, checklists_keyboard())


async def on_check(
    callback: CallbackQuery, callback_data: CheckCallback, assistant: Assistant
) -> None:
    checklist = BY_NAME[callback_data.name]
    owner, item = callback.from_user.id, callback_data.item
    if item >= len(checklist.items):
        await callback.answer(common_texts.STALE_BUTTON)
        return
    ticked = await assistant.ticked(owner, checklist.name)
    if item >= 0:
        ticked = toggle(ticked, item)
        await assistant.set_ticked(owner, checklist.name, ticked)
    await callback.answer()
    if isinstance(callback.message, Message):
        text = texts.CHECKLIST.format(
            title=checklist.title, done=len(ticked), total=len(checklist.items)
        )
        keyboard = checklist_keyboard(checklist, ticked)
        if item >= 0:
            await callback.message.edit_text(text, reply_markup=keyboard)
        elif (asked := callback.message.reply_to_message) and not is_private(asked):
            await send_notice(asked.as_(callback.bot), text, keyboard)  # whose buttons these are
        else:
            await callback.message.answer(text, reply_markup=keyboard)


async def on_stats(message: Message, assistant: Assistant) -> None:
    stats = await assistant.stats()
    await message.answer(
        texts.STATS.format(
            listings=stats.listings, valuation=_valuation(stats), rejected=stats.texts_rejected
        )
    )


def _valuation(stats: Stats) -> str:
    accuracy = stats.accuracy
    if accuracy is None:
        return texts.STATS_TRAINING if stats.training else texts.STATS_NO_MODEL
    return texts.STATS_MODEL.format(
        rows=accuracy.rows,
        demo=texts.STATS_DEMO if stats.demo else "",
        mdape=accuracy.mdape,
        within20=accuracy.within20,
        coverage80=accuracy.coverage80,
        worse=stats.models_rejected,
    )
