from __future__ import annotations

import pytest

from services.env import read_settings
from services.errors import ConfigError
from services.huggingface.config import MODELS, HuggingFaceSettings
from services.timing import Price


@pytest.mark.parametrize("name", MODELS)
def test_a_short_name_has_ids_to_try(name: str) -> None:
    card = HuggingFaceSettings().card(name)
    assert len(card.ids) >= 2
    assert all("/" in model_id for model_id in card.ids)


@pytest.mark.parametrize("name", MODELS)
def test_each_short_name_is_changed_by_its_variable(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"HF_MODEL_{name.upper()}", "org/other:novita")
    card = read_settings(HuggingFaceSettings).card(name)
    assert card.ids == ("org/other:novita",)
    assert card.price is None, "the table's price is of another model"


def test_a_price_can_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_PRICE_QWEN2", "0.5/1.5")
    price = read_settings(HuggingFaceSettings).card("qwen2").price
    assert price == Price(0.5, 1.5, "HF_PRICE_QWEN2")
    assert price.cost(1_000_000, 2_000_000) == 3.5


@pytest.mark.parametrize("price", ["дорого", "0.1", "1.2.3/4", "0.1/"])
def test_a_price_must_be_two_numbers(monkeypatch: pytest.MonkeyPatch, price: str) -> None:
    monkeypatch.setenv("HF_PRICE_QWEN2", price)
    with pytest.raises(ConfigError, match="HF_PRICE_QWEN2"):
        read_settings(HuggingFaceSettings)


def test_a_full_id_is_taken_as_it_is() -> None:
    assert HuggingFaceSettings().card("org/name:groq").ids == ("org/name:groq",)


def test_an_unknown_short_name_lists_the_known() -> None:
    with pytest.raises(ConfigError, match="deepseek, llama3, qwen2"):
        HuggingFaceSettings().card("gpt")


def test_the_provider_of_the_settings_goes_where_none_is_named() -> None:
    settings = HuggingFaceSettings(provider="novita")
    assert settings.card("org/name").id == "org/name:novita"
    assert settings.card("org/name:groq").id == "org/name:groq"


def test_a_short_name_can_choose_its_provider() -> None:
    ids = HuggingFaceSettings().card("qwen2:cheapest").ids
    assert ids
    assert all(model_id.count(":") == 1 and model_id.endswith(":cheapest") for model_id in ids)
