"""A buyer's assistant: finds and values flats, in several styles of talk."""

from __future__ import annotations

import asyncio
import sys
from functools import partial

from aiogram import Bot, Dispatcher

from bots.common import texts as common_texts
from bots.common.dispatcher import BotContext, build_dispatcher
from bots.common.editing import OldWording
from bots.common.settings_menu import Setting
from bots.common.talks import TalkPreferences
from bots.real_estate.alerts import MarketWatch
from bots.real_estate.assistant import Assistant
from bots.real_estate.config import RealEstateSettings
from bots.real_estate.egrn.check import report_on
from bots.real_estate.handlers import admin, create_router
from bots.real_estate.listing_import import ListingImport
from bots.real_estate.listings import ListingStore
from bots.real_estate.metro.network import warm_up
from bots.real_estate.sample import load_sample
from bots.real_estate.texts import COMMANDS, VOICE_HINTS
from bots.real_estate.understanding import load_gazetteer
from bots.real_estate.valuation.appraiser import Appraiser
from bots.real_estate.wording import STYLES
from services.env import read_settings
from services.local import EMBEDDED_NAME
from services.storage import PreferenceStore

# Whose models word a result well enough to be worth a message of its own.
FIT_BACKENDS = ("gigachat",)


async def create_dispatcher(context: BotContext) -> Dispatcher:
    """Put the assistant together."""
    settings = read_settings(RealEstateSettings)
    store = ListingStore(context.database)
    appraiser = Appraiser(store, context.data_dir)
    kept = PreferenceStore(context.database, context.name)
    preferences = TalkPreferences(kept, "state", "loan")
    dispatcher = build_dispatcher(
        context,
        COMMANDS,
        create_router(),
        hints=VOICE_HINTS,
        own_files=partial(admin.is_listings, settings.admin_ids),
        report=report_on,
    )
    dispatcher["settings"] = settings
    assistant = Assistant(
        context.model,
        store,
        appraiser,
        preferences,
        comments=settings.comments == "always"
        or (settings.comments == "auto" and context.backend in FIT_BACKENDS),
        # It reads no better than the rules, and takes seconds: docs/decisions/realty.md.
        reads=context.model.name != EMBEDDED_NAME,
    )
    dispatcher["assistant"] = assistant
    style = Setting(common_texts.STYLE_SETTING, STYLES, assistant.style, assistant.set_style)
    dispatcher["settings_menu"].add(style)
    listing_import = ListingImport(store, appraiser, assistant.saved_items)
    dispatcher["listing_import"] = listing_import
    watch = MarketWatch(appraiser, listing_import)
    dispatcher["forgetting"].also(assistant.forget)

    async def take_back(old: OldWording) -> None:
        await assistant.take_back(old.person_id)

    dispatcher["editing"].also(take_back)

    async def on_startup(bot: Bot) -> None:
        if settings.sample and await store.count() == 0:
            await load_sample(store)
        await asyncio.to_thread(load_gazetteer)
        await asyncio.to_thread(warm_up)
        await appraiser.open()
        watch.start(bot)

    dispatcher.startup.register(on_startup)
    dispatcher.shutdown.register(watch.aclose)
    dispatcher.shutdown.register(appraiser.aclose)
    return dispatcher


if __name__ == "__main__":
    from bots.launch import main

    sys.exit(main(bot="real_estate"))
