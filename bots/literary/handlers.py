"""Telegram handlers of the literary bot."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from dataclasses import replace

from aiogram import Bot, F, Router
from aiogram.enums import ChatAction
from aiogram.filters import Command, CommandObject, CommandStart
from aiogram.types import BufferedInputFile, CallbackQuery, Message

from bots.common import forgetting
from bots.common import texts as common_texts
from bots.common.conversation import Addressed, HasText, Matches, author_of, conversation_key
from bots.common.formatting import shown_text
from bots.common.notices import send_notice
from bots.common.replies import run_reply, send_reply, stream_reply
from bots.common.rights import clear_documents
from bots.common.turns import Turn, Turns
from bots.literary import temperatures, texts
from bots.literary.chart import draw
from bots.literary.keyboards import FormCallback, VersionCallback, form_keyboard, versions_keyboard
from bots.literary.prompts import FORMS, GENRES
from bots.literary.temperatures import spoken
from bots.literary.workshop import SAMPLES, Version, Work, Workshop
from services.chat import Chunk, Image
from services.media.documents.shelf import DocumentShelf

AGAIN = re.compile(r"(?i)^\s*ещ[её] раз(?:\s+(\d+(?:[.,]\d+)?))?[\s.!]*$")
CONTINUE = re.compile(
    r"""(?ix) ^\s* продолж(?:и|ай|ить) (?:,?\s+пожалуйста,?)?
    (?:\s+эту)? (?:\s+(?P<ordinal>перв|втор|трет|последн)\w{1,3})? (?:\s+верси[юи])?
    (?:\s*(?P<number>\d+(?:[.,]\d+)?))? (?:,?\s+пожалуйста)? [\s.!]*$"""
)
_ORDINALS = {"перв": 0, "втор": 1, "трет": 2, "последн": -1}
_SHOWN_TEMPERATURE = re.compile(r"[Тт]емпература (\d+(?:,\d+)?)")


def create_router() -> Router:
    router = Router(name="literary")
    router.message.register(on_start, CommandStart())
    router.message.register(on_help, Command("help"))
    router.message.register(on_temperature, Command("temperature"))
    router.message.register(on_form, Command("form"))
    router.message.register(on_reset, Command("reset"))
    forgetting.register(router)
    router.message.register(on_chart, Command("chart"))
    router.message.register(on_draw, Command("draw"))
    router.message.register(on_again, Command("again"))
    router.message.register(on_again, Matches(F.text.regexp(AGAIN)), Addressed())
    router.message.register(on_continue, Matches(F.text.regexp(CONTINUE)), Addressed())
    router.callback_query.register(on_form_chosen, FormCallback.filter())
    router.callback_query.register(on_version_button, VersionCallback.filter())
    router.message.register(on_prompt, HasText(), Addressed(), flags={"gather": True})
    return router


async def on_start(message: Message) -> None:
    await message.answer(texts.START)


async def on_help(message: Message) -> None:
    await message.answer(texts.HELP)


async def on_temperature(message: Message, command: CommandObject, workshop: Workshop) -> None:
    owner = author_of(message).id
    values = temperatures.parse(command.args or "")
    if values is None:
        kept = (await workshop.settings(owner)).temperatures
        await send_notice(message, texts.BAD_TEMPERATURES.format(values=temperatures.listed(kept)))
        return
    await workshop.change(owner, temperatures=values)
    await send_notice(message, texts.TEMPERATURES.format(values=temperatures.listed(values)))


async def on_form(message: Message, command: CommandObject, workshop: Workshop) -> None:
    """Show the forms and genres; «/form хокку» or «/form стихи, сказка» chooses at once."""
    settings = await workshop.choose(author_of(message).id, command.args or "")
    if settings is None:
        await send_notice(message, texts.bad_form())
        return
    text = texts.form_chosen(settings) if command.args else texts.FORM
    await send_reply(message, text, keyboard=form_keyboard(settings))


async def on_form_chosen(
    callback: CallbackQuery, callback_data: FormCallback, workshop: Workshop
) -> None:
    names = list(FORMS if callback_data.kind == "form" else GENRES)
    if callback_data.number >= len(names):
        await callback.answer(common_texts.STALE_BUTTON)
        return
    chosen = names[callback_data.number]
    owner = callback.from_user.id
    before = await workshop.settings(owner)
    settings = await (
        workshop.change(owner, form=chosen)
        if callback_data.kind == "form"
        else workshop.change(owner, genre=chosen)
    )
    await callback.answer(texts.form_chosen(settings))
    if isinstance(callback.message, Message) and settings != before:
        await callback.message.edit_reply_markup(reply_markup=form_keyboard(settings))


async def on_reset(
    message: Message, bot: Bot, workshop: Workshop, documents: DocumentShelf, bot_name: str
) -> None:
    await workshop.reset(author_of(message).id)
    await clear_documents(documents, conversation_key(bot_name, message), message, bot)
    await message.answer(texts.RESET)


async def on_prompt(
    message: Message,
    text: str,
    workshop: Workshop,
    documents: DocumentShelf,
    turns: Turns,
    bot_name: str,
    pictures: tuple[Image, ...] = (),
) -> None:
    owner, key = author_of(message).id, conversation_key(bot_name, message)
    async with turns.turn(key) as turn:
        values = (await workshop.settings(owner)).temperatures
        material = await documents.about(key, text, workshop.room, relevant=True)
        prompt = await run_reply(message, turn, workshop.with_pictures(text, pictures))
        work = await workshop.begin(owner, material.as_material(prompt))
        async with workshop.writing(work, values) as streams:
            for value, stream in zip(values, streams, strict=True):
                version = await _show(message, turn, value, stream, texts.HEADING)
                if version:
                    work = replace(work, versions=(*work.versions, version))
                if turn.stopped:
                    break
        await workshop.keep(owner, work)
        if work.versions and not turn.stopped:
            keyboard = versions_keyboard(work)
            await send_reply(
                message,
                texts.compared(work.versions),
                keyboard=keyboard,
                rich=texts.compared_table(work.versions),
            )


async def on_again(message: Message, workshop: Workshop, turns: Turns, bot_name: str) -> None:
    owner = author_of(message).id
    work = await workshop.work(owner)
    if work is None or not work.versions:
        await send_notice(message, texts.NO_WORK)
        return
    match = AGAIN.match(message.text or "")
    value = _temperature_of_reply(message)
    if match and match[1]:
        said = temperatures.parse(match[1])
        if said is None:
            await send_notice(message, texts.BAD_TEMPERATURE)
            return
        value = said[0]
    if value is None:
        value = work.versions[-1].temperature
    await _again(message, owner, work, value, workshop, turns, bot_name)


async def on_continue(message: Message, workshop: Workshop, turns: Turns, bot_name: str) -> None:
    owner = author_of(message).id
    work = await workshop.work(owner)
    if work is None or not work.versions:
        await send_notice(message, texts.NO_WORK)
        return
    number = _version_named(message, message.text or "", work)
    if number is None:
        await send_notice(message, texts.no_version(work.versions))
        return
    await _continue(message, owner, work, number, workshop, turns, bot_name)


async def on_draw(
    message: Message, command: CommandObject, workshop: Workshop, turns: Turns, bot_name: str
) -> None:
    """An illustration of a version: of the named one, of the answered one, else of the last."""
    work = await workshop.work(author_of(message).id)
    if work is None or not work.versions:
        await send_notice(message, texts.NO_WORK)
        return
    number = _version_named(message, f"продолжи {command.args or ''}", work)
    if number is None:
        await send_notice(message, texts.no_version(work.versions))
        return
    version = work.versions[number]
    async with turns.turn(conversation_key(bot_name, message)) as turn:
        drawing = workshop.illustration(version)
        picture = await run_reply(message, turn, drawing, action=ChatAction.UPLOAD_PHOTO)
        caption = texts.ILLUSTRATION.format(value=spoken(version.temperature))
        await message.answer_photo(BufferedInputFile(picture, "illustration.jpg"), caption=caption)


async def on_version_button(
    callback: CallbackQuery,
    callback_data: VersionCallback,
    workshop: Workshop,
    turns: Turns,
    bot_name: str,
) -> None:
    owner, message = callback.from_user.id, callback.message
    work = await workshop.work(owner)
    if not isinstance(message, Message) or work is None or not work.versions:
        await callback.answer(texts.NO_WORK, show_alert=True)
        return
    number = callback_data.number
    if number >= len(work.versions) or callback_data.work != work.key:
        await callback.answer(common_texts.STALE_BUTTON, show_alert=True)
        return
    await callback.answer()
    if callback_data.action == "again":
        value = work.versions[number].temperature
        await _again(message, owner, work, value, workshop, turns, bot_name)
    else:
        await _continue(message, owner, work, number, workshop, turns, bot_name)


async def on_chart(message: Message, workshop: Workshop, turns: Turns, bot_name: str) -> None:
    owner = author_of(message).id
    work = await workshop.work(owner)
    if work is None:
        await send_notice(message, texts.NO_WORK)
        return
    values = (await workshop.settings(owner)).temperatures
    if len(values) < 2:
        await send_notice(message, texts.ONE_TEMPERATURE)
        return
    listed = temperatures.listed(values)
    await message.answer(texts.DRAWING.format(count=SAMPLES, values=listed))

    async def make() -> bytes:
        samples = await workshop.samples(work, values)
        return await asyncio.to_thread(draw, samples)

    async with turns.turn(conversation_key(bot_name, message)) as turn:
        picture = await run_reply(message, turn, make(), action=ChatAction.UPLOAD_PHOTO)
        await message.answer_photo(BufferedInputFile(picture, "chart.png"), caption=texts.CHART)


async def _again(
    message: Message,
    owner: int,
    work: Work,
    value: float,
    workshop: Workshop,
    turns: Turns,
    bot_name: str,
) -> None:
    """One more sample at a temperature, and how far it is from those before."""
    async with turns.turn(conversation_key(bot_name, message)) as turn:
        work = await workshop.latest(owner, work)
        async with workshop.writing(work, (value,)) as streams:
            version = await _show(message, turn, value, streams[0], texts.HEADING)
        if version is None:
            return
        work = await workshop.keep(owner, replace(work, versions=(*work.versions, version)))
        keyboard = versions_keyboard(work)
        await send_reply(message, texts.spread(work.at(value)), keyboard=keyboard)


async def _continue(
    message: Message,
    owner: int,
    work: Work,
    number: int,
    workshop: Workshop,
    turns: Turns,
    bot_name: str,
) -> None:
    """The next part of one version; it becomes a part of it."""
    async with turns.turn(conversation_key(bot_name, message)) as turn:
        work = await workshop.latest(owner, work)
        number = min(max(number, -1), len(work.versions) - 1)
        version = work.versions[number]
        stream = workshop.continued(work, version)
        more = await _show(message, turn, version.temperature, stream, texts.CONTINUED)
        if more:
            versions = list(work.versions)
            versions[number] = replace(version, text=f"{version.text}\n\n{more.text}")
            await workshop.keep(owner, replace(work, versions=tuple(versions)))


async def _show(
    message: Message,
    turn: Turn,
    value: float,
    stream: AsyncGenerator[Chunk, None],
    heading: str,
) -> Version | None:
    """Stream a version under its heading; None when it was broken off."""
    title = f"**{heading.format(value=spoken(value))}**\n\n"
    reply = await stream_reply(message, _headed(title, stream), turn)
    if reply.completion is None:
        return None
    return Version(value, reply.text.removeprefix(title).strip())


async def _headed(title: str, stream: AsyncGenerator[Chunk, None]) -> AsyncGenerator[Chunk, None]:
    yield Chunk(title)
    try:
        async for chunk in stream:
            yield chunk
    finally:
        await stream.aclose()


def _temperature_of_reply(message: Message) -> float | None:
    """The temperature in the heading of the version that a message answers."""
    target = message.reply_to_message
    match = _SHOWN_TEMPERATURE.search(shown_text(target)) if target else None
    return float(match[1].replace(",", ".")) if match else None


def _version_named(message: Message, wish: str, work: Work) -> int | None:
    """The version that «продолжи …» means: by temperature, by place, else by reply.

    None when there is no such version.
    """
    match = CONTINUE.match(wish)
    if match and match["ordinal"]:
        number = _ORDINALS[match["ordinal"].lower()]
        return number if number < len(work.versions) else None
    if match is None or match["number"] is None:
        return _version_of_reply(message, work)
    value = float(match["number"].replace(",", "."))
    places = [n for n, version in enumerate(work.versions) if version.temperature == value]
    if places:
        return places[-1]
    place = int(value)
    return place - 1 if value == place and 1 <= place <= len(work.versions) else None


def _version_of_reply(message: Message, work: Work) -> int:
    """The version that a message answers, else the last one."""
    value = _temperature_of_reply(message)
    numbers = [n for n, version in enumerate(work.versions) if version.temperature == value]
    return numbers[-1] if numbers else len(work.versions) - 1
