from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.storage import (
    ConversationKey,
    Database,
    HistoryStore,
    Inbox,
    PreferenceStore,
    StorageSettings,
    StoredMessage,
)
from services.storage.inbox import MAX_ATTEMPTS

KEY = ConversationKey("grisha", 7)
THREAD = ConversationKey("grisha", 7, 42)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(StorageSettings(data_dir=tmp_path)) as database:
        yield database


def exchange(number: int) -> tuple[StoredMessage, StoredMessage]:
    return (
        StoredMessage("user", f"вопрос {number}", 1, "Аня", source_id=number),
        StoredMessage("assistant", f"ответ {number}", source_id=number),
    )


class TestHistory:
    async def test_keeps_order_and_limit(self, database: Database) -> None:
        history = HistoryStore(database)
        for number in range(5):
            await history.append(KEY, *exchange(number))
        recent = await history.recent(KEY, 3)
        assert [turn.content for turn in recent] == ["ответ 3", "вопрос 4", "ответ 4"]
        assert recent[1].author_name == "Аня"
        assert recent[1].created_at is not None
        assert recent[1].created_at.tzinfo is not None

    async def test_threads_are_apart(self, database: Database) -> None:
        history = HistoryStore(database)
        await history.append(KEY, *exchange(1))
        await history.append(THREAD, *exchange(2))
        assert await history.clear(KEY) == 2
        assert not await history.recent(KEY, 10)
        assert len(await history.recent(THREAD, 10)) == 2

    async def test_finds_the_answer_to_a_message(self, database: Database) -> None:
        history = HistoryStore(database)
        await history.append(KEY, *exchange(1))
        assert await history.answer_to(KEY, 1) == "ответ 1"
        assert await history.answer_to(KEY, 2) is None

    async def test_survives_reopening(self, tmp_path: Path) -> None:
        settings = StorageSettings(data_dir=tmp_path)
        async with Database.open(settings) as first:
            await HistoryStore(first).append(KEY, *exchange(1))
        async with Database.open(settings) as second:
            assert len(await HistoryStore(second).recent(KEY, 10)) == 2


class TestPreferences:
    async def test_each_bot_and_owner_has_its_own(self, database: Database) -> None:
        ours, theirs = PreferenceStore(database, "literary"), PreferenceStore(database, "hf_demo")
        await ours.set(1, "temperatures", [0, 0.7])
        await ours.set(1, "temperatures", [0, 1.2])
        await theirs.set(1, "model", "llama3")
        assert await ours.get(1, "temperatures") == [0, 1.2]
        assert await ours.get(2, "temperatures", "нет") == "нет"
        assert await theirs.all(1) == {"model": "llama3"}
        await ours.forget(1)
        assert await ours.all(1) == {}
        assert await theirs.all(1) == {"model": "llama3"}


class TestInbox:
    async def test_refuses_a_repeated_update(self, database: Database) -> None:
        inbox = Inbox(database, "grisha")
        assert await inbox.receive(1, "{}")
        assert not await inbox.receive(1, "{}")
        assert await Inbox(database, "literary").receive(1, "{}")

    async def test_gives_back_what_was_interrupted(self, database: Database) -> None:
        inbox = Inbox(database, "grisha")
        await inbox.receive(2, '{"update_id": 2}')
        await inbox.receive(1, '{"update_id": 1}')
        await inbox.receive(3, '{"update_id": 3}')
        await inbox.finish(1)
        assert await inbox.unfinished() == ['{"update_id": 2}', '{"update_id": 3}']
        assert not await inbox.receive(1, "{}")

    async def test_gives_up_on_an_update_that_never_ends(self, database: Database) -> None:
        inbox = Inbox(database, "grisha")
        await inbox.receive(1, "{}")
        runs = [len(await inbox.unfinished()) for _ in range(MAX_ATTEMPTS + 1)]
        assert runs == [1] * (MAX_ATTEMPTS - 1) + [0, 0]
