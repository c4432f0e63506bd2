"""The index of dialogues with its real encoder, and by words alone."""

from __future__ import annotations

from pathlib import Path

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


async def test_finds_the_same_question_first(
    database: Database, encoder: Encoder | None, tmp_path: Path
) -> None:
    index = await DialogueIndex.open(database, encoder, tmp_path)
    assert await index.sync("data", EXCHANGES) == len(EXCHANGES)
    for exchange in EXCHANGES:
        best = index.search(exchange.question.lower())[0]
        assert (best.question, best.answer) == exchange
        assert best.likeness > index.near > index.gate


async def test_a_new_exchange_is_found_at_once_and_after_a_restart(
    database: Database, encoder: Encoder | None, tmp_path: Path
) -> None:
    index = await DialogueIndex.open(database, encoder, tmp_path)
    await index.sync("data", EXCHANGES)
    added = Exchange("Где живут пингвины?", "Там, где холодно и мало людей.")
    key = await index.add("pattern", added)
    assert index.search("где живут пингвины")[0].id == key
    again = await DialogueIndex.open(database, encoder, tmp_path)
    assert again.search("где живут пингвины")[0].id == key
    assert again.count("pattern") == 1


async def test_what_is_removed_is_not_found(
    database: Database, encoder: Encoder | None, tmp_path: Path
) -> None:
    index = await DialogueIndex.open(database, encoder, tmp_path)
    key = await index.add("pattern", EXCHANGES[0])
    other = await index.add("pattern", EXCHANGES[1])
    await index.remove([key])
    assert all(match.id != key for match in index.search(EXCHANGES[0].question))
    assert await index.add("pattern", EXCHANGES[2]) > other  # numbers are never used again


async def test_sync_is_incremental(
    database: Database, encoder: Encoder | None, tmp_path: Path
) -> None:
    index = await DialogueIndex.open(database, encoder, tmp_path)
    await index.sync("data", EXCHANGES)
    await index.sync("other", EXCHANGES[:1])
    seen: list[tuple[int, int]] = []
    changed = [*EXCHANGES[1:], EXCHANGES[1], Exchange("Как дела?", "Лучше всех!")]
    assert await index.sync("data", changed, lambda *step: seen.append(step)) == 1
    assert seen == [(1, 1)]
    assert (index.count("data"), index.count("other")) == (len(EXCHANGES), 1)


async def test_a_source_can_be_searched_alone(
    database: Database, encoder: Encoder | None, tmp_path: Path
) -> None:
    index = await DialogueIndex.open(database, encoder, tmp_path)
    await index.sync("data", EXCHANGES)
    assert index.search("Мне грустно", source="pattern") == []
    key = await index.add("pattern", EXCHANGES[2])
    assert [match.id for match in index.search("Мне грустно", source="pattern")] == [key]


async def test_an_empty_index_and_empty_queries_find_nothing(
    database: Database, encoder: Encoder | None, tmp_path: Path
) -> None:
    index = await DialogueIndex.open(database, encoder, tmp_path)
    assert index.search("Привет, как дела?") == []
    await index.sync("data", EXCHANGES)
    assert index.search("  ") == []
    assert index.search('" OR *')[:0] == []  # no syntax of a query language gets through


async def test_rows_stored_without_the_encoder_get_their_vectors(
    database: Database, real_encoder: Encoder, tmp_path: Path
) -> None:
    by_words = await DialogueIndex.open(database, None, tmp_path)
    await by_words.sync("data", EXCHANGES)
    by_meaning = await DialogueIndex.open(database, real_encoder, tmp_path)
    assert by_meaning.search("я в печали")[0].question == "Мне грустно"


async def test_many_rows_are_searched_through_a_graph_that_survives(
    database: Database, real_encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "EXACT_LIMIT", 3)
    monkeypatch.setattr("services.retrieval.index.EXACT_LIMIT", 3)
    index = await DialogueIndex.open(database, real_encoder, tmp_path)
    await index.sync("data", EXCHANGES)
    key = await index.add("pattern", Exchange("Где живут пингвины?", "Где холодно."))
    assert index.search("где живут пингвины")[0].id == key
    await index.remove([key])
    assert (tmp_path / "retrieval.usearch").exists()
    again = await DialogueIndex.open(database, real_encoder, tmp_path)
    for exchange in EXCHANGES:
        assert again.search(exchange.question)[0].question == exchange.question
    (tmp_path / "retrieval.usearch").write_bytes(b"not a graph")
    mended = await DialogueIndex.open(database, real_encoder, tmp_path)
    assert mended.search("Мне грустно")[0].question == "Мне грустно"


def test_the_matrix_grows_without_losing_rows() -> None:
    random = np.random.default_rng(1)
    rows = random.normal(size=(300, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    matrix = vectors.VectorMatrix(rows[:10].astype(np.float16))
    for row in rows[10:]:
        matrix.append(row[None])
    assert np.allclose(matrix.cosines(rows[7]), rows @ rows[7], atol=2e-3)


def test_a_changed_package_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(open_encoder.__globals__["CHECKSUMS"], "sp.model", "another")
    assert open_encoder() is None
