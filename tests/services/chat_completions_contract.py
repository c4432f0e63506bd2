"""What every client of the chat-completions API must do with each fault of a server.

A test module derives a class from it and gives it the fixtures `server` and `model`,
an open model "test-model" of that server, with no pauses between tries and a timeout
below a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

import pytest

from services import errors
from services.chat import (
    ChatModel,
    FunctionCall,
    FunctionSpec,
    GenerationOptions,
    Image,
    Message,
    complete_stream,
)
from tests.fakes.openai_server import (
    Answer,
    Cut,
    Events,
    FunctionCalls,
    OpenAIServer,
    Page,
    Refusal,
    Reply,
    Stall,
)
from tests.services.chat_model_contract import ChatModelContract

QUESTION = (Message("user", "Привет! Это секретный вопрос."),)
TRIES = 3

# (reply, error): what servers are known to say
REFUSALS: tuple[tuple[Refusal, type[errors.ServiceError]], ...] = (
    (Refusal(401, {"error": "Invalid username or password."}), errors.AuthError),
    (
        Refusal(402, {"error": "You have exceeded your monthly included credits for ..."}),
        errors.QuotaExceeded,
    ),
    (Refusal(403, {"error": "This authentication method ..."}), errors.AccessDenied),
    (Refusal(404, {"error": {"message": "The model `x` does not exist."}}), errors.ModelNotFound),
    (
        Refusal(
            400,
            {
                "error": {
                    "message": "The requested model 'X' is not supported by any provider you "
                    "have enabled.",
                    "code": "model_not_supported",
                }
            },
        ),
        errors.ModelNotFound,
    ),
    (
        Refusal(400, {"error": {"message": "This model's maximum context length is 8192 tokens"}}),
        errors.ContextTooLong,
    ),
    (
        Refusal(422, {"error": "Input validation error: `inputs` tokens + ... must be <= 4096"}),
        errors.ContextTooLong,
    ),
    (Refusal(422, ["an", "odd", "list"]), errors.BadRequest),
    (Refusal(400, None), errors.BadRequest),
    (
        Refusal(400, {"error": {"message": "filtered", "code": "content_filter"}}),
        errors.ContentRejected,
    ),
    (
        Refusal(429, {"error": {"code": "insufficient_quota", "message": "exceeded"}}),
        errors.QuotaExceeded,
    ),
    (Refusal(504, {"error": "Gateway timeout"}), errors.Timeout),
    (
        Refusal(503, {"error": "Model test-model is currently loading", "estimated_time": 20.0}),
        errors.ModelLoading,
    ),
)

BROKEN: tuple[tuple[Reply, type[errors.ServiceError]], ...] = (
    (Events(words=2), errors.BadResponse),
    (Events(words=2, payloads=["[DONE]"]), errors.BadResponse),
    (Events(words=2, payloads=["{not json"]), errors.BadResponse),
    (Events(words=1, payloads=[{"error": {"message": "CUDA error"}}]), errors.Unavailable),
    (
        Events(words=1, payloads=[{"error": "overloaded", "error_type": "overloaded"}]),
        errors.Unavailable,
    ),
    (Events(words=1, payloads=[["odd"]]), errors.BadResponse),
    (Cut(words=2), errors.Unavailable),
    (Stall(words=1), errors.Timeout),
    (Answer(finish_reason="content_filter"), errors.ContentRejected),
    (Page(), errors.BadResponse),
)


def named(cases: Sequence[tuple[Reply, type[errors.ServiceError]]]) -> list[object]:
    return [pytest.param(reply, kind, id=f"{reply}"[:60]) for reply, kind in cases]


async def ask(model: ChatModel, *, streamed: bool, **options: object) -> str:
    given = GenerationOptions(**options)
    if streamed:
        return (await complete_stream(model.stream(QUESTION, given))).text
    return (await model.complete(QUESTION, given)).text


class ChatCompletionsContract(ChatModelContract):
    async def test_sends_the_conversation_and_what_was_set(
        self, model: ChatModel, server: OpenAIServer
    ) -> None:
        await ask(model, streamed=False, temperature=0.0, max_tokens=7, stop=("\n",), top_k=5)
        body = server.bodies[0]
        body.pop("stream", None)  # one of the clients says False
        assert body == {
            "model": "test-model",
            "messages": [{"role": "user", "content": QUESTION[0].content}],
            "temperature": 0.0,
            "max_tokens": 7,
            "stop": ["\n"],
        }

    @pytest.mark.parametrize("streamed", [True, False])
    async def test_sends_pictures_as_data_urls(
        self,
        model: ChatModel,
        server: OpenAIServer,
        streamed: bool,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("VISION_MODELS", "another, test-*")
        images = (Image(b"\xff\xd8one"), Image(b"two", "image/png"))
        question = [Message("user", "Что тут?", attachments=images)]
        if streamed:
            await complete_stream(model.stream(question))
        else:
            await model.complete(question)
        assert server.bodies[0]["messages"] == [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Что тут?"},
                    {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,/9hvbmU="}},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,dHdv"}},
                ],
            }
        ]
        assert await model.count_tokens(question) > 2000

    async def test_a_model_that_does_not_see_is_not_asked(
        self, model: ChatModel, server: OpenAIServer
    ) -> None:
        with pytest.raises(errors.CannotSee) as caught:
            await model.complete([Message("user", "?", attachments=(Image(b"x"),))])
        assert caught.value.model == "test-model"
        assert caught.value.suggestion
        assert not server.calls

    async def test_asks_a_stream_for_its_usage(
        self, model: ChatModel, server: OpenAIServer
    ) -> None:
        completion = await complete_stream(model.stream(QUESTION))
        assert server.bodies[0]["stream_options"] == {"include_usage": True}
        assert completion.usage is not None
        assert not completion.usage.approximate
        assert completion.usage.prompt_tokens == 7

    @pytest.mark.parametrize("streamed", [True, False])
    async def test_counts_tokens_itself_when_the_server_does_not(
        self, model: ChatModel, server: OpenAIServer, streamed: bool
    ) -> None:
        server.enqueue(Answer(usage=False))
        if streamed:
            completion = await complete_stream(model.stream(QUESTION))
        else:
            completion = await model.complete(QUESTION)
        assert completion.usage is not None
        assert completion.usage.approximate
        assert completion.usage.prompt_tokens == await model.count_tokens(QUESTION)

    async def test_tells_a_cut_answer_from_a_finished_one(
        self, model: ChatModel, server: OpenAIServer
    ) -> None:
        server.enqueue(Answer("до предела", finish_reason="length"))
        assert (await model.complete(QUESTION)).finish_reason == "length"

    @pytest.mark.parametrize("streamed", [True, False])
    async def test_calls_a_function(
        self, model: ChatModel, server: OpenAIServer, streamed: bool
    ) -> None:
        server.enqueue(FunctionCalls("weather", '{"city": "Пермь"}'))
        spec = FunctionSpec("weather", "Погода в городе", {"type": "object"})
        options = GenerationOptions(functions=(spec,), function_call="weather")
        if streamed:
            completion = await complete_stream(model.stream(QUESTION, options))
        else:
            completion = await model.complete(QUESTION, options)
        call = FunctionCall("weather", {"city": "Пермь"})
        assert (completion.finish_reason, completion.function_call) == ("function_call", call)
        assert server.bodies[0]["tools"][0]["function"]["name"] == "weather"
        assert server.bodies[0]["tool_choice"]["function"] == {"name": "weather"}

        asked = Message("assistant", "", function_call=call)
        await model.complete([*QUESTION, asked, Message("function", '{"t": 5}', name="weather")])
        *_, turn, result = server.bodies[1]["messages"]
        assert turn["tool_calls"][0]["id"] == result["tool_call_id"]
        assert result["role"] == "tool"

    async def test_refuses_a_call_without_sense(
        self, model: ChatModel, server: OpenAIServer
    ) -> None:
        server.enqueue(FunctionCalls("weather", "[1]"))
        with pytest.raises(errors.BadResponse):
            await model.complete(QUESTION)

    @pytest.mark.parametrize("streamed", [True, False])
    @pytest.mark.parametrize(("reply", "kind"), named(REFUSALS))
    async def test_tells_refusals_apart(
        self,
        model: ChatModel,
        server: OpenAIServer,
        reply: Refusal,
        kind: type[errors.ServiceError],
        streamed: bool,
    ) -> None:
        server.enqueue(reply)
        with pytest.raises(errors.ServiceError) as caught:
            await ask(model, streamed=streamed)
        assert type(caught.value) is kind
        assert len(server.calls) == 1, "no sense in trying again"

    async def test_keeps_the_servers_words_out_of_the_message(
        self, model: ChatModel, server: OpenAIServer
    ) -> None:
        echo = [{"loc": ["messages"], "input": QUESTION[0].content}]
        server.enqueue(Refusal(422, {"detail": echo}))
        with pytest.raises(errors.BadRequest) as caught:
            await model.complete(QUESTION)
        assert "секретный" not in str(caught.value)
        assert "422" in str(caught.value)

    @pytest.mark.parametrize(("reply", "kind"), named(BROKEN))
    async def test_tells_broken_streams_apart(
        self,
        model: ChatModel,
        server: OpenAIServer,
        reply: Reply,
        kind: type[errors.ServiceError],
    ) -> None:
        server.enqueue(reply)
        with pytest.raises(errors.ServiceError) as caught:
            await ask(model, streamed=True)
        assert type(caught.value) is kind
        assert len(server.calls) == 1, "a stream that has begun is not repeated"
        assert await ask(model, streamed=True) == "Привет! Меня зовут Проба."

    @pytest.mark.parametrize(
        "page", [Page(), Page("{}", "application/json"), Page("null", "application/json")]
    )
    async def test_is_not_fooled_by_a_page(
        self, model: ChatModel, server: OpenAIServer, page: Page
    ) -> None:
        server.enqueue(page)
        with pytest.raises(errors.BadResponse):
            await ask(model, streamed=False)

    @pytest.mark.parametrize("streamed", [True, False])
    @pytest.mark.parametrize(
        "fault",
        [
            Refusal(500, {"error": "oops"}),
            Refusal(502, "Bad gateway"),
            Refusal(429, {"error": "slow down"}, {"Retry-After": "0"}),
            Cut(),
        ],
        ids=lambda fault: f"{fault}"[:40],
    )
    async def test_tries_again_before_the_first_chunk(
        self, model: ChatModel, server: OpenAIServer, fault: Reply, streamed: bool
    ) -> None:
        server.enqueue(fault, fault)
        assert await ask(model, streamed=streamed)
        assert len(server.calls) == TRIES

    async def test_gives_up_after_three_tries(self, model: ChatModel, server: OpenAIServer) -> None:
        server.enqueue(*[Refusal(503, {"error": "no capacity"})] * TRIES)
        with pytest.raises(errors.Unavailable):
            await model.complete(QUESTION)
        assert len(server.calls) == TRIES

    async def test_leaves_a_long_wait_to_the_user(
        self, model: ChatModel, server: OpenAIServer
    ) -> None:
        server.enqueue(Refusal(429, {"error": "slow down"}, {"Retry-After": "77"}))
        with pytest.raises(errors.RateLimited) as caught:
            await model.complete(QUESTION)
        assert caught.value.retry_after == 77
        assert len(server.calls) == 1

    @pytest.mark.parametrize("streamed", [True, False])
    async def test_a_silent_server_is_a_timeout(
        self, model: ChatModel, server: OpenAIServer, streamed: bool
    ) -> None:
        server.enqueue(Stall())
        with pytest.raises(errors.Timeout):
            await ask(model, streamed=streamed)
        assert len(server.calls) == 1

    async def test_leaving_frees_the_server(self, model: ChatModel, server: OpenAIServer) -> None:
        stall = Stall(words=3)
        server.enqueue(stall)
        async with aclosing(model.stream(QUESTION)) as stream:
            await anext(stream)
        await asyncio.wait_for(stall.left.wait(), 5)

    async def test_cancelling_frees_the_server(
        self, model: ChatModel, server: OpenAIServer
    ) -> None:
        stall = Stall()
        server.enqueue(stall)
        task = asyncio.create_task(model.complete(QUESTION))
        await asyncio.wait_for(stall.arrived.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(stall.left.wait(), 5)
