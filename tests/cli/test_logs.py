"""The tools' logs hold no word of what people write, also with --debug."""

from __future__ import annotations

import subprocess
import sys

from services.env import PROJECT_ROOT

SECRET = "тайна кота"
PROGRAM = f"""
import asyncio, logging, pathlib, tempfile
from cli.shell import set_up_logging
set_up_logging(debug=True)
from services.storage import ConversationKey, Database, HistoryStore, StorageSettings, StoredMessage
async def main():
    folder = pathlib.Path(tempfile.mkdtemp())
    key = ConversationKey("grisha", 1)
    async with Database.open(StorageSettings(data_dir=folder)) as database:
        async with database.session() as session:
            from services.storage.history import MessageRow, _to_row
            session.add(MessageRow(**_to_row(key, StoredMessage("user", {SECRET!r}))))
        history = HistoryStore(database)
        await history.append(key, StoredMessage("user", {SECRET!r}))
        await history.answer_to(key, 1)
    logging.getLogger("services.storage").debug("ours is shown")
asyncio.run(main())
"""


def test_debug_shows_our_steps_and_nobodys_words() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=PROJECT_ROOT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert "ours is shown" in done.stderr
    assert "тайна" not in done.stderr
    assert "aiosqlite" not in done.stderr
