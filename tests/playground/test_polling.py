"""getUpdates: held polls, offsets, kinds, conflicts; and a stock bot that lives on it."""

from __future__ import annotations

import asyncio

import aiohttp
from aiogram import Bot, F, Router
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message

from playground import Playground
from tests.playground.conftest import Api, polling


def echo() -> Router:
    router = Router()

    @router.message(F.text)
    async def on_text(message: Message) -> None:
        button = InlineKeyboardButton(text="Ещё", callback_data="more")
        markup = InlineKeyboardMarkup(inline_keyboard=[[button]])
        answer = await message.reply("секунду…")
        await answer.edit_text(f"эхо: {message.text}", reply_markup=markup)

    @router.callback_query()
    async def on_button(query: CallbackQuery) -> None:
        await query.answer(f"нажато {query.data}", show_alert=True)

    return router


async def test_a_stock_bot_answers_edits_and_is_pressed(playground: Playground, bot: Bot) -> None:
    chat = playground.person("Аня").private
    async with polling(bot, echo()):
        sent = chat.send("привет")
        answer = await chat.wait_for("эхо")
        assert answer.text == "эхо: привет"
        assert answer.reply_to_message is not None
        assert answer.reply_to_message.message_id == sent.message_id
        pressed = await chat.press(answer, "Ещё")
    assert (pressed.text, pressed.alert) == ("нажато more", True)
    assert [call.method for call in playground.calls] == [
        "getMe",
        "sendMessage",
        "editMessageText",
        "answerCallbackQuery",
    ]


async def test_a_poll_is_held_until_something_comes(playground: Playground, api: Api) -> None:
    poll = asyncio.create_task(api.result("getUpdates", timeout=20))
    done, _ = await asyncio.wait((poll,), timeout=0.1)
    assert not done
    playground.person("Аня").private.send("привет")
    (update,) = await asyncio.wait_for(poll, 5)
    assert update["message"]["text"] == "привет"


async def test_updates_stay_until_they_are_confirmed(playground: Playground, api: Api) -> None:
    chat = playground.person("Аня").private
    for number in range(5):
        chat.send(str(number))
    updates = await api.result("getUpdates", limit=2)
    assert [update["message"]["text"] for update in updates] == ["0", "1"]
    assert await api.result("getUpdates", limit=2) == updates
    rest = await api.result("getUpdates", offset=updates[-1]["update_id"] + 1)
    assert [update["message"]["text"] for update in rest] == ["2", "3", "4"]
    (last,) = await api.result("getUpdates", offset=-1)
    assert last["message"]["text"] == "4"
    assert await api.result("getUpdates", offset=last["update_id"] + 1) == []


async def test_only_wanted_kinds_come_and_the_wish_is_remembered(
    playground: Playground, api: Api
) -> None:
    anna = playground.person("Аня").private
    assert await api.result("getUpdates", allowed_updates=["edited_message"]) == []
    sent = anna.send("один")
    anna.edit(sent.message_id, "два")
    (update,) = await api.result("getUpdates")
    assert update["edited_message"]["text"] == "два"
    assert await api.result("getUpdates", offset=update["update_id"] + 1, allowed_updates=[]) == []
    anna.send("три")
    (update,) = await api.result("getUpdates")
    assert update["message"]["text"] == "три"


async def test_reactions_come_only_on_request(playground: Playground, api: Api) -> None:
    anna = playground.person("Аня").private
    sent = anna.send("привет")
    anna.react(sent, "👍")
    (update,) = await api.result("getUpdates")
    offset = update["update_id"] + 1
    await api.result("getUpdates", offset=offset, allowed_updates=["message_reaction"])
    anna.react(sent, "🔥")
    (update,) = await api.result("getUpdates")
    reaction = update["message_reaction"]
    assert reaction["old_reaction"] == [{"type": "emoji", "emoji": "👍"}]
    assert reaction["new_reaction"] == [{"type": "emoji", "emoji": "🔥"}]
    assert reaction["user"]["first_name"] == "Аня"


async def test_a_second_poller_ends_the_first(playground: Playground, api: Api) -> None:
    first = asyncio.create_task(api("getUpdates", timeout=20))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(api("getUpdates", timeout=20))
    conflict = await asyncio.wait_for(first, 5)
    assert conflict["error_code"] == 409
    assert conflict["description"].startswith("Conflict: terminated by other getUpdates request")
    playground.person("Аня").private.send("привет")
    assert (await asyncio.wait_for(second, 5))["ok"]


async def test_leaving_releases_a_held_poll(http: aiohttp.ClientSession) -> None:
    async with Playground() as playground:
        poll = asyncio.create_task(Api(http, playground)("getUpdates", timeout=50))
        await asyncio.sleep(0.05)
    assert (await asyncio.wait_for(poll, 5))["error_code"] == 502
