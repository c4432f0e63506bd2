import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from services.storage import (
    ConversationKey,
    Database,
    HistoryStore,
    Inbox,
    PreferenceStore,
    Spending,
    SpendingStore,
    StorageSettings,
    StoredMessage,
)
from services.storage.database import utc_now
from services.storage.inbox import KEEP_DONE, MAX_ATTEMPTS

KEY = ConversationKey("grisha", 7)
ANYA = 5_000_000_001
THREAD = ConversationKey("grisha", 7, 42)


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

    async def test_keeps_an_exchange_whole_or_not_at_all(self, database: Database) -> None:
        history, (question, answer) = HistoryStore(database), exchange(1)
        broken = replace(answer, role=None)
        with pytest.raises(IntegrityError):
            await history.append(KEY, question, broken)
        assert not await history.recent(KEY, 10)

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

    async def test_finds_where_somebody_said_something(self, database: Database) -> None:
        history, other = HistoryStore(database), THREAD._replace(thread_id=-1)
        for key in (THREAD, other):
            await history.append(key, *exchange(1))
        assert await history.thread_of_words(THREAD, 1, "вопрос 1") == 42
        assert await history.thread_of_words(KEY, 1, "вопрос 1") == -1
        assert await history.thread_of_words(KEY, 2, "вопрос 1") is None
        elsewhere = THREAD._replace(chat_id=8)
        assert await history.thread_of_words(elsewhere, 1, "вопрос 1") is None

    async def test_survives_reopening(self, storage: StorageSettings) -> None:
        async with Database.open(storage) as first:
            await HistoryStore(first).append(KEY, *exchange(1))
        async with Database.open(storage) as second:
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

    async def test_changes_at_once_come_one_after_another(self, storage: StorageSettings) -> None:
        async with Database.open(storage) as one, Database.open(storage) as other:
            replicas = [PreferenceStore(each, "hf_demo") for each in (one, other)]
            changes = [
                store.change(1, "numbers", lambda past, n=n: [*past, n], [])
                for n in range(8)
                for store in replicas
            ]
            await asyncio.gather(*changes)
            assert sorted(await replicas[0].get(1, "numbers")) == sorted([*range(8)] * 2)

    async def test_drops_what_belonged_to_a_talk(self, database: Database) -> None:
        store = PreferenceStore(database, "literary")
        for key in ("work@-3", "work@-13", "work", "work@-3x", "style@-3"):
            await store.set(1, key, key)
        await store.set(2, "work@-3", "чужое")
        await store.drop(1, "@-3")
        assert sorted(await store.all(1)) == ["work", "work@-13", "work@-3x"]
        assert await store.get(2, "work@-3") == "чужое"


class TestInbox:
    async def test_refuses_a_repeated_update(self, database: Database) -> None:
        inbox = Inbox(database, "grisha")
        assert await inbox.receive(1, "{}")
        assert not await inbox.receive(1, "{}")
        assert await Inbox(database, "literary").receive(1, "{}")

    async def test_takes_each_update_once_from_many_at_a_time(self, database: Database) -> None:
        inbox = Inbox(database, "grisha")
        numbers = [1, 2, 2, 3, 1]
        assert await asyncio.gather(*(inbox.receive(n, "{}") for n in numbers)) == [
            True, True, False, True, False,
        ]  # fmt: skip
        assert set(await inbox.receive_all({3: "{}", 4: "{}"})) == {4}
        assert not await inbox.receive_all({})

    async def test_gives_back_what_was_interrupted(self, database: Database) -> None:
        inbox = Inbox(database, "grisha")
        await inbox.receive_all({n: body(n) for n in (2, 1, 3, 4)})
        await inbox.finish(1)
        assert await inbox.interrupted({4}.__contains__) == [body(2), body(3)]
        assert not await inbox.receive(1, "{}")

    async def test_gives_up_on_an_update_that_never_ends(self, database: Database) -> None:
        inbox = Inbox(database, "grisha")
        await inbox.receive(1, "{}")
        runs = [len(await inbox.interrupted()) for _ in range(MAX_ATTEMPTS + 1)]
        assert runs == [1] * (MAX_ATTEMPTS - 1) + [0, 0]

    async def test_replicas_take_over_only_from_the_dead(self, database: Database) -> None:
        one, two, three = (Inbox(database, "grisha", owner) for owner in ("one", "two", "three"))
        assert await one.receive(1, body(1))
        assert not await two.receive(1, body(1))
        assert await two.receive(2, body(2))
        assert await three.interrupted(others={"one"}) == [body(2)]
        assert await one.interrupted({1}.__contains__, others={"three"}) == []

    async def test_forgets_what_is_done_and_old(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        inbox = Inbox(database, "grisha")
        await inbox.receive_all({1: body(1), 2: body(2)})
        await inbox.finish(1)
        await inbox.forget_old()
        assert not await inbox.receive(1, body(1))
        tomorrow = utc_now() + KEEP_DONE + timedelta(minutes=1)  # as after a jump of the clock
        monkeypatch.setattr("services.storage.inbox.utc_now", lambda: tomorrow)
        await inbox.forget_old()
        assert await inbox.receive(1, body(1))
        assert not await inbox.receive(2, body(2))


class TestSpending:
    async def test_counts_requests_and_tokens_a_day(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = SpendingStore(database, "grisha")
        await asyncio.gather(*(store.add({ANYA: Spending(1, 10, 5)}) for _ in range(20)))
        await store.add({ANYA: Spending(1), 2: Spending(1, 1000, 1)})
        assert await store.today(ANYA) == Spending(21, 200, 100)
        today = utc_now().date()
        tomorrow = utc_now() + timedelta(days=1)
        monkeypatch.setattr("services.storage.spending.utc_now", lambda: tomorrow)
        assert await store.today(ANYA) == Spending()
        await store.add({ANYA: Spending(1, 1, 1)})
        assert await store.since(today) == [
            (2, Spending(1, 1000, 1)),
            (ANYA, Spending(22, 201, 101)),
        ]
        assert await SpendingStore(database, "literary").since(today) == []


async def test_ids_of_telegram_fit(database: Database) -> None:
    chat, user = ConversationKey("grisha", -1002147483648001, 2**33), ANYA
    message = StoredMessage("user", "привет", user, "Аня", source_id=2**40)
    await HistoryStore(database).append(chat, message)
    assert (await HistoryStore(database).recent(chat, 1))[0].source_id == 2**40
    await PreferenceStore(database, "grisha").set(user, "style", "строгий")
    assert await PreferenceStore(database, "grisha").get(user, "style") == "строгий"
    assert await Inbox(database, "grisha").receive(2**45, "{}")


def body(number: int) -> str:
    return f'{{"update_id": {number}}}'
