"""Files beside a prompt, in the tools and in the console chat."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cli.history_chat.config import ConsoleSettings
from cli.history_chat.repl import Repl
from cli.history_chat.screen import Screen
from cli.history_chat.session_file import MemoryFile
from tests.cli.conftest import Shell
from tests.fakes.chat import FakeChatModel
from tests.fakes.documents import make_docx, make_pdf, make_picture
from tests.fakes.openai_server import Answer, OpenAIServer


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    contents = {
        "lease.pdf": make_pdf(["Договор аренды", "Плата 30 000 рублей в месяц"]),
        "rules.docx": make_docx("Тихий час с 13 до 15"),
        "flat.png": make_picture(40, 30),
        "archive.zip": b"PK\x03\x04 nothing",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return {name: str(tmp_path / name) for name in contents}


@pytest.mark.parametrize("tool", ["cli/hf_cli.py", "cli/hf_llama3_openai.py"])
async def test_documents_go_along_with_the_prompt(
    shell: Shell, server: OpenAIServer, files: dict[str, str], tool: str
) -> None:
    server.default = Answer("Плата 30 000 рублей.")
    attached = ("--attach", files["lease.pdf"], "--attach", files["rules.docx"])
    outcome = await shell.run(tool, *attached, "--model", "llama3", "Сколько платить?")
    assert outcome.code == 0
    asked = server.bodies[0]["messages"][-1]["content"]
    assert "[lease.pdf, с. 2]\nПлата 30 000 рублей" in asked
    assert "[rules.docx, абзац 1]\nТихий час" in asked
    assert asked.endswith("Вопрос: Сколько платить?")
    assert "📄 lease.pdf: с. 2" in outcome.out + outcome.err


async def test_a_picture_is_for_models_that_see(
    shell: Shell, server: OpenAIServer, files: dict[str, str]
) -> None:
    command = ("cli/hf_cli.py", "--attach", files["flat.png"], "--model")
    outcome = await shell.run(*command, "org/Qwen2.5-VL-7B", "Что тут?")
    assert outcome.code == 0
    text, picture = server.bodies[0]["messages"][0]["content"]
    assert text == {"type": "text", "text": "Что тут?"}
    assert picture["image_url"]["url"].startswith("data:image/jpeg;base64,/9j/")
    outcome = await shell.run(*command, "llama3", "Что тут?")
    assert outcome.code == 1
    assert "не видит картинок" in outcome.err
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("name", "words"), [("archive.zip", "повреждён"), ("missing.pdf", "файл не прочитать")]
)
async def test_a_file_that_is_not_read_is_one_line(
    shell: Shell, server: OpenAIServer, files: dict[str, str], name: str, words: str
) -> None:
    path = files.get(name, name)
    outcome = await shell.run("cli/hf_cli.py", "--attach", path, "Что тут?")
    assert outcome.code == 1
    assert words in outcome.err
    assert outcome.err.count("\n") == 1
    assert not server.calls


async def test_the_console_chat_takes_files(tmp_path: Path, files: dict[str, str]) -> None:
    model, shown = FakeChatModel("Понял."), io.StringIO()

    class Lines:
        lines = iter(
            (
                "/attach",
                f"/attach {files['archive.zip']}",
                f"/attach {files['lease.pdf']}",
                "Сколько платить?",
                f'/attach "{files["flat.png"]}"',
                "А тут что?",
                "И всё?",
                "/clear",
                "Ещё раз",
            )
        )

        async def read(self, prompt: str) -> str:
            try:
                return next(self.lines)
            except StopIteration:
                raise EOFError from None

        def recall(self, lines: Any) -> None: ...

    await asyncio.wait_for(
        Repl(
            model,
            MemoryFile(tmp_path / "memory.json"),
            ConsoleSettings(),
            Screen(Console(file=shown, width=200)),
            Lines(),
            api_base_url="",
            list_limit=5,
        ).run(),
        120,
    )
    first, second, third, last = (messages[-1] for messages, _ in model.history)
    assert "[lease.pdf, с. 2]" in first.content
    assert (len(second.attachments), len(third.attachments)) == (1, 0)
    assert "[lease.pdf, с. 2]" in third.content
    assert last.content == "Ещё раз"
    said = shown.getvalue()
    assert "Какой файл приложить?" in said
    assert "повреждён" in said
    assert "Приложено" in said
    assert "30 000" not in (tmp_path / "memory.json").read_text("utf-8")
