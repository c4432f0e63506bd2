"""GigaChat over HTTP: one connection pool, one token, a bounded number of answers at once."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any

import aiohttp

from services.chat import DEFAULT_OPTIONS, Chunk, Completion, GenerationOptions, Message
from services.env import missing
from services.errors import RateLimited, ServiceError, Unavailable
from services.gigachat.auth import Token, TokenRefused, TokenSource, parse_token
from services.gigachat.config import GigaChatSettings
from services.gigachat.events import DONE, EventDecoder
from services.gigachat.failures import (
    bad,
    oauth_error,
    retry_delay,
    status_error,
    transport_errors,
)
from services.gigachat.reply import (
    ModelInfo,
    StreamedAnswer,
    parse_balance,
    parse_completion,
    parse_embeddings,
    parse_json,
    parse_models,
    parse_token_counts,
)
from services.gigachat.request import JSON, chat_request, encode, session_id
from services.gigachat.slots import Slots

USER_AGENT = "telegram-bots-gigachat/1.0"  # requests without one are refused
KEEPALIVE = 10.0  # the service closes idle connections at 15 s: don't race it
ERROR_BODY = 16 * 1024  # bytes of an error's body that are looked at
EMBEDDING_MODEL = "Embeddings"

logger = logging.getLogger(__name__)


class GigaChatModel:
    """GigaChat as a ChatModel, with the rest of its API beside it.

    Nothing is sent before the first request; `async with` or `aclose` frees the pool.
    A request is retried while nothing of its answer has come. What holds a slot is an
    answer under way: a stream until it is closed.
    """

    def __init__(self, settings: GigaChatSettings) -> None:
        if settings.client_basic is None:
            raise missing("GIGA_CLIENT_BASIC")
        self._settings = settings
        self._key = settings.client_basic
        self._api_url = settings.api_url
        self._tokens = TokenSource(self._fetch_token)
        self._slots = Slots(settings.parallel, patience=settings.answer_timeout)
        self._session: aiohttp.ClientSession | None = None
        self._opening = asyncio.Lock()

    @property
    def name(self) -> str:
        return self._settings.model

    @property
    def context_length(self) -> int:
        return self._settings.context_length

    async def __aenter__(self) -> GigaChatModel:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def complete(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> Completion:
        """Answer the conversation; see `ChatModel`."""
        request = chat_request(self.name, messages, options)
        async with self._slots:
            reply = await self._call("POST", "/chat/completions", request)
        return parse_completion(reply, self.name)

    async def stream(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> AsyncGenerator[Chunk, None]:
        """Answer piece by piece; see `ChatModel`."""
        request = chat_request(self.name, messages, options, stream=True)
        answer = StreamedAnswer(self.name)
        decoder = EventDecoder()
        async with self._slots, self._open("POST", "/chat/completions", request) as response:
            # Not by lines: aiohttp bounds their length.
            async for packet in response.content.iter_any():
                for event in decoder.feed(packet):
                    if event == DONE:
                        yield answer.finish()
                        return
                    if chunk := answer.feed(event):
                        yield chunk
        raise bad("the stream ended without [DONE]")

    async def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the messages' texts, by the service's own count."""
        texts = [message.content for message in messages]
        if not texts:
            return 0
        request = {"model": self.name, "input": texts}
        return parse_token_counts(await self._call("POST", "/tokens/count", request))

    async def models(self) -> tuple[ModelInfo, ...]:
        """What the key may use."""
        return parse_models(await self._call("GET", "/models"))

    async def balance(self) -> Mapping[str, int]:
        """Tokens left by model; AccessDenied where the service is paid for as it is used."""
        return parse_balance(await self._call("GET", "/balance"))

    async def embeddings(
        self, texts: Sequence[str], model: str = EMBEDDING_MODEL
    ) -> list[list[float]]:
        """A vector for each text, in their order."""
        request = {"model": model, "input": list(texts)}
        async with self._slots:
            reply = await self._call("POST", "/embeddings", request)
        return parse_embeddings(reply, len(texts))

    async def aclose(self) -> None:
        await self._tokens.aclose()
        async with self._opening:
            if self._session is not None:
                await self._session.close()

    async def _call(self, method: str, path: str, request: JSON | None = None) -> Any:
        async with self._open(method, path, request) as response:
            return parse_json(await response.read())

    @asynccontextmanager
    async def _open(
        self, method: str, path: str, request: JSON | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An accepted response; whatever of it is unread at the end is dropped at once."""
        call = _Call(method, self._api_url + path, request, self._settings.answer_timeout)
        token = await self._tokens.get()
        try:
            response = await self._send_patiently(call, token)
        except TokenRefused:
            token = await self._tokens.get(refused=token)
            response = await self._send_patiently(call, token)
        try:
            with transport_errors():
                yield response
        finally:
            response.release()  # returns the connection if all of it was read, else closes it

    async def _send_patiently(self, call: _Call, token: Token) -> aiohttp.ClientResponse:
        """Send, and send again after what may pass: a full queue, a fault, a lost connection."""
        for attempt in range(self._settings.max_retries):
            try:
                return await self._send(call, token)
            except (RateLimited, Unavailable) as error:
                delay = retry_delay(error, attempt)
                if delay is None or delay >= call.time_left():
                    raise
                logger.warning("%s; the next try is in %.1f s", error, delay)
            await asyncio.sleep(delay)
        return await self._send(call, token)

    async def _send(self, call: _Call, token: Token) -> aiohttp.ClientResponse:
        session = await self._open_session()
        headers = {**call.headers, "Authorization": f"Bearer {token.value}"}
        timeout = self._timeout(call.time_left(), call.whole_answer)
        with transport_errors():
            response = await session.request(
                call.method,
                call.url,
                data=call.body,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
            )
            if response.status == 200:
                return response
            reply = await _error_body(response)
        raise status_error(response.status, reply, response.headers, call.request_id)

    async def _fetch_token(self) -> Token:
        """Call the OAuth service once."""
        session = await self._open_session()
        request_id = str(uuid.uuid4())
        headers = {"Authorization": f"Basic {self._key.get_secret_value()}", "RqUID": request_id}
        with transport_errors():
            response = await session.post(
                self._settings.auth_url,
                data={"scope": self._settings.scope},
                headers={**headers, "Accept": "application/json"},
                timeout=self._timeout(self._settings.answer_timeout),
                allow_redirects=False,
            )
            try:
                if response.status == 200:
                    return parse_token(parse_json(await response.read()), time.time())
                reply = await _error_body(response)
            finally:
                response.release()
        raise oauth_error(response.status, reply, response.headers, request_id)

    def _timeout(self, total: float, whole_answer: bool = False) -> aiohttp.ClientTimeout:
        """The deadline (aiohttp's total covers the reading of the answer) and its parts.

        An answer that isn't streamed is silent until it is complete.
        """
        settings = self._settings
        return aiohttp.ClientTimeout(
            total=total,
            sock_connect=settings.connect_timeout,
            sock_read=None if whole_answer else settings.read_timeout,
        )

    async def _open_session(self) -> aiohttp.ClientSession:
        """The pool, opened inside the loop that uses it; the trust store is read off the loop."""
        if self._session is not None:
            return self._session
        async with self._opening:
            if self._session is None:
                if not self._settings.verify_ssl:
                    logger.warning("GIGA_VERIFY_SSL=false: TLS certificates are not checked")
                trust = await asyncio.to_thread(self._settings.ssl_context)
                self._session = aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(ssl=trust, keepalive_timeout=KEEPALIVE),
                    cookie_jar=aiohttp.DummyCookieJar(),
                    headers={"User-Agent": USER_AGENT},
                )
            return self._session


class _Call:
    """One request with its identity and deadline, the same over all its tries."""

    __slots__ = ("_deadline", "body", "headers", "method", "request_id", "url", "whole_answer")

    def __init__(self, method: str, url: str, request: JSON | None, answer_timeout: float) -> None:
        self.method = method
        self.url = url
        self.request_id = str(uuid.uuid4())
        self.headers = {"X-Request-ID": self.request_id, "Accept": "application/json"}
        self.body: bytes | None = None
        self.whole_answer = False
        self._deadline = time.monotonic() + answer_timeout
        if request is not None:
            self.body = encode(request)
            self.headers["Content-Type"] = "application/json"
            if "messages" in request:
                self.headers["X-Session-ID"] = session_id(request)
                self.whole_answer = "stream" not in request

    def time_left(self) -> float:
        return max(0.001, self._deadline - time.monotonic())


async def _error_body(response: aiohttp.ClientResponse) -> Any:
    """The JSON of an error, None when it is something else."""
    try:
        return parse_json(await response.content.read(ERROR_BODY))
    except ServiceError:
        return None
    finally:
        response.release()
