"""Models that call tools of real MCP servers, in scripted rounds."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from cli.mcp_tools import servers as servers_module
from cli.mcp_tools.rounds import MAX_ROUNDS
from cli.mcp_tools.servers import MAX_RESULT
from services.chat import Completion, FunctionCall, Message, Usage
from services.errors import BadResponse
from tests.cli.mcp_tools.conftest import Bench, Write, bench, stdio
from tests.fakes.chat import FakeChatModel
from tests.fakes.mcp_servers import INJECTION

QUESTION = [Message("user", "Сколько будет 2 и 3?")]
USAGE = Usage(10, 2)


def calls(name: str, said: str = "", /, **arguments: Any) -> Completion:
    """What the model says when it wants a tool."""
    call = FunctionCall(f"notes__{name}", arguments)
    return Completion(said, "function_call", "fake", USAGE, call, "state-1")


def says(text: str) -> Completion:
    return Completion(text, "stop", "fake", USAGE)


async def ask(bench: Bench, *script: Completion) -> tuple[Completion, FakeChatModel]:
    model = FakeChatModel()
    model.enqueue(*script)
    said, completion = "", None
    async with aclosing(bench.toolbox.wrap(model).stream(QUESTION)) as stream:
        async for chunk in stream:
            said, completion = said + chunk.text, chunk.completion
    assert completion is not None
    assert completion.text == said
    return completion, model


def results(model: FakeChatModel) -> list[dict[str, str]]:
    """The results that the last request told the model, oldest first."""
    history, _ = model.history[-1]
    return [json.loads(item.content) for item in history if item.role == "function"]


async def test_a_call_and_its_result(write: Write) -> None:
    async with bench(write(notes=stdio("good"))) as tools:
        completion, model = await ask(tools, calls("add", a=2, b=3), says("Пять."))
        whole = FakeChatModel()
        whole.enqueue(calls("add", a=2, b=3), says("Пять."))
        assert (await tools.toolbox.wrap(whole).complete(QUESTION)).text == "Пять."
    assert completion == Completion("Пять.", "stop", "fake", Usage(20, 4))
    first, second = model.history
    specs = {spec.name: spec for spec in first[1].functions}
    assert specs["notes__add"].description == "Add two numbers."
    assert set(specs["notes__add"].parameters["properties"]) == {"a", "b"}
    asked, result = second[0][-2:]
    assert asked == Message("assistant", "", None, calls("add", a=2, b=3).function_call, "state-1")
    assert result == Message("function", '{"result": "5"}', "notes__add")
    assert tools.shown[0] == '→ notes.add {"a": 2, "b": 3}'
    assert tools.shown[1].startswith("← символов: 1, ")


async def test_several_rounds_and_what_is_said_between(write: Write) -> None:
    async with bench(write(notes=stdio("good"))) as tools:
        completion, model = await ask(
            tools,
            calls("add", "Сложу.", a=2, b=3),
            calls("echo", "Проверю.", text="пять"),
            says("Пять."),
        )
    assert completion.text == "Сложу.\n\nПроверю.\n\nПять."
    assert completion.usage == Usage(30, 6)
    assert results(model) == [{"result": "5"}, {"result": "пять"}]


async def test_failures_of_tools_are_results(write: Write) -> None:
    async with bench(write(notes=stdio("good"))) as tools:
        _, model = await ask(
            tools,
            calls("fail"),
            calls("no_such_tool"),
            calls("add", a="два"),
            calls("add", a=2, b=3),
            says("Пять."),
        )
    failed, unknown, wrong, right = results(model)
    assert "нет такой заметки" in failed["error"]
    assert unknown == {"error": "there is no such tool"}
    assert "error" in wrong
    assert right == {"result": "5"}
    assert any(line.startswith("← ошибка") for line in tools.shown)


async def test_a_server_that_dies_in_a_call(write: Write) -> None:
    async with bench(write(notes=stdio("good"), other=stdio("good"))) as tools:
        other = Completion("", "function_call", "fake", USAGE,
                           FunctionCall("other__add", {"a": 1, "b": 1}))  # fmt: skip
        script = (calls("die"), calls("add", a=2, b=3), other, says("Два."))
        completion, model = await asyncio.wait_for(ask(tools, *script), 30)
    died, gone, alive = results(model)
    assert "error" in died
    assert "error" in gone
    assert alive == {"result": "2"}
    assert completion.text == "Два."


async def test_a_call_that_hangs(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench(write(notes=stdio("good"))) as tools:
        monkeypatch.setattr(servers_module, "CALL_TIMEOUT", 0.3)
        _, model = await ask(tools, calls("sleep", seconds=60), says("Не вышло."))
        monkeypatch.setattr(servers_module, "CALL_TIMEOUT", 10)
        _, after = await ask(tools, calls("add", a=2, b=3), says("Пять."))
    assert results(model)[0]["error"].startswith("no answer in")
    assert results(after) == [{"result": "5"}], "the server is still there"


async def test_a_call_that_the_user_stops(write: Write) -> None:
    async with bench(write(notes=stdio("good"))) as tools:
        task = asyncio.create_task(ask(tools, calls("sleep", seconds=60)))
        while not tools.shown:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        completion, _ = await ask(tools, calls("add", a=2, b=3), says("Пять."))
    assert completion.text == "Пять."


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (stdio("garbage"), "не"),
        (stdio("exit"), "не вышло соединиться"),
        ({"command": "/no/such/program"}, "не запустить /no/such/program"),
        ({"command": sys.executable, "cwd": "/no/such/folder"}, "не запустить /no/such/folder"),
        ({"url": "http://127.0.0.1:9/mcp"}, "не вышло соединиться"),
    ],
    ids=["garbage", "exits", "no program", "no folder", "nobody listens"],
)
async def test_a_server_that_does_not_start_costs_no_answer(
    write: Write, entry: dict[str, Any], words: str
) -> None:
    async with bench(write(bad=entry, notes=stdio("good"))) as tools:
        completion, _ = await ask(tools, calls("add", a=2, b=3), says("Пять."))
        assert words in tools.problem("bad")
        assert tools.problem("bad")
    assert completion.text == "Пять."


async def test_a_server_that_never_answers(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers_module, "START_TIMEOUT", 0.5)
    async with bench(write(bad=stdio("silent"))) as tools:
        completion, _ = await ask(tools, says("Без инструментов."))
        assert tools.problem("bad").startswith("не ответил за")
    assert completion.text == "Без инструментов."


async def test_streamable_http(write: Write, http_url: str) -> None:
    async with bench(write(notes={"type": "http", "url": http_url})) as tools:
        completion, model = await ask(tools, calls("add", a=2, b=3), says("Пять."))
    assert completion.text == "Пять."
    assert results(model) == [{"result": "5"}]


async def test_headers_and_an_address_that_refuses(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []

    async def refuse(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.Response(status=401)

    app = web.Application()
    app.router.add_route("*", "/mcp", refuse)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/mcp"
    monkeypatch.setenv("NOTES_TOKEN", "secret-token")
    headers = {"Authorization": "Bearer ${NOTES_TOKEN}"}
    async with bench(write(notes={"url": url, "headers": headers})) as tools:
        problem = tools.problem("notes")
    await runner.cleanup()
    assert problem
    assert "secret-token" not in problem
    assert "secret-token" not in repr(tools.servers[0].spec)
    assert seen[0] == "Bearer secret-token"


async def test_ten_rounds_and_then_words(write: Write) -> None:
    async with bench(write(notes=stdio("good"))) as tools:
        again = [calls("add", a=1, b=n) for n in range(MAX_ROUNDS)]
        completion, model = await ask(tools, *again, says("Хватит."))
    assert completion.text == "Хватит."
    assert len(results(model)) == MAX_ROUNDS == 10
    choices = [options.function_call for _, options in model.history]
    assert choices == [None] * MAX_ROUNDS + ["none"]


async def test_a_model_that_never_stops_calling(write: Write) -> None:
    async with bench(write(notes=stdio("good"))) as tools:
        again = [calls("add", a=1, b=n) for n in range(MAX_ROUNDS + 5)]
        with pytest.raises(BadResponse):
            await ask(tools, *again)
        assert sum(line.startswith("→") for line in tools.shown) == MAX_ROUNDS


async def test_instructions_in_a_result_are_only_data(write: Write, tmp_path: Path) -> None:
    wiped = tmp_path / "wiped"
    async with bench(write(notes=stdio("good", env={"WIPED": str(wiped)}))) as tools:
        completion, model = await ask(tools, calls("page"), says("Там указания, не послушаюсь."))
        assert not wiped.exists()
        _, obeyed = await ask(tools, calls("wipe"), says("Готово."))
    assert results(model) == [{"result": INJECTION}]
    (function,) = [item for item in model.history[-1][0] if item.role == "function"]
    assert function.name == "notes__page"
    assert completion.function_call is None
    assert [line for line in tools.shown if line.startswith("→")] == [
        "→ notes.page {}", "→ notes.wipe {}",
    ]  # fmt: skip
    assert results(obeyed) == [{"result": "wiped"}], "the model's own call does it"


async def test_long_results_and_pictures(write: Write) -> None:
    async with bench(write(notes=stdio("good"))) as tools:
        _, model = await ask(tools, calls("big", size=100_000), calls("picture"), says("Вот."))
    long, picture = results(model)
    assert long["result"].startswith("яяя")
    assert len(long["result"]) < MAX_RESULT + 100
    assert long["result"].endswith("[cut: 100000 characters in all]")
    assert picture == {"result": "подпись\n[image image/png: not shown]"}


async def test_a_server_gets_only_its_own_secrets(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTES_KEY", "from the shell")
    monkeypatch.setenv("REAL_KEY", "from the variable")
    entry = stdio("good", env={"NOTES_KEY": "${REAL_KEY}"})
    async with bench(write(bare=stdio("good"), notes=entry)) as tools:
        bare = Completion("", "function_call", "fake", USAGE, FunctionCall("bare__secret", {}))
        _, model = await ask(tools, bare, calls("secret"), says("Вот."))
    assert results(model) == [{"result": "none"}, {"result": "from the variable"}]


async def test_no_process_is_left(write: Write) -> None:
    async with bench(write(notes=stdio("noisy"))) as tools:
        _, model = await ask(tools, calls("pid"), says("Вот."))
        pid = int(results(model)[0]["result"])
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_names_that_services_take(write: Write) -> None:
    async with bench(write(**{"мои заметки": stdio("good"), "мои_заметки": stdio("good")})) as two:
        names = [spec.name for spec in two.toolbox.specs]
        assert len(names) == len(set(names)) == 2 * len(two.servers[0].tools)
        assert all(name.isascii() and " " not in name and len(name) <= 64 for name in names)
        repeated = next(name for name in names if name.endswith("add_2"))
        result = await two.toolbox.call(FunctionCall(repeated, {"a": 2, "b": 2}))
        assert result.text == "4"
