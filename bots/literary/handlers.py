"""How Telegram's messages reach the writer."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from aiogram import F, Router
from aiogram.filters import Command, CommandObject, CommandStart
from aiogram.types import Message

from bots.common.conversation import Addressed, author_of, conversation_key
from bots.common.replies import stream_reply
from bots.common.turns import Turns
from bots.literary import temperatures, texts
from bots.literary.prompts import WRITER
from services.chat import ChatModel, Chunk, GenerationOptions
from services.chat import Message as ChatMessage
from services.storage import PreferenceStore


def create_router() -> Router:
    router = Router(name="literary")
    router.message.register(on_start, CommandStart())
    router.message.register(on_temperature, Command("temperature"))
    router.message.register(on_prompt, F.text, Addressed(), flags={"gather": True})
    return router


async def on_start(message: Message) -> None:
    await message.answer(texts.START)


async def on_temperature(
    message: Message, command: CommandObject, preferences: PreferenceStore
) -> None:
    owner = author_of(message).id
    values = temperatures.parse(command.args or "")
    if values is None:
        kept = tuple(await preferences.get(owner, "temperatures", temperatures.DEFAULT))
        await message.reply(texts.BAD_TEMPERATURES.format(values=temperatures.listed(kept)))
        return
    await preferences.set(owner, "temperatures", values)
    await message.reply(texts.TEMPERATURES.format(values=temperatures.listed(values)))


async def on_prompt(
    message: Message,
    text: str,
    model: ChatModel,
    preferences: PreferenceStore,
    turns: Turns,
    bot_name: str,
) -> None:
    values = await preferences.get(author_of(message).id, "temperatures", temperatures.DEFAULT)
    async with turns.turn(conversation_key(bot_name, message)) as turn:
        for value in values:
            await stream_reply(message, version(model, text, value), turn)
            if turn.interruption:
                return


async def version(model: ChatModel, prompt: str, temperature: float) -> AsyncGenerator[Chunk, None]:
    """One answer under a heading that tells its temperature."""
    yield Chunk(f"**{texts.HEADING.format(value=temperature)}**\n\n")
    messages = (ChatMessage("system", WRITER), ChatMessage("user", prompt))
    stream = model.stream(messages, GenerationOptions(temperature=temperature))
    try:
        async for chunk in stream:
            yield chunk
    finally:
        await stream.aclose()
