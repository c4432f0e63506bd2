"""Callback data that the bot never sent: each is answered, none is an internal error."""

from __future__ import annotations

import asyncio
import logging
from importlib import import_module
from pathlib import Path

import pytest

from bots.common import texts as common_texts
from bots.common.config import BotSettings
from bots.registry import BOTS, BotSpec
from services.backends import open_chat_model
from tests.bots.harness import RunningBot, running_bot
from tests.fakes.openai_server import OpenAIServer

HUGE = str(2**70)
BIG = str(2**63)
KEY = "0a1b2c3d"  # as long as a request's key, and nobody's
ODD = ("", "x", "-1", HUGE, f"-{HUGE}", "1e5", "nan", "None", "1:1", "a" * 40)
FORGED = {
    "grisha": [
        *(f"rate:{value}" for value in (*ODD, "0", "2", "5", "1", "-1", "1:", ":1")),
        *("rate", "rate:", "", ":", "x", "\x00", "rate:\x00", "🙂", "rate:🙂", "model:llama3"),
        *("style:1", "flat:card:1", "form:form:1"),
    ],
    "hf_demo": [
        *(f"model:{value}" for value in (*ODD, "evil/expensive-70b", "../x", "llama3 ", "\x00")),
        *(f"switch:{value}:1" for value in ("evil/expensive-1", "evil/expensive-2", "", HUGE)),
        *("switch:llama3:2", "switch:llama3", "switch::", "switch:qwen2:x"),
        *(f"others:llama3:{value}" for value in (HUGE, f"-{HUGE}", BIG, "0", "-1", "x")),
        *("others:evil/x:1", "others::1", "others:llama3:1:1", "model", ""),
    ],
    "literary": [
        *(f"form:{kind}:{number}" for kind in ("form", "x", "") for number in (*ODD[:5], "99")),
        *(f"version:{act}:{number}" for act in ("again", "continue", "x") for number in ODD[:5]),
        *("version:again:99", "form", "version", "", "form:genre:\x00"),
    ],
    "real_estate": [
        *(f"style:{value}" for value in (*ODD[:7], "99")),
        *(f"chip:{slot}" for slot in ("", "x", "__class__", "without", HUGE, "said", "_max")),
        *(f"page:{offset}:{sort}" for offset in ODD[:5] for sort in ("", "x")),
        *("page:99999999:", f"page:{BIG}:", "page:0:x", "page:0:'; --"),
        *(f"flat:{act}:{HUGE}" for act in ("card", "worth", "star", "map", "compare")),
        *(f"flat:{act}:0" for act in ("card", "x", "")),
        *(f"flat:star:{BIG}", f"flat:compare:-{BIG}", "flat:star:-1"),
        *(f"kept:{act}:{HUGE}" for act in ("save", "drop", "export", "x")),
        *(f"kept:drop:-{BIG}", f"kept:drop:{BIG}"),
        *(f"check:{name}:{item}" for name in ("", "x", "seller") for item in ("0", "-2", HUGE)),
        *(f"chip:{slot}:{KEY}" for slot in ("travel_to", "price_max", "x", "", "__class__", HUGE)),
        *(f"chip:price_max:{key}" for key in ("", "x", KEY[:7], f"{KEY}0", "ЯЯЯЯЯЯЯЯ", HUGE)),
        *(f"page:{KEY}:{offset}:{sort}" for offset in ODD[:5] for sort in ("", "travel", "x")),
        *(f"page:{KEY}:0:{sort}" for sort in ("travel", "discount", "'; --", "\x00")),
        *(f"request:{act}:{key}" for act in ("watch", "details", "map", "x") for key in (KEY, "")),
        *(f"request:map:{key}" for key in (HUGE, "\x00", "1:1", "a" * 40)),
        *(f"flat:loan:{value}" for value in (*ODD[:5], BIG, "0", "1")),
        *(f"forget:{owner}:{said}" for owner in ("1", f"-{BIG}", HUGE, "x") for said in "01x"),
        *("check:seller:999", "import:1", "import:x", "import:", "import:2", ""),
    ],
}


async def tap(bot: RunningBot, data: str, who: str = "Аня") -> str:
    """Send callback data from under the bot's last message; return the bot's answer."""
    person = bot.playground.person(who)
    chat = person.private.chat
    shown = next(m for _, m in sorted(chat.messages.items(), reverse=True) if m["from"]["is_bot"])
    pressed = bot.playground.world.callbacks.press(chat, shown, person.user, data)
    answer = await asyncio.wait_for(pressed, 10)
    return str(answer["text"])


@pytest.mark.parametrize("spec", BOTS, ids=lambda spec: spec.name)
async def test_forged_callbacks_are_answered(
    spec: BotSpec,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert len(FORGED[spec.name]) >= 30
    create = import_module(spec.module).create_dispatcher
    settings = BotSettings(rate_limit=1_000_000)
    async with OpenAIServer().running() as server:
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        monkeypatch.setenv("HF_BASE_URL", server.url)
        demo = spec.name == "hf_demo"
        async with running_bot(
            create,
            tmp_path,
            name=spec.name,
            backend="huggingface" if demo else "local",
            model=open_chat_model("huggingface") if demo else None,
            settings=settings,
        ) as bot:
            bot.chat.send("/start")
            await bot.chat.wait_for()
            asked = len(server.calls)
            for data in FORGED[spec.name]:
                answer = await tap(bot, data)
                assert answer != common_texts.INTERNAL_ERROR[:200], data
                if "evil" in data:
                    assert answer == common_texts.STALE_BUTTON, data
            errors = [each for each in caplog.records if each.levelno >= logging.ERROR]
            assert not errors, [each.getMessage() for each in errors]
            assert len(server.calls) == asked  # nobody's token paid for a forged model
            if demo:
                assert not bot.dispatcher["demo"].shelf._opened


async def test_a_button_in_a_group_is_its_owners(tmp_path: Path) -> None:
    create = import_module("bots.literary.bot").create_dispatcher
    async with running_bot(create, tmp_path, name="literary") as bot:
        group = bot.playground.group
        anya, borya = (bot.playground.person(name).in_(group) for name in ("Аня", "Боря"))
        anya.send("/form")
        menu = await anya.wait_for("Форма")
        borya.send("привет всем")
        assert (await borya.press(menu, "стихи")).text == common_texts.NOT_YOUR_BUTTON
        assert "стихи" in (await anya.press(menu, "стихи")).text
