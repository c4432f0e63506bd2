"""Settings that every bot shares."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from services.env import EnvSettings


class BotSettings(EnvSettings):
    """Access, pace and what is around the bot. Times are in seconds."""

    telegram_api_url: str | None = Field(None, alias="TELEGRAM_API_URL")
    allowed_user_ids: Annotated[frozenset[int], NoDecode] = Field(
        frozenset(), alias="ALLOWED_USER_IDS"
    )
    allowed_group_ids: Annotated[frozenset[int], NoDecode] = Field(
        frozenset(), alias="ALLOWED_GROUP_IDS"
    )
    admin_ids: Annotated[frozenset[int], NoDecode] = Field(frozenset(), alias="ADMIN_IDS")
    daily_requests: int = Field(0, alias="DAILY_REQUESTS", ge=0)
    daily_tokens: int = Field(0, alias="DAILY_TOKENS", ge=0)
    rate_limit: int = Field(20, alias="RATE_LIMIT_PER_MINUTE", ge=1)
    rich_messages: Literal["auto", "never"] = Field("auto", alias="RICH_MESSAGES")
    shutdown_timeout: float = Field(10.0, alias="SHUTDOWN_TIMEOUT", ge=0)

    redis_url: SecretStr | None = Field(None, alias="REDIS_URL")
    web_host: str = Field("127.0.0.1", alias="WEB_HOST")
    web_port: int | None = Field(None, alias="WEB_PORT", ge=0, le=65535)
    webhook_url: str | None = Field(None, alias="WEBHOOK_URL")
    log_format: Literal["text", "json"] = Field("text", alias="LOG_FORMAT")

    @field_validator("allowed_user_ids", "allowed_group_ids", "admin_ids", mode="before")
    @classmethod
    def _split_ids(cls, value: Any) -> Any:
        return re.findall(r"[^\s,;]+", value) if isinstance(value, str) else value

    def allows(self, user_id: int, chat_id: int) -> bool:
        """Whether someone may use the bot there: a listed user or group, an admin, or nobody is
        listed."""
        if not (self.allowed_user_ids or self.allowed_group_ids):
            return True
        users = self.allowed_user_ids | self.admin_ids
        return user_id in users or chat_id in self.allowed_group_ids
