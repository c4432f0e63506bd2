"""/draw: a picture to a version, by GigaChat's own tool, with the real client on loopback."""

from __future__ import annotations

import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bots.literary import bot
from services.gigachat import GigaChatModel
from services.storage import SpendingStore
from tests.bots.harness import RunningBot, running_bot
from tests.fakes.gigachat import GigaChatServer

WAIT = 20


def png(size: int = 64) -> bytes:
    """A grey square."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + b"\x80" * size for _ in range(size)))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


@pytest.fixture
async def server() -> AsyncIterator[GigaChatServer]:
    async with GigaChatServer() as server:
        server.files["f-1"] = png()
        yield server


@pytest.fixture
async def running(server: GigaChatServer, tmp_path: Path) -> AsyncIterator[RunningBot]:
    model = GigaChatModel(server.settings(model="GigaChat-3-Ultra"))
    async with running_bot(bot.create_dispatcher, tmp_path, name="literary", model=model) as bot_:
        yield bot_


def drawn() -> dict[str, object]:
    file = {"id": "f-1", "mime": "image/jpeg", "target": "image"}
    return {"content": [{"text": "Готово."}, {"files": [file]}]}


async def write(running: RunningBot, server: GigaChatServer) -> None:
    server.enqueue("Маяк горит у моря.", "Маяк спит у моря.", "Рыбы читают свет маяка.")
    running.chat.send("про маяк")
    await running.chat.wait_for("Что изменилось", WAIT)


def drawing_of(server: GigaChatServer) -> str:
    request = server.requests[-1]
    assert request["tools"] == [{"image_generate": {}}]
    assert request["tool_config"] == {"mode": "forced", "tool_name": "image_generate"}
    text: str = request["messages"][0]["content"][0]["text"]
    return text


async def test_the_chosen_version_is_drawn(running: RunningBot, server: GigaChatServer) -> None:
    running.chat.send("/draw")
    await running.chat.wait_for("Сначала пришли тему", WAIT)
    await write(running, server)
    for command, value, text in (
        ("/draw", "1,2", "Рыбы читают свет маяка."),
        ("/draw 0", "0", "Маяк горит у моря."),
        ("/draw вторую", "0,7", "Маяк спит у моря."),
    ):
        server.enqueue(drawn())
        running.chat.send(command)
        await running.chat.wait_for(f"Иллюстрация к версии {value}", WAIT)
        assert drawing_of(server).endswith(text)
    photos = [call for call in running.playground.calls if call.method.lower() == "sendphoto"]
    assert len(photos) == 3
    running.chat.send("/draw 1,9")
    await running.chat.wait_for("Такой версии нет. Есть: 0, 0,7, 1,2", WAIT)


async def test_a_picture_counts_in_the_budget(running: RunningBot, server: GigaChatServer) -> None:
    await write(running, server)
    server.enqueue(drawn())
    running.chat.send("/draw")
    await running.chat.wait_for("Иллюстрация", WAIT)
    await running.context.meter.flush()
    store = SpendingStore(running.context.database, "literary", b"")
    spent = await store.today(running.playground.person("Аня").id)
    assert spent.requests == 4


async def test_words_instead_of_a_picture_are_told(
    running: RunningBot, server: GigaChatServer
) -> None:
    await write(running, server)
    server.enqueue("Такое я не рисую.")
    running.chat.send("/draw")
    await running.chat.wait_for("Фильтр модели не пропустил", WAIT)


async def test_what_is_no_picture_is_told(running: RunningBot, server: GigaChatServer) -> None:
    await write(running, server)
    server.files["f-1"] = b"<html>Not found</html>"
    server.enqueue(drawn())
    running.chat.send("/draw")
    await running.chat.wait_for("Модель ответила непонятно", WAIT)


async def test_a_model_that_can_t_draw_says_what_is_missing(tmp_path: Path) -> None:
    async with running_bot(bot.create_dispatcher, tmp_path, name="literary") as running:
        running.chat.send("про маяк")
        await running.chat.wait_for("Что изменилось", WAIT)
        running.chat.send("/draw")
        answer = await running.chat.wait_for("Рисовать я могу только с GigaChat", WAIT)
        assert "GIGA_MODEL_NAME=GigaChat-3-Ultra" in (answer.text or "")
