"""The passage that a question asks for comes into the prompt, with its place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.media.documents import Document, Page, read_document
from services.media.documents.excerpts import Excerpts
from services.media.documents.passages import LENGTH, cut
from services.media.documents.shelf import DocumentShelf
from services.retrieval.encoder import shared_encoder
from services.storage import ConversationKey, Database, DocumentStore, StorageSettings
from tests.services.media.known_answers import CASES, make_document

ROOM = 4000  # of a local model with a context of 4,096 tokens


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[DocumentStore]:
    async with Database.open(StorageSettings(data_dir=tmp_path)) as database:
        yield DocumentStore(database, "grisha")


async def found(store: DocumentStore, numbers: range, encoder: object) -> tuple[int, list[str]]:
    """How many answers came into the prompt, and which questions didn't find theirs."""
    shelf, missed = DocumentShelf(store, encoder), []  # type: ignore[arg-type]
    for number in numbers:
        case, key = CASES[number], ConversationKey("grisha", number)
        name = f"файл.{case.form}"
        document = await read_document(make_document(number), name)
        await shelf.put(key, 1, 1, [document])
        excerpts = await shelf.about(key, case.question, ROOM)
        assert not excerpts.whole
        assert len(excerpts.prompt) < ROOM + 600
        if case.word not in excerpts.prompt:
            missed.append(case.question)
    return len(numbers) - len(missed), missed


@pytest.mark.slow
async def test_the_right_passage_is_found_in_at_least_19_of_20_documents(
    store: DocumentStore,
) -> None:
    hits, missed = await found(store, range(len(CASES)), shared_encoder)
    assert hits >= 19, missed


async def test_without_an_encoder_words_are_searched(store: DocumentStore) -> None:
    hits, missed = await found(store, range(0, len(CASES), 4), lambda: None)
    assert hits >= 3, missed


async def test_a_short_document_comes_whole_and_two_keep_their_names(store: DocumentStore) -> None:
    shelf, key = DocumentShelf(store, lambda: None), ConversationKey("grisha", 1)
    await shelf.put(key, 1, 1, [Document("a.txt", "text", (Page("Один\nДва"),))])
    await shelf.put(key, 1, 2, [Document("b.pdf", "pdf", (Page("Три", 7),))])
    excerpts = await shelf.about(key, "что там?", 1000)
    assert excerpts.whole
    assert "[a.txt, строки 1–2]\nОдин\nДва\n\n[b.pdf, с. 7]\nТри" in excerpts.prompt
    assert (await shelf.about(key, "что там?", 0)).prompt == ""
    await shelf.clear(key)
    assert not await shelf.about(key, "что там?", 1000)


@pytest.mark.parametrize("question", ["привет, как настроение?", "спасибо!", "ну ты даёшь"])
async def test_small_talk_brings_no_document_along(store: DocumentStore, question: str) -> None:
    shelf, key = DocumentShelf(store, shared_encoder), ConversationKey("grisha", 1)
    await shelf.put(key, 1, 1, [await read_document(make_document(0), "a.pdf")])
    assert not await shelf.about(key, question, ROOM, relevant=True)
    for asked in (CASES[0].question, "о чём документ?"):
        assert await shelf.about(key, asked, ROOM, relevant=True)


def test_passages_cover_the_text_and_know_their_lines() -> None:
    lines = [f"Строка номер {number}. " + "слово " * (number % 40) for number in range(1, 200)]
    lines[50] = "длинное предложение. " * 200
    document = Document("a.txt", "text", (Page("\n".join(lines)),))
    passages = cut(document)
    assert max(len(it.text) for it in passages) <= LENGTH + 250
    covered = "\n".join(it.text for it in passages)
    assert all(f"Строка номер {number}." in covered for number in range(1, 200) if number != 51)
    for passage in passages:
        first = passage.lines[0]
        if first.startswith("Строка номер"):
            assert first.startswith(f"Строка номер {passage.first_line}.")


def test_a_table_keeps_its_heading_with_each_passage() -> None:
    rows = ["Город | Цена", *(f"Город {number} | {number}00" for number in range(200))]
    passages = cut(Document("a.xlsx", "xlsx", (Page("\n".join(rows), title="Цены"),)))
    assert all(it.text.startswith("Город | Цена") for it in passages)
    assert passages[1].place.startswith("лист «Цены», строки ")


def lease() -> Excerpts:
    pages = ("Договор аренды квартиры", "Плата 30 000 рублей в месяц", "Расторжение за 45 дней")
    document = Document("d.pdf", "pdf", tuple(Page(text, n) for n, text in enumerate(pages, 1)))
    return Excerpts(tuple(cut(document)), whole=True)


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        ("Нужно платить 30 000 рублей.", "📄 d.pdf: с. 2"),
        ("Предупредить о расторжении — за 45 дней.", "📄 d.pdf: с. 3"),
        ("Плата 30 000 рублей (с. 2).", ""),
        ("Не знаю.", ""),
    ],
)
def test_the_place_that_an_answer_leans_on_is_named(answer: str, source: str) -> None:
    assert lease().sources(answer) == source


def test_a_line_is_named_where_there_are_no_pages() -> None:
    text = "Правила дома\nТихий час с 13 до 15\nМусор выносят до восьми"
    excerpts = Excerpts(tuple(cut(Document("r.txt", "text", (Page(text),)))), whole=True)
    assert excerpts.sources("Тихий час длится с 13 до 15 часов.") == "📄 r.txt: строка 2"
