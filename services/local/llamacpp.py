"""`LlamaCppModel`: a GGUF file on llama.cpp, behind `ChatModel`.

llama.cpp runs in a process of its own (`llama_process`) and is asked over loopback HTTP with
a random key. Here is what it leaves open: a bounded fair queue (`slots`), prompts in which
people's text can't become special tokens (`llama_prompts`), deadlines, and prefixes that are
read once, kept on disk and restored into every slot (`prefixes`).
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import aiohttp

from services.chat import (
    DEFAULT_OPTIONS,
    AnswerBuilder,
    Chunk,
    Completion,
    FinishReason,
    FunctionCall,
    GenerationOptions,
    Message,
    Usage,
    complete_stream,
)
from services.errors import BadRequest, BadResponse, ServiceError, Timeout, Unavailable
from services.local import weights
from services.local.background import SERVICE, BackgroundLoad, LoadsInBackground
from services.local.config import EMBEDDED, LocalModelSettings
from services.local.gguf_files import display_name, find_file
from services.local.llama_functions import (
    choice_of,
    chosen,
    forced_function,
    leaves_choice,
    with_function,
    written_arguments,
)
from services.local.llama_prompts import LlamaPrompts
from services.local.llama_server import LlamaServer
from services.local.prefixes import Prefixes
from services.local.slots import Slot, Slots
from services.local.text import AnswerText, Loop
from services.vision import check_pictures

logger = logging.getLogger(__name__)

MAX_PREFIXES = 8  # that every prompt is compared with
MAX_LINE = 1 << 20  # of a stream: the last one carries more than text
# A small model at the article's temperature invents words, and a penalty for repeating makes it
# avoid the right one: of 56 questions it answers 42 without, 40 with the article's 1.1.
EMBEDDED_DEFAULTS = GenerationOptions(temperature=0.0, repetition_penalty=1.05)

# It also slips into Latin letters inside a Russian word («Токyo»): a word has one alphabet.
ONE_ALPHABET = """
root ::= other* (word other+)* word?
word ::= [а-яА-ЯёЁ]+ | [a-zA-Z]+
other ::= [^a-zA-Zа-яА-ЯёЁ]
"""


@dataclass(frozen=True, slots=True)
class Request:
    """What one generation needs."""

    body: dict[str, Any]
    tokens: tuple[int, ...]
    stop: tuple[str, ...]
    owner: int
    function: str | None


class LlamaCppModel(LoadsInBackground[LlamaServer]):
    """It begins to load at once, in the background; calls wait till it is loaded.

    `gguf` is EMBEDDED, a path, or `repository:file.gguf` of the hub.
    """

    def __init__(self, settings: LocalModelSettings, gguf: str) -> None:
        self._settings = settings
        self._gguf = gguf
        self._download = weights.Download(settings.weights_folder, self._report)
        self._loading = BackgroundLoad(self._load, LlamaServer.close)
        self._slots = Slots(settings.parallel, settings.queue_size)
        self._prompts = LlamaPrompts(self._post)
        self._prefixes = Prefixes(settings.data_dir / "models" / "prefixes", self._post)
        self._session: aiohttp.ClientSession | None = None
        self._loading.start()

    @property
    def name(self) -> str:
        return display_name(self._gguf)

    @property
    def context_length(self) -> int:
        server = self._loading.loaded
        return server.context if server else self._settings.context_length

    async def warm_up(self, messages: Sequence[Message]) -> None:
        """Read ahead what all prompts begin with, once for all conversations and restarts."""
        server = await self._loading.result()
        tokens = await self._prompts.prefix(messages)
        if len(tokens) >= server.context // 2 or tokens in self._slots.prefixes:
            return
        if not self._prefixes.known(server.identity, tokens):
            async with self._slots.take("warm-up", tokens, self._settings.queue_timeout) as slot:
                await self._prefixes.read(server.identity, tokens, slot.number)
                slot.tokens = tokens
        self._slots.prefixes.append(tokens)
        del self._slots.prefixes[:-MAX_PREFIXES]

    async def complete(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> Completion:
        return await complete_stream(self.stream(messages, options))

    async def stream(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> AsyncGenerator[Chunk, None]:
        if not messages:
            raise ValueError("messages is empty")
        check_pictures(messages, self.name, "local")
        server = await self._loading.result()
        if leaves_choice(options):
            choice = await self.complete(messages, choice_of(options))
            options = replace(options, function_call=chosen(choice.function_call))
        request = await self._request(server, messages, options)
        began = time.monotonic()
        async with self._slots.take(
            request.owner, request.tokens, self._settings.queue_timeout
        ) as slot:
            await self._restore_prefix(server, slot, request.tokens)
            slot.tokens = request.tokens
            answer = self._answer(server, slot, request, began)
            async with aclosing(answer):
                async for chunk in answer:
                    yield chunk

    async def count_tokens(self, messages: Sequence[Message]) -> int:
        await self._loading.result()
        return await self._prompts.count(messages)

    async def aclose(self) -> None:
        self._download.stop()
        server = self._loading.close()
        if server is not None:
            await asyncio.to_thread(server.close)  # ends the streams: their readers hear it
        if self._session is not None:
            await self._session.close()

    # --- loading

    def _report(self, share: float, stage: str) -> None:
        self._loading.report(share, stage)
        logger.info("%s: %s", self.name, stage)

    def _load(self) -> LlamaServer:
        path = self._download.run() if self._gguf == EMBEDDED else find_file(self._gguf)
        self._loading.report(0.98, "загружаю")
        return LlamaServer.start(path, self._settings, self._prefixes.folder)

    # --- one request

    async def _request(
        self, server: LlamaServer, messages: Sequence[Message], options: GenerationOptions
    ) -> Request:
        defaults = self._settings.defaults(
            EMBEDDED_DEFAULTS if self._gguf == EMBEDDED else GenerationOptions()
        )
        max_tokens = min(
            options.max_tokens or defaults.max_tokens or 1, max(1, server.context // 2)
        )
        owner = conversation_of(messages)
        function = forced_function(options)
        if function:
            messages = with_function(messages, function)
        tokens = await self._prompts.render(messages, server.context - max_tokens)
        body = {
            "prompt": tokens,
            "n_predict": max_tokens,
            "stream": True,
            "cache_prompt": True,
            "return_tokens": True,
            "timings_per_token": True,
            **sampling(options, defaults),
        }
        if function:
            body |= {"json_schema": dict(function.parameters), "repeat_penalty": 1.0}
        elif self._gguf == EMBEDDED:
            body["grammar"] = ONE_ALPHABET
        name = function.name if function else None
        return Request(body, tuple(tokens), options.stop, owner, name)

    async def _restore_prefix(
        self, server: LlamaServer, slot: Slot, tokens: tuple[int, ...]
    ) -> None:
        prefix = self._slots.missing_prefix(slot, tokens)
        if prefix is None:
            return
        if not await self._prefixes.restore(server.identity, prefix, slot.number):
            self._slots.prefixes.remove(prefix)  # it will be read with the prompt

    async def _answer(
        self, server: LlamaServer, slot: Slot, request: Request, began: float
    ) -> AsyncGenerator[Chunk, None]:
        builder, text, loop = AnswerBuilder(self.name), AnswerText(request.stop), Loop()
        reason: FinishReason = "length"
        usage, call, tail = Usage(len(request.tokens), 0), "", ""
        events = self._events(server, {**request.body, "id_slot": slot.number}, began)
        async with aclosing(events):
            async for event in events:
                piece = event.get("content", "").replace("\ufffd", "")
                usage = usage_of(event, usage)
                if request.function:
                    call += piece
                elif shown := text.take(piece):
                    if text.stopped or event.get("stop"):
                        tail = shown
                    else:
                        yield builder.add(shown)
                if event.get("stop") and event.get("stop_type") != "limit":
                    reason = "stop"
                if text.stopped or (not request.function and loop.closes(piece)):
                    reason = "stop"
                    break
        if request.function:
            yield self._finish_call(builder, request.function, call, usage)
            return
        yield builder.finish(reason, usage, tail=tail + text.finish())

    def _finish_call(
        self, builder: AnswerBuilder, function: str, written: str, usage: Usage
    ) -> Chunk:
        arguments = written_arguments(written)
        if arguments is None:
            raise BadResponse("the arguments of the function were cut off", service=SERVICE)
        return builder.finish("function_call", usage, FunctionCall(function, arguments))

    async def _events(
        self, server: LlamaServer, body: dict[str, Any], began: float
    ) -> AsyncGenerator[dict[str, Any], None]:
        """The events of one generation; closing it ends the generation within a token."""
        start_by = began + self._settings.queue_timeout
        end_by = began + self._settings.timeout
        last: dict[str, Any] = {}
        try:
            async with self._http(server).post(
                f"{server.address}/completion", json=body, headers=server.headers
            ) as response:
                lines = response.content
                while not last.get("stop"):
                    left = (end_by if last else min(start_by, end_by)) - time.monotonic()
                    async with asyncio.timeout(max(0.0, left)):
                        line = await lines.readline()
                    if not line:
                        raise self._lost(server)
                    if line.startswith(b"data:"):
                        last = json.loads(line[5:])
                        raise_error(last)
                        yield last
        except TimeoutError:
            raise Timeout("the answer took too long", service=SERVICE) from None
        except aiohttp.ClientError as error:
            raise self._lost(server) from error

    # --- HTTP

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        server = await self._loading.result()
        try:
            async with self._http(server).post(
                server.address + path, json=body, headers=server.headers
            ) as response:
                answer: dict[str, Any] = await response.json()
        except aiohttp.ClientError as error:
            raise self._lost(server) from error
        raise_error(answer)
        return answer

    def _http(self, server: LlamaServer) -> aiohttp.ClientSession:
        if self._session is None:
            # No timeouts of its own: every call here has its deadline, or is a moment's work.
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=None),
                # llama.cpp closes a connection after some requests or seconds, without a word:
                # one that is used once can't be caught at that moment.
                connector=aiohttp.TCPConnector(limit=0, force_close=True),
                read_bufsize=MAX_LINE,
            )
        return self._session

    def _lost(self, server: LlamaServer) -> ServiceError:
        """The process is gone, or going; the next question starts another one."""
        if server.has_died:
            logger.error("llama.cpp has died: %s", server.last_words)
            self._loading.forget(server)
            server.close()  # only its pipes are left
        return Unavailable("llama.cpp broke off", service=SERVICE)


def raise_error(answer: dict[str, Any]) -> None:
    """Raise the error that llama.cpp answered with; its message may quote a prompt."""
    if (error := answer.get("error")) is None:
        return
    code = error.get("code") if isinstance(error, dict) else None
    if code == 503:
        raise Unavailable("llama.cpp is busy", service=SERVICE)
    raise BadRequest(f"llama.cpp refused the request: {code}", service=SERVICE)


def sampling(options: GenerationOptions, defaults: GenerationOptions) -> dict[str, Any]:
    """The request's own values, else the defaults, in llama.cpp's words."""

    def pick(value: float | None, default: float | None, neutral: float) -> float:
        return next((one for one in (value, default) if one is not None), neutral)

    return {
        "temperature": pick(options.temperature, defaults.temperature, 0.0),
        "top_p": pick(options.top_p, defaults.top_p, 1.0),
        "top_k": options.top_k or 0,
        "min_p": 0.0,
        "repeat_penalty": pick(options.repetition_penalty, defaults.repetition_penalty, 1.0),
        "seed": -1 if options.seed is None else options.seed % (1 << 32),
    }


def usage_of(event: dict[str, Any], before: Usage) -> Usage:
    timings = event.get("timings")
    if not timings:
        return before
    return Usage(before.prompt_tokens, timings["predicted_n"], timings["cache_n"])


def conversation_of(messages: Sequence[Message]) -> int:
    """What tells one conversation from another: how it began."""
    turns = [message for message in messages if message.role != "system"]
    return hash((turns or messages)[0])
