"""How Telegram's messages reach the assistant, a module for each thing it does."""

from collections.abc import Collection

from aiogram import Router
from aiogram.types import Message

from bots.real_estate.handlers import admin, documents, flats, kept, market, talk, tools


def has_handler(admin_ids: Collection[int], message: Message) -> bool:
    """Whether a file is read here: a table of listings, or a PDF that may be an extract."""
    return admin.is_listings(admin_ids, message) or documents.is_private_pdf(message)


def create_router() -> Router:
    """The whole bot; plain text comes last."""
    router = Router(name="real_estate")
    router.include_routers(
        tools.create_router(),
        kept.create_router(),
        market.create_router(),
        documents.create_router(),
        admin.create_router(),
        flats.create_router(),
        talk.create_router(),
    )
    return router
