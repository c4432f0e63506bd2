"""The local backend on another server."""

from __future__ import annotations

import pytest

from services.backends import open_chat_model
from services.chat import GenerationOptions, Message
from tests.fakes.openai_server import OpenAIServer


async def test_a_server_answers_for_the_local_model(monkeypatch: pytest.MonkeyPatch) -> None:
    async with OpenAIServer().running() as server:
        monkeypatch.setenv("LOCAL_LLM_BASE_URL", server.url)
        monkeypatch.setenv("LOCAL_MODEL", "test-model")
        model = open_chat_model("local")
        messages = [Message("system", "Ты — Гриша."), Message("user", "Привет")]
        await model.complete(messages, GenerationOptions(temperature=0.1))
        await model.aclose()
    body = server.calls[0].body
    assert body["model"] == "test-model"
    assert (body["temperature"], body["top_p"], body["max_tokens"]) == (0.1, 0.9, 100)
    assert [message["content"] for message in body["messages"]] == ["Ты — Гриша.", "Привет"]
