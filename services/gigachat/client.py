"""The GigaChat client: one connection pool, one access token, a bounded number of requests."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, NamedTuple

import aiohttp

from services.chat import (
    DEFAULT_OPTIONS,
    BuiltinTool,
    Chunk,
    Completion,
    GenerationOptions,
    Message,
)
from services.env import missing
from services.errors import ModelRefused, ServiceError, Unavailable
from services.gigachat import reply as reply_v1
from services.gigachat import reply_v2, request_v2
from services.gigachat import request as request_v1
from services.gigachat.auth import Token, TokenRefused, TokenSource, parse_token
from services.gigachat.config import ApiVersion, GigaChatSettings
from services.gigachat.error_mapping import (
    SERVICE,
    TRANSPORT_ERRORS,
    bad,
    oauth_error,
    status_error,
    transport_error,
)
from services.gigachat.events import DONE, EventDecoder
from services.gigachat.files import checked_file_id, file_form, parse_file_id
from services.gigachat.json_fields import JSON, parse_json
from services.gigachat.limiter import RequestLimiter
from services.gigachat.pictures import uploaded
from services.gigachat.reply import (
    ModelInfo,
    parse_balance,
    parse_embeddings,
    parse_models,
    parse_token_counts,
)
from services.gigachat.request import beginning, encode
from services.gigachat.request_v2 import BUILTIN_TOOLS
from services.transport import RetryPolicy

USER_AGENT = "telegram-bots-gigachat/1.0"  # requests without one are refused
KEEPALIVE = 10.0  # the service closes idle connections at 15 s: don't race it
ERROR_BODY = 16 * 1024  # bytes of an error's body that are looked at
EMBEDDING_MODEL = "Embeddings"
MAX_FILE = 20 * 1024 * 1024  # bytes of a file that is fetched
MODELS_TIMEOUT = 5.0  # seconds for the list of models that an error names
AFTER_END = 2.0  # seconds for what may follow the end of an answer

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
        self._chat_url = settings.chat_url
        self._api = _CHAT_APIS[settings.chat_version]
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
        async with uploaded(messages, self) as shown:
            return await self._complete(shown, options)

    async def _complete(
        self, messages: Sequence[Message], options: GenerationOptions
    ) -> Completion:
        call = self._chat(messages, options, stream=False)
        token = None
        async with self._limiter:
            try:
                reply, token = await self._call(call, self._settings.answer_timeout)
                return self._api.parse(reply, self.name)
            except TokenRefused as error:
                raise (self._expired(token) if token else error) from error
            except ModelRefused as error:
                await self._name_models(error)
                raise

    async def stream(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> AsyncGenerator[Chunk, None]:
        """Answer piece by piece; see `ChatModel`."""
        async with (
            uploaded(messages, self) as shown,
            aclosing(self._stream(shown, options)) as chunks,
        ):
            async for chunk in chunks:
                yield chunk

    async def _stream(
        self, messages: Sequence[Message], options: GenerationOptions
    ) -> AsyncGenerator[Chunk, None]:
        call = self._chat(messages, options, stream=True)
        answer = self._api.answer(self.name)
        decoder = EventDecoder()
        async with self._limiter:
            ends = time.monotonic() + self._settings.answer_timeout
            try:
                response, token = await self._open(call, ends)
            except ModelRefused as error:
                await self._name_models(error)
                raise
            try:
                while True:
                    packet = await _next_packet(response, answer.ended)
                    for event in decoder.feed(packet or b"\n"):  # the end completes the last line
                        if event == DONE:
                            yield answer.finish()
                            return
                        if chunk := answer.feed(event):
                            yield chunk
                    if not packet:
                        break
                if answer.ended:
                    yield answer.finish()
                    return
            except TRANSPORT_ERRORS as error:
                raise transport_error(error) from error
            except TokenRefused as error:
                raise self._expired(token) from error
            finally:
                response.release()  # closes the connection unless all of it was read
        raise bad("the stream was cut")

    async def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the messages' texts, by the service's own count."""
        texts = [message.content for message in messages]
        if not texts:
            return 0
        request = {"model": self.name, "input": texts}
        return parse_token_counts(await self._ask("POST", "/tokens/count", request))

    @property
    def builtin_tools(self) -> frozenset[BuiltinTool]:
        """The tools that the service runs for this model: version 1 of the API has none."""
        return BUILTIN_TOOLS if self._settings.chat_version == "v2" else frozenset()

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

    async def upload_file(self, content: bytes, filename: str, mime: str) -> str:
        """Store a file for the chats of this key; return its ID."""
        boundary = uuid.uuid4().hex
        call = self._identify("POST", f"{self._api_url}/files")
        call = call._replace(
            body=aiohttp.BytesPayload(
                file_form(content, filename, mime, boundary),
                content_type=f"multipart/form-data; boundary={boundary}",
            )
        )
        reply, _ = await self._call(call, self._settings.answer_timeout)
        return parse_file_id(reply)

    async def file_content(self, file_id: str) -> bytes:
        """The content of a file: one that was uploaded, or that a tool of the service made."""
        call = self._identify("GET", f"{self._api_url}/files/{checked_file_id(file_id)}/content")
        try:
            async with asyncio.timeout(self._settings.answer_timeout):
                response, _ = await self._open(call)
                return await _bounded(response, MAX_FILE)
        except TRANSPORT_ERRORS as error:
            raise transport_error(error) from error

    async def delete_file(self, file_id: str) -> None:
        """Delete a file that was uploaded."""
        await self._ask("POST", f"/files/{checked_file_id(file_id)}/delete", {})

    async def aclose(self) -> None:
        await self._tokens.aclose()
        async with self._opening:
            if self._session is not None:
                await self._session.close()

    def _chat(
        self, messages: Sequence[Message], options: GenerationOptions, *, stream: bool
    ) -> _Call:
        """A chat request; a conversation's requests share an X-Session-ID."""
        if self._settings.reasoning_effort and options.reasoning_effort is None:
            options = replace(options, reasoning_effort=self._settings.reasoning_effort)
        request = self._api.request(self.name, messages, options, stream)
        call = self._identify("POST", self._chat_url, request)
        session = beginning(self.name, messages) & 0xFFFF_FFFF_FFFF
        call.headers["X-Session-ID"] = f"{self._id_prefix}{session:012x}"
        return call

    async def _ask(self, method: str, path: str, request: JSON | None = None) -> Any:
        """Send a request within the read timeout and return the reply's JSON."""
        call = self._identify(method, self._api_url + path, request)
        reply, _ = await self._call(call, self._settings.read_timeout)
        return reply

    async def _call(self, call: _Call, limit: float) -> tuple[Any, Token]:
        """The JSON of a whole reply, and the token that was used.

        The service sends nothing until the answer is complete, so one limit covers all of it.
        """
        try:
            async with asyncio.timeout(limit):
                response, token = await self._open(call)
                return await _json(response), token
        except TRANSPORT_ERRORS as error:
            raise transport_error(error) from error

    async def _open(
        self, call: _Call, ends: float | None = None
    ) -> tuple[aiohttp.ClientResponse, Token]:
        """Return an accepted response, which the caller releases, and the token that was used.

        `ends` is the deadline of a stream.
        """
        token = await self._tokens.get()
        try:
            return await self._retries.run(partial(self._send, call, token, ends)), token
        except TokenRefused:
            token = await self._tokens.get(refused=token)
            return await self._retries.run(partial(self._send, call, token, ends)), token

    async def _name_models(self, error: ModelRefused) -> None:
        """Let the error tell which models the key may use instead, if the service says it."""
        error.model = self.name
        with suppress(ServiceError, TimeoutError):
            async with asyncio.timeout(MODELS_TIMEOUT):
                models = await self.models()
            error.available = tuple(model.name for model in models if model.kind == "chat")

    def _expired(self, token: Token) -> ServiceError:
        """The error for a 401 inside a reply that HTTP had accepted.

        The key was good when the request was sent, so it is the token that has expired.
        The next request gets a new one.
        """
        self._tokens.discard(token)
        return Unavailable("the access token expired during the answer", service=SERVICE)

    def _identify(self, method: str, url: str, request: JSON | None = None) -> _Call:
        """Give a request its ID: a UUID with this client's prefix."""
        request_id = f"{self._id_prefix}{next(self._numbers):012x}"
        body = None
        if request is not None:
            body = aiohttp.BytesPayload(encode(request), content_type="application/json")
        return _Call(method, url, body, {"X-Request-ID": request_id}, request_id)

    async def _send(self, call: _Call, token: Token, ends: float | None) -> aiohttp.ClientResponse:
        session = self._session or await self._open_session()
        try:
            response = await session.request(
                call.method,
                call.url,
                data=call.body,
                headers={**call.headers, "Authorization": f"Bearer {token.value}"},
                timeout=self._timeout(ends),
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


class _ChatApi(NamedTuple):
    """How one version of the API asks and answers."""

    request: Callable[[str, Sequence[Message], GenerationOptions, bool], JSON]
    parse: Callable[[Any, str], Completion]
    answer: Callable[[str], reply_v1.StreamedAnswer | reply_v2.Answer]


_CHAT_APIS: dict[ApiVersion, _ChatApi] = {
    "v1": _ChatApi(request_v1.chat_request, reply_v1.parse_completion, reply_v1.StreamedAnswer),
    "v2": _ChatApi(request_v2.chat_request, reply_v2.parse_completion, reply_v2.Answer),
}


async def _next_packet(response: aiohttp.ClientResponse, ended: bool) -> bytes:
    """The next bytes of a stream, none at its end.

    After the end of the answer only counts may follow: nobody waits long for them.
    """
    if not ended:
        return await response.content.readany()  # lines would be bounded by aiohttp
    try:
        async with asyncio.timeout(AFTER_END):
            return await response.content.readany()
    except TRANSPORT_ERRORS:
        return b""


async def _bounded(response: aiohttp.ClientResponse, limit: int) -> bytes:
    try:
        content = await response.content.read(limit + 1)
        while len(content) <= limit and (more := await response.content.readany()):
            content += more
    finally:
        response.release()
    if len(content) > limit:
        raise bad(f"the file is larger than {limit} bytes")
    return content


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
