"""Old talk is found by meaning, in its person's and chat's own messages only."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from benchmarks.recall import load, measure_scenarios, plans
from bots.grisha import bot as grisha_bot
from bots.grisha import old_talk, prompts
from bots.grisha.old_talk import OldTalk
from playground import Conversation
from services.retrieval import Encoder, QueryEncoder, open_encoder
from services.storage import Database, StorageSettings
from tests.bots.harness import RunningBot, running_bot

START = datetime(2025, 3, 1, tzinfo=UTC)
ANYA, BORIS, GROUP, OTHER_GROUP = 1, 2, -100, -200


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    encoder = open_encoder()
    assert encoder
    return encoder


@pytest.fixture
async def database(storage: StorageSettings) -> AsyncIterator[Database]:
    async with Database.open(storage) as database:
        yield database


@pytest.fixture
def talk(database: Database, encoder: Encoder) -> OldTalk:
    return OldTalk(database, encoder)


async def say(talk: OldTalk, *said: str, person: int = ANYA, chat: int = ANYA) -> None:
    for number, text in enumerate(said, 1):
        await talk.keep(person, chat, number, text, START + timedelta(days=number))


async def found(talk: OldTalk, query: str, person: int = ANYA, chat: int = ANYA) -> list[str]:
    return [each.text for each in await talk.find(person, chat, query, 3)]


async def test_it_is_found_by_meaning_and_dated(talk: OldTalk) -> None:
    await say(talk, "вчера чинил велосипед во дворе", "купила билеты на балет", "ага, да")
    (first, second) = await talk.find(ANYA, ANYA, "когда мы идём в театр?", 3)
    assert (first.text, first.said_at) == ("купила билеты на балет", START + timedelta(days=2))
    assert first.score > second.score


async def test_the_newest_goes_first_among_equals(talk: OldTalk) -> None:
    await say(talk, "болит спина сегодня", "погода хорошая сегодня", "болит спина сегодня")
    (first, second, _) = await talk.find(ANYA, ANYA, "болит спина", 3)
    assert (first.message_id, second.message_id) == (3, 1)


async def test_what_is_shown_anyway_is_left_out(talk: OldTalk) -> None:
    await say(talk, "люблю солёные огурцы", "люблю копчёный сыр")
    (only,) = await talk.find(ANYA, ANYA, "что я люблю из еды?", 3, but={2})
    assert only.message_id == 1


async def test_an_edited_message_says_what_it_says_now(talk: OldTalk, encoder: Encoder) -> None:
    replica = OldTalk(talk._database, encoder)
    await say(talk, "поеду летом на Байкал")
    assert await found(replica, "куда поеду летом") == ["поеду летом на Байкал"]
    await talk.keep(ANYA, ANYA, 1, "поеду летом на Алтай", START)
    assert await found(replica, "куда поеду летом") == ["поеду летом на Алтай"]
    await talk.keep(ANYA, ANYA, 1, "ага", START)
    assert await found(replica, "куда поеду летом") == []


async def test_the_oldest_make_room(talk: OldTalk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(old_talk, "MAX_SAID", 3)
    await say(talk, *(f"рассказ о рыбалке номер {number}" for number in range(1, 7)))
    assert {each[-1] for each in await found(talk, "рассказ о рыбалке")} == {"4", "5", "6"}


@pytest.mark.parametrize("seed", range(3))
async def test_nothing_crosses_people_chats_and_replicas(
    database: Database, encoder: Encoder, seed: int
) -> None:
    """Any replica finds exactly what its person has said in that chat and not forgotten."""
    chance = random.Random(seed)
    replicas = [OldTalk(database, encoder), OldTalk(database, encoder)]
    owners = [(ANYA, ANYA), (BORIS, BORIS), (ANYA, GROUP), (BORIS, GROUP), (ANYA, OTHER_GROUP)]
    expected: dict[tuple[int, int], dict[int, str]] = {owner: {} for owner in owners}
    for number in range(60):
        person, chat = chance.choice(owners)
        own, replica = expected[person, chat], chance.choice(replicas)
        act = chance.random()
        if act < 0.6:
            message = chance.choice([number, *own])  # a new one, or an edit
            text = f"секрет человека {person} чата {chat} номер {number}"
            own[message] = text
            await replica.keep(person, chat, message, text, START)
        elif act < 0.75 and own:
            gone = chance.choice(list(own))
            del own[gone]
            await replica.delete(person, chat, [gone])
        elif act < 0.8:
            await replica.clear(chat, [person])
            own.clear()
        elif act < 0.84:
            await replica.forget(person)
            for owner in owners:
                if owner[0] == person:
                    expected[owner].clear()
        else:
            told = await replica.find(person, chat, "секрет человека", 100)
            assert {each.message_id: each.text for each in told} == own
    for (person, chat), own in expected.items():
        for replica in replicas:
            told = await replica.find(person, chat, "секрет человека", 100)
            assert {each.message_id: each.text for each in told} == own


async def test_a_search_reads_the_rows_of_one_person(database: Database) -> None:
    found = "\n".join(await plans(database, small=True))
    assert "scan grisha" not in found.lower()
    assert "seq scan" not in found.lower()
    assert "person_id" in found


async def test_scenarios_are_found_better_than_by_words(encoder: Encoder) -> None:
    cases = load(Path(__file__).with_name("scenarios.jsonl"))
    report = await measure_scenarios(cases, encoder)
    assert report["r@5_meaning_plain"] >= report["r@5_bm25_plain"]
    assert report["r@5_meaning_paraphrase"] > report["r@5_bm25_paraphrase"] + 30


def test_a_query_is_encoded_once(encoder: Encoder) -> None:
    asked = []

    class Counting:
        name, dimensions = "counting", 2

        def encode(self, texts):  # type: ignore[no-untyped-def]
            asked.append(list(texts))
            return np.ones((len(texts), 2), np.float32)

    once = QueryEncoder(Counting())
    for _ in range(3):
        once.encode(["вопрос"])
    once.encode(["а", "б"])
    assert asked == [["вопрос"], ["а", "б"]]
    for number in range(100):
        once.encode([str(number)])
    assert len(once._vectors) == QueryEncoder.KEPT


async def ask(chat: Conversation, text: str) -> str:
    chat.send(text)
    return (await chat.wait_for(None)).text or ""


@pytest.fixture
async def bot(
    tmp_path: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RunningBot]:
    monkeypatch.setattr(grisha_bot, "open_encoder", lambda: encoder)
    async with running_bot(grisha_bot.create_dispatcher, tmp_path / "var") as running:
        yield running


class TestBot:
    async def test_it_goes_before_the_model_with_its_date(self, bot: RunningBot) -> None:
        await ask(bot.chat, "на чердаке нашёлся старый телескоп деда, протираем линзы")
        for number in range(11):
            await ask(bot.chat, f"сколько будет {number} плюс два")
        await ask(bot.chat, "а что там со старым телескопом деда на чердаке")
        prompt = bot.model.history[-1][0][0].content
        assert "нашёлся старый телескоп деда, протираем линзы» (сегодня)" in prompt

    async def test_another_talk_of_the_chat_knows_nothing_of_it(self, bot: RunningBot) -> None:
        talk: OldTalk = bot.dispatcher["grisha"].old_talk
        person = bot.chat.chat.id
        await ask(bot.chat, "на чердаке нашёлся старый телескоп")
        await ask(bot.chat, "/new")
        await ask(bot.chat, "а что там со старым телескопом на чердаке")
        assert prompts.OLD_TALK[:20] not in bot.model.history[-1][0][0].content
        await ask(bot.chat, "/reset")
        assert await talk.find(person, person, "телескоп на чердаке", 1)

    async def test_reset_and_memory_off_end_it(self, bot: RunningBot) -> None:
        talk: OldTalk = bot.dispatcher["grisha"].old_talk
        person = bot.chat.chat.id
        await ask(bot.chat, "на чердаке нашёлся старый телескоп")
        assert await talk.find(person, person, "телескоп на чердаке", 1)
        await ask(bot.chat, "/reset")
        assert not await talk.find(person, person, "телескоп на чердаке", 1)
        await ask(bot.chat, "/memory off")
        await ask(bot.chat, "на чердаке нашёлся старый телескоп")
        assert not await talk.find(person, person, "телескоп на чердаке", 1)
