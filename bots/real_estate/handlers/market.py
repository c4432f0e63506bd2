"""/market: the price of a metre in a place, and how it moves."""

from __future__ import annotations

import asyncio

from aiogram import Router
from aiogram.filters import Command, CommandObject
from aiogram.types import BufferedInputFile, Message

from bots.common.conversation import author_of
from bots.common.replies import send_reply
from bots.real_estate import texts
from bots.real_estate.assistant import Assistant
from bots.real_estate.market import draw, market_facts


def create_router() -> Router:
    router = Router(name="market")
    router.message.register(on_market, Command("market"))
    return router


async def on_market(message: Message, command: CommandObject, assistant: Assistant) -> None:
    slots = await assistant.market_place(author_of(message).id, command.args or "")
    if slots is None:
        await message.answer(texts.MARKET)
        return
    market = await assistant.market(slots)
    if market is None:
        await message.answer(texts.MARKET_FEW.format(place=slots.place))
        return
    await send_reply(message, market_facts(market))
    if picture := await asyncio.to_thread(draw, market):
        await message.answer_photo(BufferedInputFile(picture, "market.png"))
