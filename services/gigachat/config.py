"""Settings of the GigaChat service."""

from __future__ import annotations

import re
import ssl
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from yarl import URL

from services.chat import ReasoningEffort
from services.env import EnvSettings
from services.errors import ConfigError

PERSONAL_SCOPE = "GIGACHAT_API_PERS"
# The path of the API under each host; gateways follow the documented one.
_API_PATHS = {"api.giga.chat": "/v1"}
_DOCUMENTED_PATH = "/api/v1"
_VERSION = re.compile(r"/v\d+$")
_NEW_FAMILY = re.compile(r"GigaChat-([3-9]|\d\d)\b", re.IGNORECASE)

ApiVersion = Literal["v1", "v2"]


class GigaChatSettings(EnvSettings):
    """Addresses, key, model and limits of GigaChat."""

    client_basic: SecretStr | None = Field(None, alias="GIGA_CLIENT_BASIC")
    scope: str = Field(PERSONAL_SCOPE, alias="GIGA_SCOPE")
    base_url: str = Field("https://gigachat.devices.sberbank.ru", alias="GIGA_API_BASE_URL")
    auth_url: str = Field(
        "https://ngw.devices.sberbank.ru:9443/api/v2/oauth", alias="GIGA_AUTH_URL"
    )
    model: str = Field("GigaChat", alias="GIGA_MODEL_NAME")
    api_version: Literal["auto", "v1", "v2"] = Field("auto", alias="GIGA_API_VERSION")
    reasoning_effort: ReasoningEffort | None = Field(None, alias="GIGA_REASONING_EFFORT")
    context_length: int = Field(128_000, alias="GIGA_CONTEXT_LENGTH", gt=0)
    verify_ssl: bool = Field(True, alias="GIGA_VERIFY_SSL")
    ca_bundle: Path | None = Field(None, alias="GIGA_CA_BUNDLE")
    connect_timeout: float = Field(10.0, alias="GIGA_CONNECT_TIMEOUT", gt=0)
    read_timeout: float = Field(60.0, alias="GIGA_READ_TIMEOUT", gt=0)
    answer_timeout: float = Field(180.0, alias="GIGA_ANSWER_TIMEOUT", gt=0)
    max_retries: int = Field(2, alias="GIGA_MAX_RETRIES", ge=0)
    max_parallel: int | None = Field(None, alias="GIGA_MAX_PARALLEL", gt=0)

    @field_validator("base_url", "auth_url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        url = URL(value)
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError("must be an address like https://host/path")
        return value

    @field_validator("client_basic")
    @classmethod
    def _fits_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        key = value.get_secret_value().strip()
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise ValueError("must be base64 of client_id:client_secret, in one piece")
        return SecretStr(key) if key else None

    @property
    def api_url(self) -> str:
        """The base address with the path that its host needs, without a slash at the end."""
        url = URL(self.base_url)
        if url.path in ("", "/"):
            url = url.with_path(_API_PATHS.get(url.host or "", _DOCUMENTED_PATH))
        # All but chat has version 1 only.
        return _VERSION.sub("/v1", str(url).rstrip("/"))

    @property
    def chat_version(self) -> ApiVersion:
        """The version of the chat API that the model is asked by."""
        if self.api_version != "auto":
            return self.api_version
        return "v2" if _NEW_FAMILY.match(self.model) else "v1"

    @property
    def chat_url(self) -> str:
        """Where chat requests go: a version at the end of the path gives way to the chosen one."""
        base = _VERSION.sub(f"/{self.chat_version}", self.api_url)
        return f"{base}/chat/completions"

    @property
    def parallel(self) -> int:
        """Concurrent requests that the service allows: 1 for a person, 10 for a company."""
        return self.max_parallel or (1 if self.scope == PERSONAL_SCOPE else 10)

    def ssl_context(self) -> ssl.SSLContext | bool:
        """The TLS context; False turns the check of certificates off."""
        return _trust(self.ca_bundle) if self.verify_ssl else False


@cache
def _trust(ca_bundle: Path | None) -> ssl.SSLContext:
    """Load the system's trust store (0.2 s, hence the cache) and add the bundle.

    The bundle alone isn't enough: the two hosts may have different certificate chains.
    """
    context = ssl.create_default_context()
    if ca_bundle is not None:
        try:
            context.load_verify_locations(ca_bundle)
        except OSError as error:  # ssl.SSLError, "not a PEM file", is one too
            raise ConfigError(
                f"GIGA_CA_BUNDLE: в {ca_bundle} не читаются сертификаты PEM",
                service="gigachat",
            ) from error
    return context
