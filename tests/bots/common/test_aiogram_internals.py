"""What the shared edge relies on in aiogram without a promise; a failure says what broke."""

from __future__ import annotations

from pathlib import Path

import pytest

from playground import Playground, RateLimits
from services.storage import Database, Inbox, StorageSettings
from tests.bots.common.test_edge import until
from tests.bots.harness import running_bot
from tests.bots.talker import create_dispatcher


async def test_polling_goes_on_after_a_batch_of_repeated_updates(tmp_path: Path) -> None:
    async with Playground(
        bot_name="Гриша", bot_username="grisha_bot", limits=RateLimits(enabled=False)
    ) as playground:
        chat = playground.person("Аня").private
        chat.send("уже отвечено")
        queue = playground.world.updates
        (update,) = queue._updates
        async with Database.open(StorageSettings(data_dir=tmp_path)) as database:
            inbox = Inbox(database, "grisha", "alone")
            await inbox.receive(update.id, "{}")
            await inbox.finish(update.id)
        async with running_bot(create_dispatcher, tmp_path, playground=playground) as bot:
            try:
                await until(lambda: not queue._updates, timeout=5)
            except TimeoutError:
                pytest.fail(
                    "aiogram's Dispatcher._listen_updates no longer uses one GetUpdates object "
                    "for all calls, so JournalledPolling (bots/common/intake/polling.py) can't "
                    "move its offset: a batch of repeated updates is fetched for ever"
                )
            chat.send("новый вопрос")
            await chat.wait_for(bot.model.default)
            assert len(bot.model.history) == 1
