"""A model reads what the rules left open: in the background, and never against the words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bots.grisha import bot as grisha_bot
from bots.grisha.facts import Fact, FactMemory, FactStore, Said
from bots.grisha.facts.with_model import MAX_WAITING, NOTE, ModelReader, believed
from services.chat import Completion, FunctionCall
from services.storage import Database, StorageSettings
from tests.bots.harness import running_bot
from tests.fakes.chat import FakeChatModel

START = datetime(2025, 3, 1, tzinfo=UTC)
ANYA, BORIS = 1, 2
OPEN = Said(ANYA, ANYA, 1, "вчера был у Зинаиды, третий пульт у окна", START)


class Reader(FakeChatModel):
    """Answers with the same note each time, after `pause` is over."""

    def __init__(self, **arguments: str) -> None:
        super().__init__()
        self.arguments = arguments
        self.pause: asyncio.Event | None = None
        self.asked = 0

    async def complete(self, messages, options=None):  # type: ignore[no-untyped-def, override]
        self.asked += 1
        assert options.function_call == NOTE.name
        if self.pause:
            await self.pause.wait()
        call = FunctionCall(NOTE.name, self.arguments)
        return Completion("", "function_call", "fake", function_call=call)


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[FactMemory]:
    async with Database.open(StorageSettings(data_dir=tmp_path)) as database:
        yield FactMemory(FactStore(database), None)


async def always(person_id: int) -> bool:
    return True


async def kinds(memory: FactMemory, person: int = ANYA) -> list[set[str]]:
    return [set(fact.kinds) for fact in await memory.store.of(person, person)]


def fact(text: str) -> Fact:
    return Fact(ANYA, ANYA, 1, START, text, frozenset(["other"]))


@pytest.mark.parametrize(
    "arguments",
    [
        {"about": "work", "whose": "somebody_else", "words": "третий пульт"},
        {"about": "nothing", "whose": "speaker", "words": "третий пульт"},
        {"about": "work", "whose": "speaker", "words": "первая скрипка в театре"},
        {"about": "work", "whose": "speaker", "words": ""},
        {"about": "всё", "whose": "speaker", "words": "третий пульт"},
        {"about": ["work"], "whose": None, "words": 7},
        "work",
        None,
    ],
)
def test_what_the_words_dont_bear_out_isnt_believed(arguments: object) -> None:
    assert believed(fact("третий пульт у окна"), arguments) is None


def test_words_in_another_form_bear_it_out() -> None:
    note = believed(
        fact("третий пульт у окна"),
        {"about": "work", "whose": "speaker", "words": "за третьим пультом"},
    )
    assert note is not None
    assert note.about == "work"


async def test_it_says_what_an_open_fact_is_about(memory: FactMemory) -> None:
    await memory.hear(OPEN)
    assert await kinds(memory) == [{"other"}]
    model = Reader(about="work", whose="speaker", words="третий пульт")
    await ModelReader(model, memory, always).read(OPEN)
    assert await kinds(memory) == [{"work"}]


async def test_what_the_rules_know_isnt_asked(memory: FactMemory) -> None:
    said = Said(ANYA, ANYA, 1, "я работаю сварщиком", START)
    await memory.hear(said)
    model = Reader(about="pets", whose="speaker", words="сварщик")
    await ModelReader(model, memory, always).read(said)
    assert not model.asked


async def test_memory_off_ends_it(memory: FactMemory) -> None:
    async def never(person_id: int) -> bool:
        return False

    await memory.hear(OPEN)
    model = Reader(about="work", whose="speaker", words="третий пульт")
    await ModelReader(model, memory, never).read(OPEN)
    assert not model.asked


async def test_an_answer_goes_first_and_the_reading_begins_again(memory: FactMemory) -> None:
    await memory.hear(OPEN)
    model = Reader(about="work", whose="speaker", words="третий пульт")
    model.pause = asyncio.Event()
    reader = ModelReader(model, memory, always)
    running = asyncio.create_task(reader.run())
    reader.add(OPEN)
    await _until(lambda: model.asked == 1)
    async with reader.answering():
        await _until(lambda: reader._reading is None)
        model.pause.set()
        await asyncio.sleep(0)
        assert model.asked == 1
        assert await kinds(memory) == [{"other"}]
    await _until(lambda: model.asked == 2 and not reader._waiting)
    await _until(lambda: reader._reading is None)
    assert await kinds(memory) == [{"work"}]
    running.cancel()


async def test_what_is_being_read_is_forgotten_too(memory: FactMemory) -> None:
    other = Said(BORIS, BORIS, 1, OPEN.text, START)
    for said in (OPEN, other):
        await memory.hear(said)
    model = Reader(about="work", whose="speaker", words="третий пульт")
    model.pause = asyncio.Event()
    reader = ModelReader(model, memory, always)
    running = asyncio.create_task(reader.run())
    reader.add(OPEN)
    reader.add(OPEN)
    reader.add(other)
    await _until(lambda: model.asked == 1)
    await reader.forget(ANYA)
    await memory.forget(ANYA)
    model.pause.set()
    await _until(lambda: not reader.is_busy)
    assert model.asked == 2
    assert await kinds(memory) == []
    assert await kinds(memory, BORIS) == [{"work"}]
    running.cancel()


async def test_the_queue_is_bounded_and_a_failure_ends_nothing(memory: FactMemory) -> None:
    model = Reader(about="work", whose="speaker", words="третий пульт")
    reader = ModelReader(model, memory, always)
    for number in range(3 * MAX_WAITING):
        reader.add(Said(ANYA, ANYA, number, OPEN.text, START))
    assert len(reader._waiting) == MAX_WAITING


async def test_the_bot_reads_after_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRISHA_READ_FACTS", "true")
    model = Reader(about="work", whose="speaker", words="третий пульт")
    async with running_bot(grisha_bot.create_dispatcher, tmp_path / "var", model=model) as bot:
        bot.chat.send(OPEN.text)
        await bot.chat.wait_for(None)
        grisha = bot.dispatcher["grisha"]
        person = bot.chat.chat.id

        async def told() -> set[str]:
            (fact,) = await grisha.facts_of(person, person)
            return set(fact.kinds)

        async def wait() -> None:
            while await told() != {"work"}:  # noqa: ASYNC110  (it happens behind HTTP)
                await asyncio.sleep(0.02)

        await asyncio.wait_for(wait(), 10)


async def _until(holds) -> None:  # type: ignore[no-untyped-def]
    async def wait() -> None:
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    await asyncio.wait_for(wait(), 10)
