"""How Telegram's messages reach the assistant, a module for each thing it does."""

from aiogram import Router

from bots.real_estate.handlers import admin, flats, kept, market, talk, tools


def create_router() -> Router:
    """The whole bot; plain text comes last."""
    router = Router(name="real_estate")
    router.include_routers(
        tools.create_router(),
        kept.create_router(),
        market.create_router(),
        admin.create_router(),
        flats.create_router(),
        talk.create_router(),
    )
    return router
