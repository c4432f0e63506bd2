"""The index of dialogues with its real encoder, and by words alone."""

from __future__ import annotations

import numpy as np
import pytest

from services.retrieval import DialogueIndex, Encoder, Exchange, open_encoder, vectors
from services.storage import Database

EXCHANGES = [
    Exchange("Какая сегодня погода?", "За моим окном только нули и единицы."),
    Exchange("Расскажи анекдот", "Программист купил слона. Тот не запустился."),
    Exchange("Мне грустно", "Обнимаю цифровыми руками."),
    Exchange("Что приготовить на ужин?", "Пельмени: их ещё никто не победил."),
    Exchange("Ты смотрел этот фильм?", "Смотрел, но закадровый смех был мой."),
]


@pytest.fixture(scope="session")
def real_encoder() -> Encoder:
    encoder = open_encoder()
    assert encoder is not None
    return encoder


@pytest.fixture(params=["by meaning", "by words"])
def encoder(request: pytest.FixtureRequest, real_encoder: Encoder) -> Encoder | None:
    return real_encoder if request.param == "by meaning" else None


async def test_finds_the_same_question_first(database: Database, encoder: Encoder | None) -> None:
    index = await DialogueIndex.open(database, encoder)
    assert await index.sync("data", EXCHANGES) == len(EXCHANGES)
    for exchange in EXCHANGES:
        best = index.search(exchange.question.lower())[0]
        assert (best.question, best.answer) == exchange
        assert best.likeness > index.near > index.gate


async def test_a_new_exchange_is_found_at_once_and_after_a_restart(
    database: Database, encoder: Encoder | None
) -> None:
    index = await DialogueIndex.open(database, encoder)
    await index.sync("data", EXCHANGES)
    added = Exchange("Где живут пингвины?", "Там, где холодно и мало людей.")
    key = await index.add("pattern", added)
    assert index.search("где живут пингвины")[0].id == key
    again = await DialogueIndex.open(database, encoder)
    assert again.search("где живут пингвины")[0].id == key
    assert again.count("pattern") == 1


async def test_what_another_process_writes_is_found_without_a_restart(
    database: Database, encoder: Encoder | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.retrieval.index.FRESH", 0)
    index = await DialogueIndex.open(database, encoder)
    await index.sync("data", EXCHANGES)
    other = await DialogueIndex.open(database, encoder)
    added = Exchange("Где живут пингвины?", "Там, где холодно и мало людей.")
    key = await other.add("pattern", added)
    assert (await index.find("где живут пингвины"))[0].id == key
    assert index.count("pattern") == 1
    await other.remove([key])
    assert key not in [match.id for match in await index.find("где живут пингвины")]
    assert len(index) == len(other) == len(EXCHANGES)


async def test_what_is_removed_is_not_found(database: Database, encoder: Encoder | None) -> None:
    index = await DialogueIndex.open(database, encoder)
    key = await index.add("pattern", EXCHANGES[0])
    other = await index.add("pattern", EXCHANGES[1])
    await index.remove([key])
    assert all(match.id != key for match in index.search(EXCHANGES[0].question))
    assert await index.add("pattern", EXCHANGES[2]) > other  # numbers are never used again


async def test_sync_is_incremental(database: Database, encoder: Encoder | None) -> None:
    index = await DialogueIndex.open(database, encoder)
    await index.sync("data", EXCHANGES)
    await index.sync("other", EXCHANGES[:1])
    seen: list[tuple[int, int]] = []
    changed = [*EXCHANGES[1:], EXCHANGES[1], Exchange("Как дела?", "Лучше всех!")]
    assert await index.sync("data", changed, lambda *step: seen.append(step)) == 1
    assert seen == [(1, 1)]
    assert (index.count("data"), index.count("other")) == (len(EXCHANGES), 1)


async def test_a_source_can_be_searched_alone(database: Database, encoder: Encoder | None) -> None:
    index = await DialogueIndex.open(database, encoder)
    await index.sync("data", EXCHANGES)
    assert index.search("Мне грустно", source="pattern") == []
    key = await index.add("pattern", EXCHANGES[2])
    assert [match.id for match in index.search("Мне грустно", source="pattern")] == [key]


async def test_an_empty_index_and_empty_queries_find_nothing(
    database: Database, encoder: Encoder | None
) -> None:
    index = await DialogueIndex.open(database, encoder)
    assert index.search("Привет, как дела?") == []
    await index.sync("data", EXCHANGES)
    assert index.search("  ") == []
    assert index.search('" OR *')[:0] == []  # no syntax of a query language gets through


async def test_rows_stored_without_the_encoder_get_their_vectors(
    database: Database, real_encoder: Encoder
) -> None:
    by_words = await DialogueIndex.open(database, None)
    await by_words.sync("data", EXCHANGES)
    by_meaning = await DialogueIndex.open(database, real_encoder)
    assert by_meaning.search("я в печали")[0].question == "Мне грустно"


async def test_many_rows_are_searched_by_their_signs_first(
    database: Database, real_encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "EXACT_LIMIT", 3)
    monkeypatch.setattr(vectors, "SHORTLIST", 2)
    index = await DialogueIndex.open(database, real_encoder)
    await index.sync("data", EXCHANGES)
    key = await index.add("pattern", Exchange("Где живут пингвины?", "Где холодно."))
    found = index.search("где живут пингвины")
    assert found[0].id == key
    assert len(found) < len(index)
    await index.remove([key])
    again = await DialogueIndex.open(database, real_encoder)
    for exchange in EXCHANGES:
        assert again.search(exchange.question)[0].question == exchange.question


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
