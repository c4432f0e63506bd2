"""Running it: the webhook, health and metrics, logs, access, budgets, one process a folder."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from benchmarks.edge_bot import create_dispatcher
from bots.common import texts, watchdog
from bots.common.config import BotSettings
from bots.common.intake import Pastes
from bots.common.metrics import LOOP_LAG_MAX
from bots.launch import set_up_logging
from playground import Playground, RateLimits
from services.budgets import Budget, Meter, payer
from services.chat import Message
from services.env import PROJECT_ROOT
from services.errors import BudgetSpent, ConfigError
from services.storage import Database, SpendingStore, StorageSettings, process_lock
from services.texts import describe_error
from tests.bots.harness import running_bot
from tests.fakes.chat import FakeChatModel
from tests.fakes.openai_server import Answer, OpenAIServer
from tests.servers import free_port

PATIENCE = 40.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pastes, "QUIET", 0.03)


@asynccontextmanager
async def webhook_bot(
    playground: Playground, model: OpenAIServer, folder: Path, port: int
) -> AsyncIterator[asyncio.subprocess.Process]:
    env = {
        "BOT_TOKEN": playground.token,
        "TELEGRAM_API_URL": playground.api_url,
        "LLM_BASE_URL": model.url,
        "LLM_MODEL": "test-model",
        "DATA_DIR": str(folder),
        "WEB_PORT": str(port),
        "WEBHOOK_URL": f"http://127.0.0.1:{port}/telegram/hook",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.edge_bot", "edge-webhook"),
        cwd=PROJECT_ROOT,
        env={**os.environ, **env},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_webhook_answers_is_watched_and_stops_gracefully(tmp_path: Path) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    async with (
        Playground(limits=RateLimits(enabled=False)) as playground,
        OpenAIServer().running() as model,
        webhook_bot(playground, model, tmp_path, port) as process,
        aiohttp.ClientSession() as http,
    ):
        chat = playground.person("Аня").private
        model.enqueue(Answer("Слышу тебя"))
        chat.send("привет")
        await chat.wait_for("Слышу тебя", PATIENCE)

        async with http.post(f"{base}/telegram/hook", json={"update_id": 1}) as refused:
            assert refused.status == 401
        async with http.get(f"{base}/healthz") as health:
            assert (health.status, await health.json()) == (200, {"status": "ok"})
        async with http.get(f"{base}/metrics") as metrics:
            figures = await metrics.text()
        assert 'telegram_updates_total{kind="message"} 1.0' in figures
        assert 'model_tokens_total{kind="completion"}' in figures
        assert "model_first_token_seconds_count 1.0" in figures
        assert "event_loop_lag_seconds_count" in figures

        model.enqueue(Answer("раз два три четыре пять", delay=0.2))
        chat.send("посчитай")
        await chat.wait_draft("раз", PATIENCE)
        process.send_signal(signal.SIGTERM)
        await chat.wait_for("пять", PATIENCE)
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
        assert texts.RESTARTING not in [message.text for message in chat.messages]


async def test_a_blocked_event_loop_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "INTERVAL", 0.02)
    async with watchdog.loop_watchdog():
        await asyncio.sleep(0.05)
        time.sleep(0.3)  # noqa: ASYNC251  (it blocks on purpose)
        await asyncio.sleep(0.05)
    (gauge,) = LOOP_LAG_MAX.collect()
    assert gauge.samples[0].value >= 0.2


async def test_one_folder_has_one_process(tmp_path: Path) -> None:
    with process_lock(tmp_path, "grisha"):
        with process_lock(tmp_path, "literary"):
            pass
        with pytest.raises(ConfigError, match="уже работает"), process_lock(tmp_path, "grisha"):
            pass
    with process_lock(tmp_path, "grisha"):
        pass


class TestLogs:
    def test_json_has_no_text_of_an_error_and_no_token(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(logging.getLogger(), "handlers", [])
        set_up_logging("INFO", "json")
        try:
            raise ValueError("Меня зовут Аня")
        except ValueError:
            logging.getLogger("bots").exception("token %s", "123456:" + "A" * 35)
        line = json.loads(capsys.readouterr().err)
        assert (line["level"], line["logger"]) == ("ERROR", "bots")
        assert (line["message"], line["error"]) == ("token ***", "ValueError")
        assert "test_operation.py" in line["where"][0]
        assert "Аня" not in json.dumps(line, ensure_ascii=False)


class TestAccess:
    async def test_a_group_may_be_let_in_whole(self, tmp_path: Path) -> None:
        async with Playground(limits=RateLimits(enabled=False)) as playground:
            settings = BotSettings(allowed_group_ids=frozenset({playground.group.id}))
            async with running_bot(
                create_dispatcher, tmp_path, settings=settings, playground=playground
            ) as bot:
                group = playground.person("Аня").in_(playground.group)
                group.send(f"@{playground.world.bot.username} привет")
                await group.wait_for(bot.model.default)
                bot.chat.send("привет")
                await bot.chat.wait_for("закрытый")

    async def test_an_admin_is_let_in_and_sees_who_spends(self, tmp_path: Path) -> None:
        async with Playground(limits=RateLimits(enabled=False)) as playground:
            anya, boris = playground.person("Аня"), playground.person("Борис")
            settings = BotSettings(
                allowed_user_ids=frozenset({boris.id}), admin_ids=frozenset({anya.id})
            )
            async with running_bot(
                create_dispatcher, tmp_path, settings=settings, playground=playground
            ) as bot:
                boris.private.send("привет")
                await boris.private.wait_for(bot.model.default)
                await asyncio.sleep(Meter.DELAY)
                chat = anya.private
                chat.send("/usage")
                report = (await chat.wait_for("Сегодня")).text or ""
                assert f"{boris.id}: 1 запр." in report
                boris.private.send("/usage")  # for him a message like any other
                await boris.private.wait_for(bot.model.default)


class TestBudget:
    @pytest.fixture
    async def spending(self, tmp_path: Path) -> AsyncIterator[SpendingStore]:
        async with Database.open(StorageSettings(data_dir=tmp_path)) as database:
            yield SpendingStore(database, "grisha")

    @pytest.mark.parametrize("budget", [Budget(requests=2), Budget(tokens=10)])
    async def test_ends_with_a_polite_word(self, spending: SpendingStore, budget: Budget) -> None:
        model = Meter(spending, budget).on(FakeChatModel())
        payer.set(1)
        for _ in range(2):
            await model.complete([Message("user", "раз два три")])
        with pytest.raises(BudgetSpent) as caught:
            await model.complete([Message("user", "ещё")])
        assert "запас" in describe_error(caught.value)
        payer.set(2)
        await model.complete([Message("user", "я другой")])
        await model.aclose()
        assert (await spending.today(1)).requests == 2

    async def test_admins_have_none_and_a_broken_answer_counts(
        self, spending: SpendingStore
    ) -> None:
        fake = FakeChatModel()
        model = Meter(spending, Budget(requests=1, free=frozenset({1}))).on(fake)
        payer.set(1)
        for _ in range(2):
            async for _chunk in model.stream([Message("user", "привет")]):
                pass
        stream = model.stream([Message("user", "привет")])
        await anext(stream)
        await stream.aclose()
        await model.aclose()
        spent = await spending.today(1)
        assert (spent.requests, spent.completion_tokens) == (3, 4 + 3)  # the last by its length
