"""Which models are served today, by whom and for how much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.huggingface.config import HuggingFaceSettings
from services.openai_compatible import OpenAICompatibleSettings, list_models

POLICIES = ("fastest", "cheapest", "preferred")


@dataclass(frozen=True, slots=True)
class Offer:
    """A provider's offer; prices in US dollars per million tokens, None when unknown."""

    provider: str
    context_length: int | None
    prompt_price: float | None
    completion_price: float | None


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model of the router with the providers that serve it now."""

    id: str
    offers: tuple[Offer, ...]

    def offers_of(self, provider: str) -> tuple[Offer, ...]:
        """The offers that an id with this provider or policy (or with none) chooses from."""
        if provider in ("", *POLICIES):
            return self.offers
        return tuple(offer for offer in self.offers if offer.provider == provider)


async def served_models(settings: HuggingFaceSettings) -> dict[str, ServedModel]:
    """Ask the router for its models, by id. Raises ServiceError."""
    server = OpenAICompatibleSettings(
        base_url=settings.base_url,
        api_key=settings.token,
        timeout=settings.timeout,
        connect_timeout=settings.connect_timeout,
    )
    models = [_model(item) for item in await list_models(server)]
    return {model.id: model for model in models}


def is_served(model_id: str, served: dict[str, ServedModel]) -> bool:
    """Whether an id `org/name[:provider or policy]` would find a provider."""
    bare, _, provider = model_id.partition(":")
    return bare in served and bool(served[bare].offers_of(provider))


def _model(item: dict[str, Any]) -> ServedModel:
    providers = item.get("providers") or ()
    live = [provider for provider in providers if provider.get("status", "live") == "live"]
    return ServedModel(item["id"], tuple(_offer(provider) for provider in live))


def _offer(provider: dict[str, Any]) -> Offer:
    pricing = provider.get("pricing") or {}
    return Offer(
        provider.get("provider", "?"),
        provider.get("context_length"),
        pricing.get("input"),
        pricing.get("output"),
    )
