"""Settings of Hugging Face's router, and the models behind the short names."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pydantic import Field, SecretStr

from services.env import EnvSettings
from services.errors import ConfigError
from services.timing import Price

ROUTER_URL = "https://router.huggingface.co/v1"
DEFAULT_CONTEXT_LENGTH = 8192
_PRICE = r"^(\d+(\.\d+)?/\d+(\.\d+)?)?$"


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a short name stands for: ids `org/name[:provider]` in order of preference.

    Providers drop models at short notice: if the first id isn't served, the next is tried.
    """

    ids: tuple[str, ...]
    context_length: int = DEFAULT_CONTEXT_LENGTH
    price: Price | None = None

    @property
    def id(self) -> str:
        return self.ids[0]


# Check with `python cli/hf_cli.py --list-models`; override with HF_MODEL_<NAME>.
# A price is that of the first id at the cheapest provider that lists one.
MODELS: dict[str, ModelCard] = {
    "deepseek": ModelCard(
        ("deepseek-ai/DeepSeek-V4-Flash-0731", "deepseek-ai/DeepSeek-V4-Pro"),
        context_length=131_072,
    ),
    "llama3": ModelCard(
        ("meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Llama-3.3-70B-Instruct"),
        context_length=16_384,
        price=Price(0.02, 0.05, "huggingface.co/inference/models, весна 2026"),
    ),
    "qwen2": ModelCard(
        (
            "Qwen/Qwen2.5-7B-Instruct:together",
            "Qwen/Qwen2-7B-Instruct:featherless-ai",
            "Qwen/Qwen3.6-27B",
        ),
        context_length=32_768,
    ),
}


class HuggingFaceSettings(EnvSettings):
    """Address and key of the router, the default model, overrides of models and prices."""

    token: SecretStr = Field(SecretStr(""), alias="HF_TOKEN")
    base_url: str = Field(ROUTER_URL, alias="HF_BASE_URL")
    model: str = Field("llama3", alias="HF_MODEL")
    provider: str = Field("auto", alias="HF_PROVIDER")
    timeout: float = Field(120.0, alias="HF_TIMEOUT", gt=0)
    connect_timeout: float = Field(10.0, alias="HF_CONNECT_TIMEOUT", gt=0)
    deepseek: str = Field("", alias="HF_MODEL_DEEPSEEK")
    llama3: str = Field("", alias="HF_MODEL_LLAMA3")
    qwen2: str = Field("", alias="HF_MODEL_QWEN2")
    deepseek_price: str = Field("", alias="HF_PRICE_DEEPSEEK", pattern=_PRICE)
    llama3_price: str = Field("", alias="HF_PRICE_LLAMA3", pattern=_PRICE)
    qwen2_price: str = Field("", alias="HF_PRICE_QWEN2", pattern=_PRICE)

    def card(self, name: str) -> ModelCard:
        """Resolve a short name or an id `org/name`, either with an optional `:provider`.

        Raises ConfigError if the name is neither.
        """
        alias, _, provider = name.partition(":")
        card = self._card_of_alias(alias) if alias in MODELS else ModelCard((name,))
        if "/" not in card.id and self.base_url == ROUTER_URL:
            choice = ", ".join(MODELS)
            raise ConfigError(f"нет модели {name!r}: выбери {choice} или полное имя org/name")
        return replace(card, ids=tuple(self._routed(model_id, provider) for model_id in card.ids))

    def _routed(self, model_id: str, provider: str) -> str:
        """Add a provider to an id: the one asked for, else the id's own, else the settings'."""
        bare, _, own = model_id.partition(":")
        chosen = provider or own or self.provider
        return bare if chosen == "auto" else f"{bare}:{chosen}"

    def _card_of_alias(self, name: str) -> ModelCard:
        card, own_id, own_price = MODELS[name], getattr(self, name), getattr(self, f"{name}_price")
        if own_id:
            card = ModelCard((own_id,), card.context_length)
        if own_price:
            prompt, completion = map(float, own_price.split("/"))
            price = Price(prompt, completion, f"HF_PRICE_{name.upper()}")
            card = replace(card, price=price)
        return card
