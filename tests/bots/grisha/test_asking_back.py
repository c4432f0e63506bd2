"""He asks back seldom: at a greeting, once a week, never twice of the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bots.grisha.asking_back import PAUSE, fact_to_ask_of
from bots.grisha.assistant import Grisha
from bots.grisha.facts import Fact, Said
from playground import Conversation
from tests.bots.harness import RunningBot

NOW = datetime(2025, 3, 20, tzinfo=UTC)


def fact(number: int, days: int, kind: str = "plans") -> Fact:
    said = NOW - timedelta(days=days)
    return Fact(1, 1, number, said, "сдаю экзамен", frozenset([kind]), id=number)


def test_it_is_of_the_newest_that_has_an_outcome() -> None:
    facts = [fact(1, 70), fact(2, 30), fact(3, 10), fact(4, 5, "pets"), fact(5, 1)]
    asked = fact_to_ask_of("привет, как дела?", facts, NOW, None, 0)
    assert asked is not None
    assert asked.id == 3


@pytest.mark.parametrize(
    ("text", "asked_at", "asked_id"),
    [
        ("как починить кран?", None, 0),
        ("привет, а расскажи мне подробно про чёрные дыры в космосе", None, 0),
        ("привет", NOW - PAUSE / 2, 0),
        ("привет", NOW - 2 * PAUSE, 3),
    ],
)
def test_mostly_he_asks_nothing(text: str, asked_at: datetime | None, asked_id: int) -> None:
    assert fact_to_ask_of(text, [fact(3, 10)], NOW, asked_at, asked_id) is None


async def ask(chat: Conversation, text: str) -> str:
    chat.send(text)
    return (await chat.wait_for(None)).text or ""


async def test_the_bot_asks_once(bot: RunningBot) -> None:
    grisha: Grisha = bot.dispatcher["grisha"]
    person = bot.chat.chat.id
    ago = datetime.now(UTC) - timedelta(days=5)
    await grisha.facts.hear(Said(person, person, 10_000, "сдаю экзамен по сопромату", ago))
    await ask(bot.chat, "привет, это снова я")
    await ask(bot.chat, "здравствуй ещё раз")
    prompts = [asked[0][0].content for asked in bot.model.history]
    assert sum("что вышло из этого" in prompt for prompt in prompts) == 1
    assert "экзамен по сопромату" in prompts[0]
