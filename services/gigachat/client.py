"""The GigaChat client: one connection pool, one access token, a bounded number of requests."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from types import TracebackType
from typing import Any, NamedTuple

import aiohttp

from services.chat import DEFAULT_OPTIONS, Chunk, Completion, GenerationOptions, Message
from services.env import missing
from services.errors import ServiceError, Unavailable
from services.gigachat.auth import Token, TokenRefused, TokenSource, parse_token
from services.gigachat.config import GigaChatSettings
from services.gigachat.error_mapping import (
    SERVICE,
    TRANSPORT_ERRORS,
    bad,
    oauth_error,
    status_error,
    transport_error,
)
from services.gigachat.events import DONE, EventDecoder
from services.gigachat.files import uploaded
from services.gigachat.limiter import RequestLimiter
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
from services.gigachat.request import JSON, beginning, chat_request, encode
from services.transport import RetryPolicy

USER_AGENT = "telegram-bots-gigachat/1.0"  # requests without one are refused
KEEPALIVE = 10.0  # the service closes idle connections at 15 s: don't race it
ERROR_BODY = 16 * 1024  # bytes of an error's body that are looked at
EMBEDDING_MODEL = "Embeddings"

logger = logging.getLogger(__name__)


class GigaChatModel:
    """GigaChat as a ChatModel, with the rest of its API beside it.

    Nothing is sent before the first request; `async with` or `aclose` frees the pool.
    A request is retried only while no part of its answer has come. An answer counts
    against GIGA_MAX_PARALLEL until it is complete; a stream, until it is closed.
    """

    def __init__(self, settings: GigaChatSettings) -> None:
        if settings.client_basic is None:
            raise missing("GIGA_CLIENT_BASIC")
        self._settings = settings
        self._key = settings.client_basic
        self._api_url = settings.api_url
        self._tokens = TokenSource(self._fetch_token)
        self._retries = RetryPolicy(settings.max_retries)
        self._limiter = RequestLimiter(settings.parallel, patience=settings.answer_timeout)
        self._session: aiohttp.ClientSession | None = None
        self._opening = asyncio.Lock()
        self._connecting = aiohttp.ClientTimeout(total=None, sock_connect=settings.connect_timeout)
        self._id_prefix = str(uuid.uuid4())[:24]
        self._numbers = itertools.count(1)

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
        async with uploaded(messages, self.name, self._ask) as file_ids:
            request = chat_request(self.name, messages, options, file_ids=file_ids)
            async with self._limiter:
                reply, token = await self._call(
                    "POST", "/chat/completions", request, self._settings.answer_timeout
                )
        try:
            return parse_completion(reply, self.name)
        except TokenRefused as error:
            raise self._expired(token) from error

    async def stream(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> AsyncGenerator[Chunk, None]:
        """Answer piece by piece; see `ChatModel`."""
        async with uploaded(messages, self.name, self._ask) as file_ids:
            request = chat_request(self.name, messages, options, stream=True, file_ids=file_ids)
            async with aclosing(self._stream(request)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def _stream(self, request: JSON) -> AsyncGenerator[Chunk, None]:
        answer = StreamedAnswer(self.name)
        decoder = EventDecoder()
        async with self._limiter:
            ends = time.monotonic() + self._settings.answer_timeout
            response, token = await self._open("POST", "/chat/completions", request, ends)
            try:
                while True:
                    packet = await response.content.readany()  # lines would be bounded by aiohttp
                    for event in decoder.feed(packet or b"\n"):  # the end completes the last line
                        if event == DONE:
                            yield answer.finish()
                            return
                        if chunk := answer.feed(event):
                            yield chunk
                    if not packet:
                        break
            except TRANSPORT_ERRORS as error:
                raise transport_error(error) from error
            except TokenRefused as error:
                raise self._expired(token) from error
            finally:
                response.release()  # closes the connection unless all of it was read
        raise bad("the stream ended without [DONE]")

    async def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the messages' texts, by the service's own count."""
        texts = [message.content for message in messages]
        if not texts:
            return 0
        request = {"model": self.name, "input": texts}
        return parse_token_counts(await self._ask("POST", "/tokens/count", request))

    async def models(self) -> tuple[ModelInfo, ...]:
        """The models that the key may use."""
        return parse_models(await self._ask("GET", "/models"))

    async def balance(self) -> Mapping[str, int]:
        """Tokens left by model; AccessDenied where the service is paid for as it is used."""
        return parse_balance(await self._ask("GET", "/balance"))

    async def embeddings(
        self, texts: Sequence[str], model: str = EMBEDDING_MODEL
    ) -> list[list[float]]:
        """The vector of each text, in the order of the texts."""
        request = {"model": model, "input": list(texts)}
        async with self._limiter:
            reply = await self._ask("POST", "/embeddings", request)
        return parse_embeddings(reply, len(texts))

    async def aclose(self) -> None:
        await self._tokens.aclose()
        async with self._opening:
            if self._session is not None:
                await self._session.close()

    async def _ask(
        self, method: str, path: str, request: JSON | aiohttp.BytesPayload | None = None
    ) -> Any:
        """Send a request within the read timeout and return the reply's JSON."""
        reply, _ = await self._call(method, path, request, self._settings.read_timeout)
        return reply

    async def _call(
        self, method: str, path: str, request: JSON | aiohttp.BytesPayload | None, limit: float
    ) -> tuple[Any, Token]:
        """The JSON of a whole reply, and the token that was used.

        The service sends nothing until the answer is complete, so one limit covers all of it.
        """
        try:
            async with asyncio.timeout(limit):
                response, token = await self._open(method, path, request)
                return await _json(response), token
        except TRANSPORT_ERRORS as error:
            raise transport_error(error) from error

    async def _open(
        self,
        method: str,
        path: str,
        request: JSON | aiohttp.BytesPayload | None = None,
        ends: float | None = None,
    ) -> tuple[aiohttp.ClientResponse, Token]:
        """Return an accepted response, which the caller releases, and the token that was used.

        `ends` is the deadline of a stream.
        """
        call = self._identify(method, path, request, ends)
        token = await self._tokens.get()
        try:
            return await self._retries.run(partial(self._send, call, token)), token
        except TokenRefused:
            token = await self._tokens.get(refused=token)
            return await self._retries.run(partial(self._send, call, token)), token

    def _expired(self, token: Token) -> ServiceError:
        """The error for a 401 inside a reply that HTTP had accepted.

        The key was good when the request was sent, so it is the token that has expired.
        The next request gets a new one.
        """
        self._tokens.discard(token)
        return Unavailable("the access token expired during the answer", service=SERVICE)

    def _identify(
        self,
        method: str,
        path: str,
        request: JSON | aiohttp.BytesPayload | None,
        ends: float | None,
    ) -> _Call:
        """Give a request its IDs: UUIDs that share this client's prefix."""
        request_id = f"{self._id_prefix}{next(self._numbers):012x}"
        headers = {"X-Request-ID": request_id}
        body = request if isinstance(request, aiohttp.BytesPayload) else None
        if isinstance(request, dict):
            body = aiohttp.BytesPayload(encode(request), content_type="application/json")
            if "messages" in request:
                session = beginning(request) & 0xFFFF_FFFF_FFFF
                headers["X-Session-ID"] = f"{self._id_prefix}{session:012x}"
        return _Call(method, self._api_url + path, body, headers, request_id, ends)

    async def _send(self, call: _Call, token: Token) -> aiohttp.ClientResponse:
        session = self._session or await self._open_session()
        try:
            response = await session.request(
                call.method,
                call.url,
                data=call.body,
                headers={**call.headers, "Authorization": f"Bearer {token.value}"},
                timeout=self._timeout(call.ends),
                allow_redirects=False,
            )
            if response.status == 200:
                return response
            reply = await _json_of_error(response)
        except TRANSPORT_ERRORS as error:
            raise transport_error(error) from error
        raise status_error(response.status, reply, response.headers, call.request_id)

    async def _fetch_token(self) -> Token:
        """Call the OAuth service once."""
        session = self._session or await self._open_session()
        key, request_id = self._key.get_secret_value(), str(uuid.uuid4())
        try:
            async with asyncio.timeout(self._settings.read_timeout):
                response = await session.post(
                    self._settings.auth_url,
                    data={"scope": self._settings.scope},
                    headers={"Authorization": f"Basic {key}", "RqUID": request_id},
                    allow_redirects=False,
                )
                if response.status == 200:
                    return parse_token(await _json(response), time.time())
                reply = await _json_of_error(response)
        except TRANSPORT_ERRORS as error:
            raise transport_error(error) from error
        raise oauth_error(response.status, reply, response.headers, request_id)

    def _timeout(self, ends: float | None) -> aiohttp.ClientTimeout:
        """The timeout of a stream; aiohttp's `total` covers reading the body too."""
        if ends is None:
            return self._connecting
        return aiohttp.ClientTimeout(
            total=max(0.001, ends - time.monotonic()),
            sock_connect=self._settings.connect_timeout,
            sock_read=self._settings.read_timeout,
        )

    async def _open_session(self) -> aiohttp.ClientSession:
        """Open the pool inside the loop that uses it; load the trust store in a thread."""
        async with self._opening:
            if self._session is None:
                if not self._settings.verify_ssl:
                    logger.warning("GIGA_VERIFY_SSL=false: TLS certificates are not checked")
                trust = await asyncio.to_thread(self._settings.ssl_context)
                self._session = aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(ssl=trust, keepalive_timeout=KEEPALIVE, limit=0),
                    cookie_jar=aiohttp.DummyCookieJar(),
                    # A packed stream comes in lumps, hence "identity".
                    headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
                    timeout=self._connecting,
                )
            return self._session


class _Call(NamedTuple):
    """A request with its IDs, which stay the same over all tries."""

    method: str
    url: str
    body: aiohttp.BytesPayload | None
    headers: dict[str, str]
    request_id: str
    ends: float | None  # deadline of a stream, on the monotonic clock


async def _json(response: aiohttp.ClientResponse) -> Any:
    try:
        return parse_json(await response.read())
    finally:
        response.release()


async def _json_of_error(response: aiohttp.ClientResponse) -> Any:
    """The JSON of an error reply; None when it is not JSON."""
    try:
        return parse_json(await response.content.read(ERROR_BODY))
    except ServiceError:
        return None
    finally:
        response.release()
