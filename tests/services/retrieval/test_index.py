"""What every index of dialogues promises: in memory by meaning and by words, in PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from services.errors import ConfigError
from services.retrieval import (
    DialogueIndex,
    Encoder,
    Exchange,
    MemoryIndex,
    PostgresIndex,
    RetrievalSettings,
    open_encoder,
    open_index,
    vectors,
)
from services.storage import Database

EXCHANGES = [
    Exchange("Какая сегодня погода?", "За моим окном только нули и единицы."),
    Exchange("Расскажи анекдот", "Программист купил слона. Тот не запустился."),
    Exchange("Мне грустно", "Обнимаю цифровыми руками."),
    Exchange("Что приготовить на ужин?", "Пельмени: их ещё никто не победил."),
    Exchange("Ты смотрел этот фильм?", "Смотрел, но закадровый смех был мой."),
]
PENGUINS = Exchange("Где живут пингвины?", "Там, где холодно и мало людей.")
IN_POSTGRESQL = RetrievalSettings(store="postgresql")
IN_MEMORY = RetrievalSettings(store="memory")

Opening = Callable[[], Awaitable[DialogueIndex]]


@pytest.fixture(scope="session")
def real_encoder() -> Encoder:
    encoder = open_encoder()
    assert encoder is not None
    return encoder


@pytest.fixture(params=["by meaning", "by words", "in PostgreSQL"])
def opening(
    request: pytest.FixtureRequest,
    real_encoder: Encoder,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> Opening:
    """Opens an index as another process would: over the same database."""
    monkeypatch.setattr("services.retrieval.in_memory.REFRESH_INTERVAL", 0)
    in_postgresql = request.param == "in PostgreSQL"
    if in_postgresql and database.engine.dialect.name != "postgresql":
        pytest.skip("vectors stay in PostgreSQL only")
    encoder = None if request.param == "by words" else real_encoder
    settings = IN_POSTGRESQL if in_postgresql else IN_MEMORY
    return lambda: open_index(database, encoder, settings)


async def test_finds_the_same_question_first(opening: Opening) -> None:
    index = await opening()
    assert await index.sync("data", EXCHANGES) == len(EXCHANGES)
    for exchange in EXCHANGES:
        best = (await index.find(exchange.question.lower()))[0]
        assert (best.question, best.answer) == exchange
        assert best.likeness > index.same_question_threshold > index.example_threshold


async def test_a_new_exchange_is_found_at_once_and_after_a_restart(opening: Opening) -> None:
    index = await opening()
    await index.sync("data", EXCHANGES)
    key = await index.add("pattern", PENGUINS)
    assert (await index.find("где живут пингвины"))[0].id == key
    again = await opening()
    assert (await again.find("где живут пингвины"))[0].id == key
    assert await again.count("pattern") == 1


async def test_what_another_process_writes_is_found_without_a_restart(opening: Opening) -> None:
    index, other = await opening(), await opening()
    await index.sync("data", EXCHANGES)
    key = await other.add("pattern", PENGUINS)
    assert (await index.find("где живут пингвины"))[0].id == key
    assert await index.count("pattern") == 1
    await other.remove([key])
    assert key not in [match.id for match in await index.find("где живут пингвины")]
    assert await index.count() == len(EXCHANGES)


async def test_what_is_removed_is_not_found(opening: Opening) -> None:
    index = await opening()
    key = await index.add("pattern", EXCHANGES[0])
    other = await index.add("pattern", EXCHANGES[1])
    await index.remove([key])
    assert all(match.id != key for match in await index.find(EXCHANGES[0].question))
    assert await index.add("pattern", EXCHANGES[2]) > other  # numbers are never used again


async def test_sync_is_incremental(opening: Opening) -> None:
    index = await opening()
    await index.sync("data", EXCHANGES)
    await index.sync("other", EXCHANGES[:1])
    seen: list[tuple[int, int]] = []
    changed = [*EXCHANGES[1:], EXCHANGES[1], Exchange("Кто ты?", "Кот в цифровом пальто.")]
    assert await index.sync("data", changed, lambda done, total: seen.append((done, total))) == 1
    assert seen == [(1, 1)]
    assert (await index.count("data"), await index.count("other")) == (len(EXCHANGES), 1)


async def test_two_that_start_together_bring_a_source_in_once(opening: Opening) -> None:
    indexes = await opening(), await opening()
    new = await asyncio.gather(*(index.sync("data", EXCHANGES) for index in indexes))
    assert sorted(new) == [0, len(EXCHANGES)]
    for index in indexes:
        assert (await index.find("Мне грустно"))[0].question == "Мне грустно"
        assert await index.count("data") == len(EXCHANGES)


async def test_a_source_can_be_searched_alone(opening: Opening) -> None:
    index = await opening()
    await index.sync("data", EXCHANGES)
    assert await index.find("Мне грустно", source="pattern") == []
    key = await index.add("pattern", EXCHANGES[2])
    assert [match.id for match in await index.find("Мне грустно", source="pattern")] == [key]


async def test_an_empty_index_and_empty_queries_find_nothing(opening: Opening) -> None:
    index = await opening()
    assert await index.find("Привет, как дела?") == []
    await index.sync("data", EXCHANGES)
    assert await index.find("  ") == []
    assert (await index.find('" OR *'))[:0] == []  # no syntax of a query language gets through


async def test_rows_stored_without_the_encoder_get_their_vectors(
    database: Database, real_encoder: Encoder
) -> None:
    by_words = await open_index(database, None, IN_MEMORY)
    await by_words.sync("data", EXCHANGES)
    by_meaning = await open_index(database, real_encoder, IN_MEMORY)
    assert (await by_meaning.find("я в печали"))[0].question == "Мне грустно"


async def test_postgresql_finds_what_an_index_in_memory_wrote_and_ranks_alike(
    database: Database, real_encoder: Encoder
) -> None:
    if database.engine.dialect.name != "postgresql":
        with pytest.raises(ConfigError, match="DATABASE_URL"):
            PostgresIndex(database, real_encoder)
        return
    in_memory = await open_index(database, real_encoder, IN_MEMORY)
    await in_memory.sync("data", EXCHANGES)
    in_postgresql = await open_index(database, real_encoder, IN_POSTGRESQL)
    for query in ("я в печали", "что на обед", "рассмеши меня"):
        ours, theirs = await in_memory.find(query), await in_postgresql.find(query)
        assert [match.id for match in ours] == [match.id for match in theirs]
        for one, other in zip(ours, theirs, strict=True):
            assert one.score == pytest.approx(other.score, abs=1e-3)


async def test_many_rows_are_searched_by_their_signs_first(
    database: Database, real_encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "EXACT_LIMIT", 3)
    monkeypatch.setattr(vectors, "SHORTLIST", 2)
    index = MemoryIndex(database, real_encoder)
    await index.sync("data", EXCHANGES)
    key = await index.add("pattern", PENGUINS)
    found = await index.find("где живут пингвины")
    assert found[0].id == key
    assert len(found) < await index.count()
    await index.remove([key])
    again = await open_index(database, real_encoder, IN_MEMORY)
    for exchange in EXCHANGES:
        assert (await again.find(exchange.question))[0].question == exchange.question


def test_a_shortlist_has_the_nearest_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "EXACT_LIMIT", 100)
    monkeypatch.setattr(vectors, "SHORTLIST", 50)
    rows = _unit_rows(1_000)
    matrix = vectors.VectorMatrix(rows.shape[1])
    matrix.append(rows)
    matrix.center()
    for number in range(0, 1_000, 100):
        query = rows[number] + rows[number - 1]
        shortlist = matrix.shortlist(query / np.linalg.norm(query))
        assert shortlist is not None
        assert {number, (number - 1) % 1_000} <= {*shortlist.tolist()}
        assert len(shortlist) < 150


def test_many_texts_are_encoded_like_one(real_encoder: Encoder) -> None:
    texts = [f"вопрос номер {number}" for number in range(600)]
    together = real_encoder.encode(texts)
    for number in (0, 255, 256, 599):
        assert np.allclose(together[number], real_encoder.encode([texts[number]])[0], atol=1e-4)


def test_the_matrix_grows_without_losing_rows() -> None:
    rows = _unit_rows(300)
    matrix = vectors.VectorMatrix(rows.shape[1])
    matrix.append(rows[:10])
    for row in rows[10:]:
        matrix.append(row[None])
    assert np.allclose(matrix.cosines(rows[7]), rows @ rows[7], atol=2e-3)


def _unit_rows(count: int) -> vectors.Vectors:
    rows = np.random.default_rng(1).normal(size=(count, 128)).astype(np.float32)
    normal: vectors.Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return normal


def test_a_changed_package_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(open_encoder.__globals__["CHECKSUMS"], "sp.model", "another")
    assert open_encoder() is None
