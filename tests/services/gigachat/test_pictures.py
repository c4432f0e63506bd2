"""Pictures for GigaChat: uploaded, named in the question, deleted after it."""

from __future__ import annotations

import pytest

from services.chat import Image, Message, complete_stream
from services.errors import BadResponse, CannotSee, RateLimited, ServiceError
from services.gigachat import GigaChatModel
from tests.fakes.gigachat import Fail, GigaChatServer, Upload

PICTURES = (Image(b"\xff\xd8one\r\n--"), Image(b"two", "image/png"))
QUESTION = (
    Message("system", "Ты видишь."),
    Message("user", "Что тут?", attachments=PICTURES),
)


@pytest.fixture
async def server():  # type: ignore[no-untyped-def]
    async with GigaChatServer() as running:
        yield running


async def test_pictures_are_uploaded_named_and_deleted(server: GigaChatServer) -> None:
    async with GigaChatModel(server.settings(GIGA_MODEL_NAME="GigaChat-2-Max")) as model:
        for number in range(2):
            completion = await (
                complete_stream(model.stream(QUESTION)) if number else model.complete(QUESTION)
            )
            assert "Что тут?" in completion.text
            system, user = server.requests[number]["messages"]
            assert "attachments" not in system
            assert user["content"] == "Что тут?"
            assert len(set(user["attachments"])) == 2
            assert not server.files
    first = [
        Upload("picture.jpeg", "image/jpeg", PICTURES[0].content),
        Upload("picture.png", "image/png", b"two"),
    ]
    assert server.uploads == [*first, *first]


async def test_version_2_names_them_in_a_part_of_their_own(server: GigaChatServer) -> None:
    async with GigaChatModel(server.settings(GIGA_MODEL_NAME="GigaChat-3-Ultra")) as model:
        await complete_stream(model.stream(QUESTION))
    _, user = server.requests[0]["messages"]
    text, files = user["content"]
    assert text == {"text": "Что тут?"}
    assert [(it["mime"], it["target"]) for it in files["files"]] == [
        ("image/jpeg", "image"),
        ("image/png", "image"),
    ]
    assert len(server.uploads) == 2
    assert not server.files


async def test_a_blind_model_is_not_asked(server: GigaChatServer) -> None:
    async with GigaChatModel(server.settings()) as model:
        with pytest.raises(CannotSee) as caught:
            await model.complete(QUESTION)
        assert "GigaChat-2-Max" in caught.value.suggestion
        assert not server.uploads


@pytest.mark.parametrize("fault", [Fail(429, {"Retry-After": "0"}), Fail(500)])
async def test_pictures_are_deleted_though_the_answer_failed(
    server: GigaChatServer, fault: Fail
) -> None:
    settings = server.settings(GIGA_MODEL_NAME="GigaChat-2-Pro", GIGA_MAX_RETRIES="0")
    async with GigaChatModel(settings) as model:
        server.enqueue(fault, fault)
        with pytest.raises(ServiceError) as caught:
            await model.complete(QUESTION)
        assert isinstance(caught.value, RateLimited) == (fault.status == 429)
        assert len(server.uploads) == 2
        assert not server.files


async def test_an_odd_reply_to_an_upload_is_told(
    server: GigaChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with GigaChatModel(server.settings(GIGA_MODEL_NAME="GigaChat-2-Max")) as model:

        async def upload(*_: object) -> str:
            return "../.."

        monkeypatch.setattr(model, "upload_file", upload)
        with pytest.raises(BadResponse):
            await model.complete(QUESTION)
    assert not server.requests
