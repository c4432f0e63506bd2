"""Every transaction of every store is retried, and a retry changes nothing twice."""

from __future__ import annotations

import ast
import asyncio
import inspect
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from bots.grisha.assistant import Post
from bots.grisha.comments import Comments
from bots.grisha.facts import Fact, FactStore
from bots.grisha.learning import Learning, Status
from bots.grisha.old_talk import OldTalk
from bots.grisha.people import SummaryStore, UserMemory
from bots.real_estate.flat import Flat
from bots.real_estate.listings.keeping import SavedItems
from bots.real_estate.listings.store import Listing, ListingStore
from bots.real_estate.request import Slots
from services.env import PROJECT_ROOT
from services.retrieval import Exchange
from services.retrieval.encoder import Vectors
from services.retrieval.in_memory import MemoryIndex
from services.storage import (
    Base,
    ConversationKey,
    Database,
    DocumentStore,
    HistoryStore,
    Inbox,
    PreferenceStore,
    Spending,
    SpendingStore,
    StorageSettings,
    StoredMessage,
)
from services.storage.database import utc_now
from tests.servers import Postgres

SOURCES = sorted(
    path for folder in ("bots", "services") for path in (PROJECT_ROOT / folder).rglob("*.py")
)
OPENERS = {"session", "run"}
# They are what the others are made of, or run once at the start, where an error names the cause.
NOT_RETRIED = {
    ("services/storage/database.py", "Database"),
    ("services/retrieval/postgres.py", "open"),
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[tuple[str, Function]]:
    """Functions and methods with the name of what encloses them."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, Function):
            yield node.name, node
        if isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, Function):
                    yield f"{node.name}.{method.name}", method


def opens_a_transaction(function: Function) -> bool:
    """Whether it calls `database.session()` or `database.run()` itself."""
    calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return any(
        isinstance(call, ast.Attribute)
        and call.attr in OPENERS
        and ast.unparse(call.value).endswith("database")
        for call in calls
    )


def is_retried(function: Function) -> bool:
    return any(ast.unparse(each) == "retry_when_unavailable" for each in function.decorator_list)


TRANSACTIONS = [
    (str(path.relative_to(PROJECT_ROOT)), name, function)
    for path in SOURCES
    for name, function in functions(path)
    if opens_a_transaction(function)
    and not any(
        (str(path.relative_to(PROJECT_ROOT)), part) in NOT_RETRIED for part in name.split(".")
    )
]


def test_the_stores_are_found() -> None:
    found = {path for path, _, _ in TRANSACTIONS}
    assert found >= {
        "services/storage/history.py",
        "services/storage/inbox.py",
        "services/storage/preferences.py",
        "services/storage/spending.py",
        "bots/grisha/learning/store.py",
        "bots/grisha/people.py",
        "bots/real_estate/listings/store.py",
    }


@pytest.mark.parametrize(
    ("path", "name", "function"), TRANSACTIONS, ids=[f"{p}:{n}" for p, n, _ in TRANSACTIONS]
)
def test_whatever_opens_a_transaction_is_retried(path: str, name: str, function: Function) -> None:
    assert is_retried(function), f"{path}: {name} needs @retry_when_unavailable"


# --- a database that goes away before or after COMMIT -----------------------------------


KEY = ConversationKey("grisha", 7)
OTHER = ConversationKey("grisha", 8)
SLOTS = Slots(rooms=(2,))
TURNS = (
    StoredMessage("user", "вопрос", 1, "Аня", source_id=5),
    StoredMessage("assistant", "ответ", source_id=5),
)
PATTERN = Exchange("Как дела у кота?", "Кот спит на окне и видит сны.")
FACT = Fact(1, 7, 5, utc_now(), "живу в Туле", frozenset(["city"]))


class Constant:
    """An encoder to which all texts are equal."""

    name, dimensions = "constant", 4

    def encode(self, texts: Sequence[str]) -> Vectors:
        return np.full((len(texts), self.dimensions), 0.5, np.float32)


class Stores:
    """Every store of the project over one database."""

    def __init__(self, database: Database) -> None:
        self.history = HistoryStore(database)
        self.inbox = Inbox(database, "grisha", "one")
        self.preferences = PreferenceStore(database, "grisha")
        self.documents = DocumentStore(database, "grisha")
        self.spending = SpendingStore(database, "grisha")
        self.users = UserMemory(database)
        self.summaries = SummaryStore(database)
        self.facts = FactStore(database)
        self.old_talk = OldTalk(database, Constant())
        self.comments = Comments(database, per_hour=9, pause=0)
        self.index = MemoryIndex(database, None)
        self.learning = Learning(database, self.index)
        self.listings = ListingStore(database)
        self.kept = SavedItems(self.listings)

    async def prepare(self) -> None:
        """What the changes below need to be there."""
        await self.history.append(OTHER, *(replace(turn, source_id=4) for turn in TURNS))
        await self.learning.put(PATTERN)
        await self.facts.put([replace(FACT, message_id=4)])
        await self.old_talk.keep(1, 7, 4, "кот спит на окне", FACT.said_at)
        await self.comments.note(KEY, Post("Канал", "Пост"))
        await self.documents.put(KEY, 1, 4, [b"text"])
        await self.inbox.receive(1, '{"update_id": 1}')
        await self.listings.upsert([Listing(Flat(city="Москва", price=1e7, total_area=40.0))])


Act = Callable[[Stores], Awaitable[object]]
CHANGES: dict[str, Act] = {
    "history.append": lambda it: it.history.append(KEY, *TURNS),
    "history.withdraw": lambda it: it.history.withdraw(OTHER, 1, TURNS[0].content),
    "history.take_out": lambda it: it.history.take_out(OTHER.bot, OTHER.chat_id, 4),
    "history.clear": lambda it: it.history.clear(KEY),
    "old_talk.keep": lambda it: it.old_talk.keep(1, 7, 5, "пёс лежит у двери", FACT.said_at),
    "old_talk.delete": lambda it: it.old_talk.delete(1, 7, [4]),
    "old_talk.clear": lambda it: it.old_talk.clear(7, [1]),
    "old_talk.forget": lambda it: it.old_talk.forget(1),
    "documents.put": lambda it: it.documents.put(KEY, 1, 5, [b"one", b"two"]),
    "documents.clear": lambda it: it.documents.clear(KEY),
    "documents.forget": lambda it: it.documents.forget(1),
    "inbox.receive": lambda it: it.inbox.receive(2, "{}"),
    "inbox.rewrite": lambda it: it.inbox.rewrite(1, '{"update_id": 1, "heard": true}'),
    "inbox.finish": lambda it: it.inbox.finish(1),
    "preferences.set": lambda it: it.preferences.set(1, "style", "сказка"),
    "preferences.change": lambda it: it.preferences.change(1, "tries", lambda past: past + 1, 0),
    "preferences.drop": lambda it: it.preferences.drop(1, "le"),
    "preferences.forget": lambda it: it.preferences.forget(1),
    "spending.add": lambda it: it.spending.add({1: Spending(1, 10, 5)}),
    "users.see": lambda it: it.users.see(1, 7),
    "users.set_name": lambda it: it.users.set_name(1, "Аня"),
    "users.note_chat": lambda it: it.users.note_chat(1, 7),
    "users.forget": lambda it: it.users.forget(1),
    "summaries.put": lambda it: it.summaries.put(KEY, "о котах", 1),
    "summaries.clear": lambda it: it.summaries.clear(KEY),
    "facts.put": lambda it: it.facts.put([FACT], [9]),
    "facts.delete": lambda it: it.facts.delete(1, 1),
    "facts.forget": lambda it: it.facts.forget(1),
    "comments.note": lambda it: it.comments.note(KEY._replace(thread_id=3), Post("К", "П")),
    "comments.claim": lambda it: it.comments.claim(KEY),
    "index.add": lambda it: it.index.add("patterns", PATTERN),
    "index.sync": lambda it: it.index.sync("seed", [PATTERN, Exchange("а", "б")]),
    "learning.put": lambda it: it.learning.put(Exchange("Что ест кот?", "Кот ест рыбу.")),
    "learning.shown": lambda it: it.learning.shown(1, 7, 3),
    "learning.vote": lambda it: it.learning.vote(1, 9, 1),
    "learning.ban": lambda it: it.learning.ban(9, 7),
    "learning.unban": lambda it: it.learning.unban(9, 7),
    "learning.set_status": lambda it: it.learning.set_status(1, Status.CONFIRMED),
    "learning.edit": lambda it: it.learning.edit(1, Exchange("Где кот?", "Кот на окне.")),
    "learning.delete": lambda it: it.learning.delete(1),
    "learning.used": lambda it: it.learning.used([1]),
    "listings.upsert": lambda it: it.listings.upsert([Listing(Flat(city="Омск", price=5e6))]),
    "kept.toggle_favourite": lambda it: it.kept.toggle_favourite(1, 1),
    "kept.save_search": lambda it: it.kept.save_search(1, 1, SLOTS),
    "kept.queue_alerts": lambda it: it.kept.queue_alerts(),
    "kept.take_alerts": lambda it: it.kept.take_alerts(),
    "kept.forget": lambda it: it.kept.forget(1),
}
VOLATILE = {"written_at", "learned_at", "received_at", "created_at", "first_seen", "last_seen"}
VOLATILE |= {"commented_at", "until"}


async def dump(database: Database) -> dict[str, list[dict[str, object]]]:
    """All rows of all tables, without times."""
    found = {}
    async with database.engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            if table.name != "writes":
                rows = (await connection.execute(select(table))).mappings().all()
                kept = [{k: v for k, v in row.items() if k not in VOLATILE} for row in rows]
                found[table.name] = sorted(kept, key=repr)
    return found


class Fault:
    """The `number`-th COMMIT or autocommitted write fails once, before it or after it."""

    def __init__(self, database: Database, number: int, *, after: bool) -> None:
        self.number, self.after, self.commits = number, after, 0
        self.engines = {database.engine.sync_engine, database._quick}

    @contextmanager
    def armed(self) -> Iterator[None]:
        with ExitStack() as stack:
            for engine in self.engines:
                dialect = engine.dialect
                original = dialect.do_commit
                stack.callback(setattr, dialect, "do_commit", original)
                dialect.do_commit = partial(self._commit, original)
            yield

    def _commit(self, original: Callable[[Any], None], connection: Any) -> None:
        self.commits += 1
        if self.commits != self.number:
            original(connection)
            return
        if self.after:
            original(connection)
        else:
            connection.rollback()
        # What a cut connection raises, in the form that SQLAlchemy doesn't wrap here.
        raise ConnectionResetError("the database went away")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a database that `Stores.prepare` has filled."""
    folder = tmp_path_factory.mktemp("prepared")

    async def prepare() -> None:
        async with Database.open(StorageSettings(data_dir=folder)) as database:
            await Stores(database).prepare()

    asyncio.run(prepare())
    return folder


@pytest.mark.parametrize("after", [False, True], ids=["before COMMIT", "after COMMIT"])
@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_is_made_once_though_the_database_goes_away(
    name: str, after: bool, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.storage.database.FIRST_PAUSE", 0.0)
    act = CHANGES[name]
    results, dumps, commits = [], [], 1
    for number in range(20):
        shutil.copytree(prepared, folder := tmp_path / str(number))
        async with Database.open(StorageSettings(data_dir=folder)) as database:
            stores = Stores(database)
            fault = Fault(database, number, after=after)
            with fault.armed():
                results.append(await act(stores))
            dumps.append(await dump(database))
        commits = max(commits, fault.commits)
        if number >= commits:
            break
    assert all(found == dumps[0] for found in dumps), f"{name} differs after a fault"
    if name != "listings.upsert":  # after a fault its counts tell of the second try
        assert all(result == results[0] for result in results), results


# Methods that only read, by name.
READING = frozenset(
    """
    all all_priced answer_to authors catch_up consider conversations count delete_within
    describe everything favourites find forget forget_old get has_demo interrupted
    is_favourite is_watched keys last_question last_shown list may_comment name_of names
    newest_id of of_entry of_person open own post_of prices receive_all recent reconcile
    remove remove_search reserve searches set_estimates settle shown_in since stats
    thread_of thread_of_words today unsummarised vet
    """.split()  # noqa: SIM905
)


def test_every_method_that_changes_something_is_tried() -> None:
    """A new method of a store joins CHANGES, or READING.

    take_alert deletes before it is sent: after a cut COMMIT an alert may be lost, never
    told twice.
    """
    tried = {name.partition(".")[2] for name in CHANGES}
    kinds = [
        HistoryStore,
        Inbox,
        DocumentStore,
        PreferenceStore,
        SpendingStore,
        UserMemory,
        SummaryStore,
    ]
    for kind in (
        *kinds,
        FactStore,
        OldTalk,
        Comments,
        MemoryIndex,
        Learning,
        ListingStore,
        SavedItems,
    ):
        for name, _ in inspect.getmembers(kind, inspect.iscoroutinefunction):
            if not name.startswith("_"):
                assert name in tried | READING | {"take_alert"}, (
                    f"{kind.__name__}.{name} is not tried"
                )


class CuttingProxy:
    """A TCP proxy before PostgreSQL; it drops the connection instead of the `cut`-th reply.

    The server has done by then what the reply says, a COMMIT among others.
    """

    def __init__(self, port: int) -> None:
        self.cut = 0
        self._port = port

    @asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, requests = await asyncio.open_connection("127.0.0.1", self._port)
        asking = asyncio.create_task(self._pass_on(reader, requests))
        while data := await upstream.read(65536):
            if self.cut == 1:
                break
            self.cut -= 1
            writer.write(data)
        self.cut = 0
        writer.transport.abort()
        requests.transport.abort()
        asking.cancel()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)


async def test_postgresql_makes_a_change_once_whichever_reply_is_cut_off(
    postgres: Postgres, postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.storage.database.FIRST_PAUSE", 0.01)
    proxy = CuttingProxy(postgres.port)
    cuts = range(1, 13)
    async with proxy.running() as port:
        address = postgres_database.replace(f":{postgres.port}/", f":{port}/")
        async with Database.open(StorageSettings(database_url=address)) as database:
            stores = Stores(database)
            await stores.prepare()
            await stores.learning.set_status(1, Status.CONFIRMED)
            row = await stores.learning.get(1)
            assert row is not None
            for cut in cuts:
                proxy.cut = cut
                await stores.history.append(KEY, *TURNS)
                proxy.cut = cut
                await stores.spending.add({1: Spending(1, 10, 5)})
                proxy.cut = cut
                assert await stores.inbox.receive(100 + cut, "{}")
                proxy.cut = cut
                assert await stores.kept.toggle_favourite(1, 1) is (cut % 2 == 1)
                proxy.cut = cut
                await stores.learning.used([row.entry_id])
            proxy.cut = 0
            assert len(await stores.history.recent(KEY, 100)) == 2 * len(cuts)
            assert await stores.spending.today(1) == Spending(12, 120, 60)
            row = await stores.learning.get(1)
            assert row is not None
            assert row.uses == len(cuts)
