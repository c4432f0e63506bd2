from pathlib import Path

import pytest

from cli.move_database import main, move_database
from services.errors import ConfigError
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

KEY = ConversationKey("grisha", -1_002_147_483_648)
USER = 5_000_000_001


async def fill(settings: StorageSettings, messages: int) -> None:
    async with Database.open(settings) as database:
        history = HistoryStore(database)
        turns = [
            StoredMessage("user", f"вопрос {n} 😀\n'\"", USER, "Аня", n) for n in range(messages)
        ]
        await history.append(KEY, *turns)
        await PreferenceStore(database, "literary").set(USER, "temperatures", [0, 0.7, {"а": None}])
        inbox = Inbox(database, "grisha")
        await inbox.receive_all({1: '{"update_id": 1}', 2: "{}"})
        await inbox.finish(2)
        await SpendingStore(database, "grisha").add({USER: Spending(1, 100, 20)})


async def test_moves_everything(tmp_path: Path, postgres_database: str) -> None:
    source = StorageSettings(data_dir=tmp_path)
    target = StorageSettings(database_url=postgres_database)
    await fill(source, 2500)
    async with Database.open(source) as database:
        before = await HistoryStore(database).recent(KEY, 3000)

    moved = await move_database(source, target)
    assert {table: rows for table, rows in moved.items() if rows} == {
        "inbox": 2, "messages": 2500, "preferences": 1, "spending": 1,
    }  # fmt: skip

    async with Database.open(target) as database:
        history = HistoryStore(database)
        assert await history.recent(KEY, 3000) == before
        await history.append(KEY, StoredMessage("assistant", "дальше"))
        assert [turn.content for turn in await history.recent(KEY, 1)] == ["дальше"]
        chosen = await PreferenceStore(database, "literary").get(USER, "temperatures")
        assert chosen == [0, 0.7, {"а": None}]
        assert await Inbox(database, "grisha").interrupted() == ['{"update_id": 1}']
        assert await SpendingStore(database, "grisha").today(USER) == Spending(1, 100, 20)


async def test_touches_nothing_when_the_target_has_rows(
    tmp_path: Path, postgres_database: str
) -> None:
    source = StorageSettings(data_dir=tmp_path)
    target = StorageSettings(database_url=postgres_database)
    await fill(source, 1)
    await move_database(source, target)
    with pytest.raises(ConfigError, match="не пуста"):
        await move_database(source, target)


async def test_leaves_no_table_behind(tmp_path: Path, postgres_database: str) -> None:
    source = StorageSettings(data_dir=tmp_path)
    async with Database.open(source) as database, database.engine.begin() as connection:
        await connection.exec_driver_sql("CREATE TABLE dreams (id INTEGER)")
    with pytest.raises(ConfigError, match="dreams"):
        await move_database(source, StorageSettings(database_url=postgres_database))


def test_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([]) == 1
    assert "нет базы" in capsys.readouterr().err
    file = tmp_path / "some.sqlite3"
    file.touch()
    assert main(["--source", str(file)]) == 1
    assert "не PostgreSQL" in capsys.readouterr().err
