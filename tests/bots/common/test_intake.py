"""Updates on their way in: each is handled, and handled once."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiogram import Bot, Dispatcher
from aiogram.types import Chat, Message, Update

from bots.common.coordination import SingleProcess
from bots.common.editing import Editing
from bots.common.intake import Intake, Journal, Pastes
from bots.common.turns import Turns
from services.storage import Database, HistoryStore, Inbox, StorageSettings

COUNT = 200


async def test_an_update_that_comes_while_the_inbox_is_searched_is_handled_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bots.common.intake.recovery.RECOVERY_INTERVAL", 0)
    handled: Counter[int] = Counter()

    async def on_message(message: Message) -> None:
        handled[message.message_id] += 1
        await asyncio.sleep(0.01)

    dispatcher, bot = Dispatcher(), Bot("1:token")
    dispatcher.message.register(on_message)
    async with Database.open(StorageSettings(data_dir=tmp_path)) as database:
        alone = SingleProcess()
        journal = Journal(Inbox(database, "grisha"))
        editing = Editing("grisha", Turns(), HistoryStore(database))
        intake = Intake(journal, Pastes(journal, alone, 20), editing, alone)
        dispatcher.update.outer_middleware(intake)
        await intake.start(bot, dispatcher)
        updates = [Update(update_id=n, message=message(n)) for n in range(1, COUNT + 1)]

        async def polled() -> None:
            for at in range(0, COUNT // 2, 5):
                for update in await journal.record_all(updates[at : at + 5]):
                    intake.feed(bot, dispatcher, update)

        async def by_webhook(update: Update) -> None:
            if await journal.record(update):
                intake.feed(bot, dispatcher, update)

        await asyncio.gather(polled(), *map(by_webhook, updates[COUNT // 2 :]))
        await intake.close(timeout=10)
    assert handled == Counter(range(1, COUNT + 1))


def message(number: int) -> Message:
    chat = Chat(id=1, type="private", first_name="Аня")
    return Message(message_id=number, date=datetime.now(UTC), chat=chat, text="привет")
