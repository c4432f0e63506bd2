"""The router's catalogue: models, their providers and prices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.huggingface.config import HuggingFaceSettings
from services.openai_compatible import OpenAICompatibleSettings, list_models

POLICIES = ("fastest", "cheapest", "preferred")


@dataclass(frozen=True, slots=True)
class Offer:
    """One provider's offer of a model; prices in US dollars per million tokens, if known."""

    provider: str
    context_length: int | None
    prompt_price: float | None
    completion_price: float | None


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model in the catalogue with the live offers of its providers."""

    id: str
    offers: tuple[Offer, ...]

    def offers_of(self, provider: str) -> tuple[Offer, ...]:
        """Offers of one provider; all of them for a policy (`POLICIES`) or an empty name."""
        if provider in ("", *POLICIES):
            return self.offers
        return tuple(offer for offer in self.offers if offer.provider == provider)


async def served_models(settings: HuggingFaceSettings) -> dict[str, ServedModel]:
    """Fetch the router's models, by id. Raises ServiceError."""
    server = OpenAICompatibleSettings(
        base_url=settings.base_url,
        api_key=settings.token,
        timeout=settings.timeout,
        connect_timeout=settings.connect_timeout,
    )
    models = [_model(item) for item in await list_models(server)]
    return {model.id: model for model in models}


def is_served(model_id: str, served: dict[str, ServedModel]) -> bool:
    """Whether any provider serves an id `org/name[:provider or policy]`."""
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
