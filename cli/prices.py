"""Prices from the settings, for services that don't report them."""

from __future__ import annotations

from cli.history_chat.config import ConsoleSettings
from services.backends import Backend
from services.env import read_settings
from services.timing import Price


def price_of(backend: Backend) -> Price | None:
    """Today's price of a service by the settings; None where it isn't set."""
    if backend != "gigachat":
        return None
    return gigachat_price(read_settings(ConsoleSettings))


def gigachat_price(settings: ConsoleSettings) -> Price | None:
    """Roubles; the settings have them for a thousand tokens, as the tariffs do."""
    if settings.input_price is None or settings.output_price is None:
        return None
    source = "CHAT_PRICE_INPUT и CHAT_PRICE_OUTPUT"
    return Price(settings.input_price * 1000, settings.output_price * 1000, source, "RUB")
