"""/facts: off by default; with CHAT_FACTS=true what was told goes before the model."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from cli.history_chat.config import ConsoleSettings
from cli.history_chat.conversation import Conversation
from cli.history_chat.facts import open_facts
from cli.history_chat.repl import Repl
from cli.history_chat.screen import Screen
from cli.history_chat.session_file import MemoryFile
from cli.history_chat.sessions import Session
from tests.cli.history_chat.test_repl import Script
from tests.fakes.chat import FakeChatModel


class Silent:
    def show(self, text: str) -> None: ...

    def wait(self, progress: float | None) -> None: ...


async def test_nothing_is_kept_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "var"))
    async with open_facts(on=False) as facts:
        assert facts is None
    assert not (tmp_path / "var").exists()


async def test_what_was_told_goes_before_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "var"))
    model = FakeChatModel()
    async with open_facts(on=True) as facts:
        assert facts
        talk = Conversation(model, MemoryFile(tmp_path / "m.json"), Session(), facts=facts)
        await talk.ask("я работаю сварщиком", Silent())
        (told,) = await facts.all()
        assert told.text == "я работаю сварщиком"
    async with open_facts(on=True) as facts:
        assert facts
        later = Conversation(model, MemoryFile(tmp_path / "n.json"), Session(), facts=facts)
        await later.ask("кем я работаю?", Silent())
        assert "«я работаю сварщиком»" in model.history[-1][0][0].content
        await facts.delete(told)
        assert not await facts.all()


async def test_facts_stay_on_when_a_session_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "var"))
    shown = io.StringIO()

    async def talk(*lines: str) -> None:
        async with open_facts(on=True) as facts:
            await Repl(
                FakeChatModel(),
                MemoryFile(tmp_path / "memory.json"),
                ConsoleSettings(),
                Screen(Console(file=shown, width=80)),
                Script(*lines),
                api_base_url="",
                list_limit=5,
                facts=facts,
            ).run()

    await talk("я работаю сварщиком")
    await talk("1", "/facts")
    assert re.search(r"^ +1 .*я работаю сварщиком$", shown.getvalue(), re.MULTILINE)
