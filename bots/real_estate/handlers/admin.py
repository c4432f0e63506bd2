"""Importing listings: a file, its preview, the admin's consent."""

from __future__ import annotations

import io
from collections.abc import Collection

from aiogram import Bot, F, Router
from aiogram.enums import ChatType
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Document, Message

from bots.common.conversation import Matches, author_of, is_private
from bots.real_estate import texts, wording
from bots.real_estate.alerts import send_alerts
from bots.real_estate.config import RealEstateSettings
from bots.real_estate.keyboards import ImportCallback, import_keyboard
from bots.real_estate.listing_import import ListingImport
from bots.real_estate.listings.importing import (
    MAX_BYTES,
    ImportPreview,
    ImportRefused,
)

SHOWN_ROWS, SHOWN_ERRORS = 3, 5


def create_router() -> Router:
    router = Router(name="admin")
    router.message.register(on_import, Command("import"))
    router.message.register(on_file, Matches(F.document), Matches(F.chat.type == ChatType.PRIVATE))
    router.callback_query.register(on_decision, ImportCallback.filter())
    return router


def is_listings(admin_ids: Collection[int], message: Message) -> bool:
    """Whether an admin sends a table of listings: others' files are a matter of the talk."""
    name = (message.document and message.document.file_name) or ""
    table = name.lower().endswith((".csv", ".tsv", ".xlsx"))
    return table and is_private(message) and author_of(message).id in admin_ids


async def on_import(message: Message, settings: RealEstateSettings) -> None:
    await message.answer(texts.IMPORT_HELP if _is_admin(message, settings) else _not_admin(message))


async def on_file(
    message: Message, bot: Bot, settings: RealEstateSettings, listing_import: ListingImport
) -> None:
    document = message.document
    if document is None:
        return
    if not _is_admin(message, settings):
        await message.reply(_not_admin(message))
        return
    if (document.file_size or 0) > MAX_BYTES:
        await message.reply(texts.IMPORT_HELP)
        return
    progress = await message.reply(texts.IMPORT_READING)
    try:
        preview = await listing_import.preview(*await _download(document, bot))
    except ImportRefused as error:
        await progress.edit_text(str(error))
        return
    if not preview.listings:
        await progress.edit_text(f"{texts.IMPORT_NOTHING}{_errors(preview)}"[:4000])
        return
    await progress.edit_text(describe(preview)[:4000], reply_markup=import_keyboard())


async def on_decision(
    callback: CallbackQuery,
    callback_data: ImportCallback,
    listing_import: ListingImport,
    settings: RealEstateSettings,
    bot: Bot,
) -> None:
    shown = callback.message if isinstance(callback.message, Message) else None
    asked = shown.reply_to_message if shown else None
    if callback.from_user.id not in settings.admin_ids or not (shown and asked and asked.document):
        await callback.answer(texts.IMPORT_STALE, show_alert=True)
        return
    await callback.answer()
    if not callback_data.accept:
        await shown.edit_text(texts.IMPORT_CANCELLED)
        return
    try:
        stored = await listing_import.accept(*await _download(asked.document, bot))
    except ImportRefused as error:
        await shown.edit_text(str(error))
        return
    await shown.edit_text(
        texts.IMPORT_DONE.format(
            added=stored.added,
            changed=stored.changed,
            same=stored.same,
            training=texts.IMPORT_TRAINING,
        )
    )
    await send_alerts(bot, listing_import)


async def _download(document: Document, bot: Bot) -> tuple[str, bytes]:
    """The file from Telegram, which keeps it until the admin has decided."""
    content = io.BytesIO()
    await bot.download(document, content)
    return document.file_name or "file.csv", content.getvalue()


def describe(preview: ImportPreview) -> str:
    """What would be taken in, and what would not."""
    first = "\n".join(
        f"• {wording.money(item.flat.price or 0)}, {wording.flat_line(item.flat)}"
        for item in preview.listings[:SHOWN_ROWS]
    )
    columns = ", ".join(f"{theirs} → {ours}" for theirs, ours in preview.columns.items())
    personal, unknown = ", ".join(preview.personal), ", ".join(preview.unknown)
    return texts.IMPORT_PREVIEW.format(
        good=len(preview.listings),
        bad=preview.bad_rows,
        columns=columns,
        personal=texts.IMPORT_PERSONAL.format(names=personal) if personal else "",
        unknown=texts.IMPORT_UNKNOWN.format(names=unknown) if unknown else "",
        errors=_errors(preview),
        first=first,
    )


def _errors(preview: ImportPreview) -> str:
    lines = "\n".join(
        texts.IMPORT_ERROR.format(row=error.row, message=error.message)
        for error in preview.errors[:SHOWN_ERRORS]
    )
    return texts.IMPORT_ERRORS.format(lines=lines) if lines else ""


def _is_admin(message: Message, settings: RealEstateSettings) -> bool:
    return author_of(message).id in settings.admin_ids


def _not_admin(message: Message) -> str:
    return texts.NOT_ADMIN.format(id=author_of(message).id)
