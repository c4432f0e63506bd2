"""/export: the open talk, or everything that is kept of a person, as a file.

What /forget deletes, `/export all` shows: it reads every table that names people.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from aiogram import Router
from aiogram.filters import Command, CommandObject
from aiogram.types import BufferedInputFile, Message

from bots.common import texts
from bots.common.conversation import author_of, conversation_key, is_private
from bots.common.notices import send_aside, send_notice
from services.budgets import Meter
from services.media.documents.shelf import DocumentShelf
from services.storage import ExportStore, HistoryStore, StoredMessage

MAX_MESSAGES = 10_000  # of one talk in a file
ALL, JSON = frozenset(("all", "всё", "все")), "json"


def register(router: Router) -> None:
    """Give a router the command /export."""
    router.message.register(on_export, Command("export"))


async def on_export(
    message: Message,
    command: CommandObject,
    history: HistoryStore,
    exports: ExportStore,
    documents: DocumentShelf,
    meter: Meter,
    bot_name: str,
) -> None:
    wanted = (command.args or "").strip().lower()
    if not is_private(message):
        await send_aside(message, texts.EXPORT_IN_PRIVATE)
    elif wanted in ALL:
        await meter.flush()
        person = author_of(message).id
        rows = await exports.of(person)
        names = await documents.names(person)
        for row in rows.get("documents", ()):
            row["name"] = names.get(row["id"])
        await _send(message, "all.json", as_json(rows), texts.EXPORTED_ALL)
    elif said := await history.recent(conversation_key(bot_name, message), MAX_MESSAGES):
        if wanted == JSON:
            content = as_json([_fields(each) for each in said])
            await _send(message, "talk.json", content, texts.EXPORTED_TALK)
        else:
            await _send(message, "talk.md", as_markdown(said), texts.EXPORTED_TALK)
    else:
        await send_notice(message, texts.NOTHING_TO_EXPORT)


async def _send(message: Message, name: str, content: str, caption: str) -> None:
    await message.answer_document(BufferedInputFile(content.encode(), name), caption=caption)


def as_markdown(said: Sequence[StoredMessage]) -> str:
    """A talk for reading; answers keep the Markdown that they were written in."""
    parts = [texts.EXPORT_TITLE]
    for each in said:
        name = each.author_name or (texts.EXPORT_USER if each.role == "user" else texts.EXPORT_BOT)
        when = f", {each.created_at:%d.%m.%Y %H:%M} UTC" if each.created_at else ""
        parts.append(f"**{name}**{when}\n\n{each.content}")
    return "\n\n---\n\n".join(parts) + "\n"


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, default=str) + "\n"


def _fields(each: StoredMessage) -> dict[str, Any]:
    said = {"role": each.role, "name": each.author_name, "text": each.content}
    return {**said, "at": each.created_at}
