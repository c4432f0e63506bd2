"""A document and a picture in each of the bots, over the whole edge."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from bots.common import replies
from bots.common.intake import Pastes
from bots.registry import BOTS, BotSpec
from playground import Upload
from tests.bots.harness import RunningBot, running_bot
from tests.fakes.documents import make_pdf, make_picture

WAIT = 90
LEASE = make_pdf(["Договор найма", "Неустойка за просрочку — 0,7 процента в день", "Подписи"])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "FIRST_PREVIEW", 0.03)
    monkeypatch.setattr(Pastes, "QUIET", 0.05)


def lease() -> Upload:
    return Upload("lease.pdf", "application/pdf", LEASE)


def picture() -> Upload:
    return Upload("flat.png", "image/png", make_picture(64, 48))


def asked_by(bot: RunningBot) -> list[str]:
    """The last message of each prompt."""
    return [messages[-1].content for messages, _ in bot.model.history]


@pytest.mark.parametrize("spec", BOTS, ids=lambda spec: spec.name)
async def test_a_question_about_a_document_brings_its_passage(
    spec: BotSpec, tmp_path: Path
) -> None:
    create = import_module(spec.module).create_dispatcher
    async with running_bot(create, tmp_path, name=spec.name) as bot:
        bot.chat.send(document=lease())
        await bot.chat.wait_for("Прочитал «lease.pdf»: 3 страницы", WAIT)
        bot.model.default = "Неустойка — 0,7 процента в день."
        bot.chat.send("Какая в договоре неустойка за просрочку?")
        answer = await bot.chat.wait_for("0,7 процента", WAIT)
        assert any("Неустойка за просрочку — 0,7 процента" in text for text in asked_by(bot))
        if spec.name != "literary":
            assert "📄 lease.pdf: с. 2" in (answer.text or "")
        bot.chat.send("/reset")
        await bot.chat.wait_for(timeout=WAIT)
        bot.model.history.clear()
        bot.chat.send("Расскажи про неустойку и просрочку")
        await bot.chat.wait_for(timeout=WAIT)
        assert not any("lease.pdf" in text for text in asked_by(bot))


@pytest.mark.parametrize("spec", BOTS, ids=lambda spec: spec.name)
async def test_a_picture_goes_to_the_model_with_its_caption(spec: BotSpec, tmp_path: Path) -> None:
    create = import_module(spec.module).create_dispatcher
    async with running_bot(create, tmp_path, name=spec.name) as bot:
        bot.model.default = "На картинке кот у окна."
        bot.chat.send("Кто тут у окна?", photo=picture())
        await bot.chat.wait_for(timeout=WAIT)
        seen = [messages[-1] for messages, _ in bot.model.history if messages[-1].attachments]
        assert [(it.width, it.height) for it in seen[0].attachments] == [(64, 48)]
        if spec.name == "literary":  # what is seen goes into the prompt of all versions
            assert all("кот у окна" in text for text in asked_by(bot)[1:])


async def test_a_screenshot_of_a_listing_becomes_a_request(tmp_path: Path) -> None:
    create = import_module("bots.real_estate.bot").create_dispatcher
    async with running_bot(create, tmp_path, name="real_estate") as bot:
        bot.model.enqueue("Москва, двухкомнатная, 54 м², 3 этаж из 9, 15 000 000 ₽")
        bot.chat.send("Найди похожие", photo=picture())
        answer = await bot.chat.wait_for(timeout=WAIT)
        assert "Москва" in (answer.text or "")
        assert "15" in (answer.text or "")
