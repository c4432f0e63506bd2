"""Uploads both ways, albums, captions and downloads."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Literal

import aiohttp
import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramBadRequest
from aiogram.types import BufferedInputFile, InputMediaPhoto

from playground import NotAllowed, Playground, Sound, Upload
from playground.errors import ApiError
from playground.files import picture_size


def png(width: int = 3, height: int = 2) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = (b"\0" + b"\x7f" * width) * height
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.fixture
def chat_id(playground: Playground) -> int:
    return playground.person("Аня").private.send("привет").chat.id


async def test_a_bot_sends_a_photo_and_edits_its_caption(
    playground: Playground, bot: Bot, chat_id: int
) -> None:
    file = BufferedInputFile(png(), "график.png")
    sent = await bot.send_photo(chat_id, file, caption="<b>График</b>", parse_mode="HTML")
    assert sent.photo is not None
    assert (sent.photo[-1].width, sent.photo[-1].height) == (3, 2)
    assert (sent.caption, sent.caption_entities and sent.caption_entities[0].type) == (
        "График",
        "bold",
    )
    edited = await bot.edit_message_caption(
        chat_id=chat_id, message_id=sent.message_id, caption="Новый"
    )
    assert not isinstance(edited, bool)
    assert edited.caption == "Новый"
    again = await bot.send_photo(chat_id, sent.photo[-1].file_id)
    assert again.photo == sent.photo
    other = InputMediaPhoto(media=BufferedInputFile(png(9, 9), "б.png"), caption="Другой")
    changed = await bot.edit_message_media(other, chat_id=chat_id, message_id=again.message_id)
    assert not isinstance(changed, bool)
    assert changed.photo is not None
    assert (changed.photo[-1].width, changed.caption) == (9, "Другой")


async def test_a_person_sends_a_document_and_the_bot_downloads_it(
    playground: Playground, bot: Bot
) -> None:
    table = "цена;адрес\n1;Лесная, 5\n".encode("cp1251")
    upload = Upload("квартиры.csv", "text/csv", table)
    playground.person("Аня").private.send("/import", document=upload)
    message = (await bot.get_updates())[-1].message
    assert message is not None
    assert (message.caption, message.caption_entities and message.caption_entities[0].type) == (
        "/import",
        "bot_command",
    )
    assert message.document is not None
    assert (message.document.file_name, message.document.file_size) == ("квартиры.csv", len(table))
    target = BytesIO()
    await bot.download(message.document, target)
    assert target.getvalue() == table


async def test_an_album(playground: Playground, bot: Bot, chat_id: int) -> None:
    files = [BufferedInputFile(png(3, n), f"{n}.png") for n in (2, 3)]
    media = [InputMediaPhoto(media=file, caption="подпись") for file in files]
    first, second = await bot.send_media_group(chat_id, media)
    assert first.media_group_id == second.media_group_id
    assert second.photo is not None
    assert (second.caption, second.photo[-1].height) == ("подпись", 3)


async def test_what_is_not_a_photo_is_refused(
    playground: Playground, bot: Bot, chat_id: int
) -> None:
    with pytest.raises(TelegramBadRequest, match="IMAGE_PROCESS_FAILED"):
        await bot.send_photo(chat_id, BufferedInputFile(b"not a picture", "a.png"))
    with pytest.raises(TelegramBadRequest, match="PHOTO_INVALID_DIMENSIONS"):
        await bot.send_photo(chat_id, BufferedInputFile(png(100, 2), "a.png"))
    with pytest.raises(TelegramBadRequest, match="file must be non-empty"):
        await bot.send_document(chat_id, BufferedInputFile(b"", "a.txt"))
    with pytest.raises(TelegramBadRequest, match="message caption is too long"):
        await bot.send_photo(chat_id, BufferedInputFile(png(), "a.png"), caption="x" * 1025)
    with pytest.raises(ApiError):
        playground.person("Аня").private.send("x", photo=Upload("a.png", "image/png", b"x"))
    with pytest.raises(NotAllowed):
        playground.person("Аня").private.send("x" * 1025, photo=Upload("a.png", "image/png", png()))


async def test_file_addresses_cannot_leave_the_folder(
    playground: Playground, http: aiohttp.ClientSession
) -> None:
    base = f"{playground.api_url}/file/bot{playground.token}"
    for path in ("../playground.json", "documents/..%2f..%2fetc%2fpasswd", "documents/x"):
        async with http.get(f"{base}/{path}") as response:
            assert response.status == 404


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (png(30, 20), (30, 20)),
        (b"GIF89a" + struct.pack("<HH", 5, 4), (5, 4)),
        (b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08" + struct.pack(">HH", 7, 9) + b"\0" * 9,
         (9, 7)),
        (b"RIFF____WEBPVP8X" + b"\0" * 8 + b"\x09\0\0\x04\0\0", (10, 5)),
        (b"\x89PNG\r\n\x1a\n", (0, 0)),
        (b"", (0, 0)),
    ],
)  # fmt: skip
def test_picture_sizes(data: bytes, size: tuple[int, int]) -> None:
    assert picture_size(data) == size


@pytest.mark.parametrize(
    ("kind", "folder"), [("voice", "voice"), ("audio", "music"), ("video_note", "video_notes")]
)
async def test_sounds_go_both_ways(
    bot: Bot, playground: Playground, kind: Literal["voice", "audio", "video_note"], folder: str
) -> None:
    chat = playground.person("Аня").private
    chat.send(sound=Sound(Upload("a.ogg", "audio/ogg", b"OggS123"), kind, duration=7))
    message = (await bot.get_updates())[-1].message
    assert message is not None
    sound = getattr(message, kind)
    assert (sound.duration, sound.file_size) == (7, 7)
    file = await bot.get_file(sound.file_id)
    assert file.file_path is not None
    assert file.file_path.startswith(f"{folder}/")
    downloaded = await bot.download_file(file.file_path)
    assert downloaded is not None
    assert downloaded.read() == b"OggS123"
    send = getattr(bot, f"send_{kind}")
    again = await send(message.chat.id, sound.file_id)
    assert getattr(again, kind).file_id == sound.file_id
    sent = await send(message.chat.id, BufferedInputFile(b"OggS", "b.ogg"), duration=3)
    assert getattr(sent, kind).duration == 3
    document = await bot.send_document(message.chat.id, BufferedInputFile(b"x", "b.txt"))
    assert document.document is not None
    with pytest.raises(TelegramBadRequest, match="can't use file of type Document"):
        await send(message.chat.id, document.document.file_id)


async def test_what_is_larger_than_20_megabytes_is_not_downloaded(
    bot: Bot, playground: Playground
) -> None:
    upload = Upload("a.ogg", "audio/ogg", bytes(20 * 2**20 + 1))
    sent = playground.person("Аня").private.send(sound=Sound(upload))
    assert sent.voice is not None
    with pytest.raises(TelegramBadRequest, match="file is too big"):
        await bot.get_file(sent.voice.file_id)
