"""Drafts, typing, keyboards, commands: what a person sees while a bot works."""

from __future__ import annotations

from typing import Any

import pytest
from aiogram import Bot
from aiogram.types import (
    BotCommand,
    BotCommandScopeAllGroupChats,
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    MessageEntity,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
)

from playground import NotAllowed, Playground
from playground import drafts as drafts_module
from tests.playground.conftest import Api


async def test_a_draft_grows_and_a_message_takes_its_place(
    playground: Playground, bot: Bot
) -> None:
    chat = playground.person("Аня").private
    chat.send("привет")
    await bot.send_message_draft(chat.chat.id, draft_id=1, text="")
    assert chat.draft is not None
    assert chat.draft.body == {}
    bold = MessageEntity(type="bold", offset=0, length=2)
    await bot.send_message_draft(chat.chat.id, draft_id=1, text="Да, ко", entities=[bold])
    assert (await chat.wait_draft("Да")).body["entities"][0]["type"] == "bold"
    await bot.send_message(chat.chat.id, "Да, конечно")
    assert chat.draft is None
    assert [m.text for m in chat.messages] == ["привет", "Да, конечно"]


async def test_a_draft_vanishes_by_itself(
    playground: Playground, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts_module, "DRAFT_SECONDS", 0.02)
    chat = playground.person("Аня").private
    chat.send("привет")
    await bot.send_message_draft(chat.chat.id, draft_id=1, text="дум")
    while chat.draft:
        await playground.world.changed(chat.chat)


async def test_stopping_a_draft_tells_the_bot_once(
    playground: Playground, bot: Bot, api: Api
) -> None:
    chat = playground.person("Аня").private
    chat.send("привет")
    await bot.send_message_draft(chat.chat.id, draft_id=7, text="долго")
    assert not chat.stop_draft()
    await bot.send_message_draft(
        chat.chat.id, draft_id=7, text="долго", can_stop=True, keep_on_stop=True
    )
    assert chat.stop_draft()
    assert not chat.stop_draft()
    assert chat.draft is not None
    update = (await bot.get_updates())[-1]
    assert update.stopped_message_generation is not None
    assert update.stopped_message_generation.draft_id == 7
    assert len(await api.result("getUpdates")) == 2


async def test_reply_keyboards_come_and_go(playground: Playground, bot: Bot) -> None:
    chat = playground.person("Аня").private
    chat.send("привет")
    keys = [[KeyboardButton(text="Да"), KeyboardButton(text="Нет")]]
    sent = await bot.send_message(
        chat.chat.id, "выбирай", reply_markup=ReplyKeyboardMarkup(keyboard=keys)
    )
    assert sent.reply_markup is None
    assert chat.keyboard == [["Да", "Нет"]]
    await bot.send_message(chat.chat.id, "ещё")
    assert chat.keyboard == [["Да", "Нет"]]
    await bot.send_message(chat.chat.id, "всё", reply_markup=ReplyKeyboardRemove())
    assert chat.keyboard == []
    once = ReplyKeyboardMarkup(keyboard=keys, one_time_keyboard=True)
    await bot.send_message(chat.chat.id, "один раз", reply_markup=once)
    chat.send("Да")
    assert chat.keyboard == []
    assert await bot.send_message(chat.chat.id, "имя?", reply_markup=ForceReply())


async def test_a_pressed_button_is_answered_once(playground: Playground, bot: Bot) -> None:
    chat = playground.person("Аня").private
    chat.send("привет")
    row = [InlineKeyboardButton(text="Жми", callback_data="x")]
    sent = await bot.send_message(
        chat.chat.id, "?", reply_markup=InlineKeyboardMarkup(inline_keyboard=[row])
    )
    answer = chat.start_press(sent.message_id, "Жми")
    query = (await bot.get_updates())[-1].callback_query
    assert query is not None
    assert query.data == "x"
    assert query.message is not None
    assert query.message.message_id == sent.message_id
    await bot.answer_callback_query(query.id, "ага", show_alert=True)
    assert await answer == {"text": "ага", "alert": True, "url": ""}
    with pytest.raises(Exception, match="query is too old"):
        await bot.answer_callback_query(query.id)
    with pytest.raises(NotAllowed):
        chat.start_press(sent.message_id, "Другая")


async def test_commands_are_kept_by_scope_and_language(playground: Playground, bot: Bot) -> None:
    groups = BotCommandScopeAllGroupChats()

    async def names(**where: Any) -> list[str]:
        return [command.command for command in await bot.get_my_commands(**where)]

    await bot.set_my_commands([BotCommand(command="start", description="Начать")])
    quiet = BotCommand(command="quiet", description="Помолчать")
    await bot.set_my_commands([quiet], scope=groups, language_code="ru")
    assert await names() == ["start"]
    assert await names(scope=groups) == []
    assert await names(scope=groups, language_code="ru") == ["quiet"]
    await bot.delete_my_commands()
    assert await names() == []


async def test_a_person_edits_and_deletes_only_what_is_theirs(
    playground: Playground, bot: Bot
) -> None:
    anna = playground.person("Аня").private
    sent = anna.send("один")
    answer = await bot.send_message(anna.chat.id, "два")
    assert anna.edit(sent.message_id, "раз").text == "раз"
    with pytest.raises(NotAllowed):
        anna.edit(answer.message_id, "три")
    boris = playground.person("Борис").in_(playground.group)
    theirs = playground.person("Вера").in_(playground.group).send("моё")
    with pytest.raises(NotAllowed):
        boris.delete(theirs.message_id)
    playground.person("Аня").in_(playground.group).delete(theirs.message_id)
    assert boris.messages == []
    with pytest.raises(NotAllowed):
        anna.send(" ")
    with pytest.raises(NotAllowed):
        anna.send("x" * 4097)
