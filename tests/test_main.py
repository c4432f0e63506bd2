"""The command line as a stranger types it: whole processes, real exit codes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bots.common import texts
from bots.registry import BOTS
from playground import Playground, RateLimits
from services.env import PROJECT_ROOT
from tests.bots.common.test_edge import until
from tests.fakes.openai_server import Answer, OpenAIServer

PATIENCE = 120.0  # seconds; bounds every wait for a process, importing aiogram costs 6 s of CPU


async def start(*args: str, **env: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, *args, cwd=PROJECT_ROOT, stdout=PIPE, stderr=PIPE, env={**os.environ, **env}
    )  # fmt: skip


async def run(*args: str, **env: str) -> tuple[int, str, str]:
    process = await start(*args, **env)
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    return process.returncode or 0, out.decode(), err.decode()


@pytest.fixture
def no_env(tmp_path: Path) -> dict[str, str]:
    """Empty values win over a developer's `.env` and count as not set."""
    names = {name for spec in BOTS for name in spec.token_env}
    return dict.fromkeys([*names, "GIGA_CLIENT_BASIC", "HF_TOKEN"], "")


class TestUsage:
    async def test_lists_the_bots_and_what_is_missing(self, no_env: dict[str, str]) -> None:
        code, out, _ = await run("main.py", "--list", **{**no_env, "HF_TOKEN": "hf_x"})
        assert code == 0
        assert all(spec.name in out for spec in BOTS)
        assert "не заполнено: BOT_TOKEN, GIGA_CLIENT_BASIC" in out
        assert "не заполнено: HF_BOT_TOKEN\n" in out

    @pytest.mark.parametrize("spec", BOTS, ids=lambda spec: spec.name)
    async def test_a_missing_token_is_one_line(self, spec: object, no_env: dict[str, str]) -> None:
        for command in (["main.py", "--bot", spec.name], ["-m", spec.module]):  # type: ignore[attr-defined]
            code, out, err = await run(*command, **no_env)
            assert (code, out) == (1, "")
            assert err.count("\n") == 1
            assert spec.token_env[0] in err  # type: ignore[attr-defined]
            assert ".env.example" in err

    async def test_an_unknown_bot_names_the_choices(self) -> None:
        code, _, err = await run("main.py", "--bot", "grishka")
        assert code == 2
        assert all(spec.name in err for spec in BOTS)

    async def test_a_wrong_token_is_one_line_without_the_token(self, tmp_path: Path) -> None:
        async with Playground() as telegram:
            token = "123456:" + "A" * 35
            code, _, err = await run(
                *("main.py", "--bot", "grisha", "--backend", "openai"),
                **server_env(telegram, tmp_path, "http://127.0.0.1:9/v1")
                | {"GRISHA_BOT_TOKEN": token},
            )
        assert code == 1
        assert "GRISHA_BOT_TOKEN" in err
        assert "Traceback" not in err
        assert token not in err


def server_env(telegram: Playground, folder: Path, model_url: str) -> dict[str, str]:
    return {
        "GRISHA_BOT_TOKEN": telegram.token,
        "TELEGRAM_API_URL": telegram.api_url,
        "DATA_DIR": str(folder),
        "LLM_BASE_URL": model_url,
        "LLM_MODEL": "test-model",
    }


@asynccontextmanager
async def grisha(telegram: Playground, folder: Path, model: OpenAIServer) -> AsyncIterator[Process]:
    process = await start(
        *("main.py", "--bot", "grisha", "--backend", "openai"),
        **server_env(telegram, folder, model.url),
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


class TestProcess:
    """A bot in a process of its own, with a real model client, that is killed or stopped."""

    @pytest.fixture
    async def telegram(self) -> AsyncIterator[Playground]:
        async with Playground(
            bot_username="grisha_bot", limits=RateLimits(enabled=False)
        ) as telegram:
            yield telegram

    @pytest.fixture
    async def model(self) -> AsyncIterator[OpenAIServer]:
        async with OpenAIServer().running() as model:
            yield model

    async def test_kill_9_loses_neither_the_history_nor_the_question(
        self, tmp_path: Path, telegram: Playground, model: OpenAIServer
    ) -> None:
        chat = telegram.person("Аня").private
        async with grisha(telegram, tmp_path, model):
            model.enqueue(Answer("Рад и я!"))
            chat.send("Сегодня дождь, а я рада")
            await chat.wait_for("Рад и я!", PATIENCE)
            model.enqueue(Answer("".join(f"Слово {n}. " for n in range(400)), delay=0.05))
            chat.send("Расскажи длинную историю")
            await chat.wait_draft("Слово", PATIENCE)
        assert not [m for m in chat.messages if "Слово" in (m.text or "") and m.from_user.is_bot]

        model.enqueue(Answer("Жил-был кот."))
        async with grisha(telegram, tmp_path, model):
            await chat.wait_for("Жил-был кот.", PATIENCE)
        heard = [m["content"] for m in model.calls[-1].body["messages"]]
        assert heard[-3:] == ["Сегодня дождь, а я рада", "Рад и я!", "Расскажи длинную историю"]
        answers = [m.text for m in chat.messages if m.from_user and m.from_user.is_bot]
        assert answers == ["Рад и я!", "Жил-был кот."]

    async def test_kill_9_in_the_answer_to_two_messages_doubles_neither(
        self, tmp_path: Path, telegram: Playground, model: OpenAIServer
    ) -> None:
        chat = telegram.person("Аня").private
        endless = "".join(f"Слово {n}. " for n in range(400))
        async with grisha(telegram, tmp_path, model):
            model.default = Answer(endless, delay=0.05)
            chat.send("Расскажи историю")
            chat.send("длинную и про море")
            await until(lambda: "про море" in str(model.bodies[-1:]), PATIENCE)
        model.default = Answer("Жил-был кит.")
        async with grisha(telegram, tmp_path, model):
            await chat.wait_for("Жил-был кит.", PATIENCE)
        heard = [m["content"] for m in model.calls[-1].body["messages"]]
        assert heard[-1] == "Расскажи историю\nдлинную и про море"
        assert "Расскажи историю" not in heard[:-1]
        answers = [m.text for m in chat.messages if m.from_user and m.from_user.is_bot]
        assert answers == ["Жил-был кит."]

    async def test_sigterm_lets_a_running_answer_finish(
        self, tmp_path: Path, telegram: Playground, model: OpenAIServer
    ) -> None:
        chat = telegram.person("Аня").private
        async with grisha(telegram, tmp_path, model) as process:
            model.enqueue(Answer("Раз. Два. Три. Четыре. Пять. Шесть. Семь. Восемь.", delay=0.2))
            chat.send("Посчитай")
            await chat.wait_draft("Раз", PATIENCE)
            process.send_signal(signal.SIGTERM)
            await chat.wait_for("Восемь", PATIENCE)
            out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
        assert process.returncode == 0, err.decode()
        assert "Traceback" not in err.decode()
        assert "Посчитай" not in out.decode() + err.decode()
        assert texts.RESTARTING not in [m.text for m in chat.messages]
