"""What reaches the edge and mustn't: secrets in logs, odd webhooks, bad addresses, strangers."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path

import pytest
from aiogram import Bot
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bots import launch
from bots.common.config import BotSettings
from bots.common.web import SECRET_HEADER, Webhook
from services.env import PROJECT_ROOT
from tests.bots.harness import running_bot

HUGE = 2**70


class TestLog:
    async def test_debug_shows_nothing_that_people_wrote(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = logging.getLogger()
        monkeypatch.setattr(root, "handlers", [])
        loggers = [root, *(logging.getLogger(name) for name in launch.OWN_PACKAGES)]
        levels = [logger.level for logger in loggers]
        launch.set_up_logging("DEBUG")
        try:
            create = import_module("bots.hf_demo.bot").create_dispatcher
            async with running_bot(create, tmp_path, name="hf_demo") as bot:
                bot.model.default = "пурпурный ответ"
                bot.chat.send("мой бирюзовый секрет")
                await bot.chat.wait_for("пурпурный")
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
        log = capsys.readouterr().err
        assert "INFO" in log
        assert "бирюзовый" not in log
        assert "пурпурный" not in log
        assert "\\u0431\\u0438\\u0440" not in log


class TestWebhook:
    @pytest.fixture
    async def hook(self, tmp_path: Path) -> AsyncIterator[tuple[TestClient, str]]:  # type: ignore[type-arg]
        create = import_module("bots.hf_demo.bot").create_dispatcher
        async with (
            running_bot(create, tmp_path, name="hf_demo") as bot,
            Bot(bot.playground.token) as telegram,
        ):
            webhook = Webhook(telegram, bot.dispatcher)
            app = web.Application(client_max_size=2**20)
            app.router.add_post("/", webhook.on_update)
            async with TestClient(TestServer(app)) as client:
                yield client, webhook.secret

    async def test_odd_secrets_are_refused(self, hook: tuple[TestClient, str]) -> None:  # type: ignore[type-arg]
        client, secret = hook
        for given in ("", "секрет", "\udcff", secret[:-1], secret + "я"):
            encoded = {SECRET_HEADER: given.encode("utf-8", "surrogateescape").decode("latin-1")}
            headers = encoded if given.isascii() else {SECRET_HEADER: given}
            async with client.post("/", data=b"{}", headers=headers) as response:
                assert response.status == 401

    async def test_odd_bodies_are_no_errors_of_ours(self, hook: tuple[TestClient, str]) -> None:  # type: ignore[type-arg]
        client, secret = hook
        chat = {"id": 5, "type": "private", "first_name": "Аня"}
        user = {"id": 5, "is_bot": False, "first_name": "Аня"}
        message = {"message_id": 1, "date": 1, "chat": chat, "from": user, "text": "9" * 4000}
        deep = (
            b'{"update_id": 1, "message": ' + b'{"reply_to_message": ' * 9000 + b"1" + b"}" * 9001
        )
        nested = b'{"update_id": 2, "x": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"
        bodies = {
            b"": 200, b"\xff\xfe": 200, b"[]": 200, b"null": 200, b"1" * 5000: 200,
            deep: 200,
            nested: 200,
            json.dumps({"update_id": HUGE}).encode(): 400,
            json.dumps({"update_id": 3, "message": {**message, "message_id": HUGE}}).encode(): 400,
            json.dumps({"update_id": 4, "message": {"chat": {"id": -HUGE}}}).encode(): 400,
            json.dumps({"update_id": 5, "message": message}).encode(): 200,
        }  # fmt: skip
        for body, expected in bodies.items():
            async with client.post("/", data=body, headers={SECRET_HEADER: secret}) as response:
                assert response.status in (expected, 400), body[:60]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "postgresql://u:s3cret@127.0.0.1:54x2/bots"),
        ("DATABASE_URL", "postgresql://u:s3cret@127.0.0.1:99999/bots"),
        ("DATABASE_URL", "postgresql://u:s3cret@127.0.0.1:1/bots"),
        ("REDIS_URL", "redis://:s3cret@127.0.0.1:63x/0"),
        ("REDIS_URL", "redis://:s3cret@127.0.0.1:99999/0"),
        ("REDIS_URL", "http://:s3cret@127.0.0.1/0"),
        ("REDIS_URL", "redis://:s3cret@[::1/0"),
    ],
)
def test_a_bad_address_is_one_line(variable: str, value: str, tmp_path: Path) -> None:
    environment = {**os.environ, variable: value, "DATA_DIR": str(tmp_path), "BOT_TOKEN": "1:a"}
    code = "import sys; from bots.launch import main; sys.exit(main(['--bot', 'literary']))"
    code = f"import bots.common.replicas as r; r.MAX_RETRIES = 0\n{code}"
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert process.returncode == 1
    assert "Traceback" not in process.stderr
    assert variable in process.stderr.splitlines()[-1]
    assert "s3cret" not in process.stderr


@pytest.mark.parametrize(
    ("user", "chat", "allowed"), [(1, 9, True), (2, 9, True), (3, -7, True), (3, 9, False)]
)
def test_one_rule_lets_people_in(user: int, chat: int, allowed: bool) -> None:
    settings = BotSettings(
        allowed_user_ids=frozenset({1}),
        admin_ids=frozenset({2}),
        allowed_group_ids=frozenset({-7}),
    )
    assert settings.allows(user, chat) is allowed
    assert BotSettings().allows(user, chat)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)
    old = folder / "bots.sqlite3"
    old.touch(0o644)
    code = (
        "import asyncio, os; os.umask(0)\n"
        "from pathlib import Path\n"
        "from services.env import keep_files_private; keep_files_private()\n"
        "from services.storage import Database, PreferenceStore, StorageSettings\n"
        "async def main():\n"
        f"    folder = Path({str(folder)!r})\n"
        "    async with Database.open(StorageSettings(data_dir=folder)) as database:\n"
        "        await PreferenceStore(database, 'x').set(1, 'a', 2)\n"
        "        print(*(oct(p.stat().st_mode & 0o777) for p in folder.iterdir()))\n"
        "asyncio.run(main())"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    modes = process.stdout.split()
    assert len(modes) >= 3  # with -wal and -shm
    assert set(modes) == {"0o600"}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_what_is_secret_stays_out_of_the_image() -> None:
    ignored = (PROJECT_ROOT / ".dockerignore").read_text("utf-8").split()
    assert {".env", ".git", "var", ".venv"} <= set(ignored)


def test_the_composition_pins_images_and_guards_redis() -> None:
    composition = (PROJECT_ROOT / "deploy" / "compose.yaml").read_text("utf-8")
    images = [line.split("image: ")[1] for line in composition.splitlines() if "image: " in line]
    assert images
    assert all(":" in image and any(ch.isdigit() for ch in image.split(":")[1]) for image in images)
    assert "--requirepass" in composition
    unit = (PROJECT_ROOT / "deploy" / "bot@.service").read_text("utf-8").splitlines()
    assert {"UMask=0077", "CapabilityBoundingSet=", "SystemCallFilter=@system-service"} <= set(unit)
