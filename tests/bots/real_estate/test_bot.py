"""The whole bot over real HTTP: each flow as a person goes through it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bots.common.formatting import shown_text
from bots.real_estate import bot, sample
from bots.real_estate.texts import COMMANDS
from bots.real_estate.wording import DEMO
from cli.make_sample_listings import main as make_sample
from playground import Upload
from services.local import EMBEDDED_NAME
from tests.bots.harness import RunningBot, running_bot
from tests.bots.real_estate.extracts import MORTGAGE, MadeUp, Right, as_pdf
from tests.fakes.chat import FakeChatModel
from tests.fakes.documents import make_pdf

WAIT = 30


BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgresql"])


@pytest.fixture
def engine() -> str:
    return "sqlite"


@pytest.fixture
def database_url(engine: str, request: pytest.FixtureRequest) -> str | None:
    return request.getfixturevalue("postgres_database") if engine == "postgresql" else None


@pytest.fixture
async def running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str | None
) -> AsyncIterator[RunningBot]:
    monkeypatch.setenv("REALTY_ADMIN_IDS", "1001")  # Аня
    path = tmp_path / "sample.csv"
    make_sample(["--output", str(path), "--count", "310"])
    monkeypatch.setattr(sample, "SAMPLE", path)
    async with running_bot(
        bot.create_dispatcher,
        tmp_path / "var",
        name="real_estate",
        backend="gigachat",
        database_url=database_url,
    ) as running:
        yield running


@BOTH
async def test_search_card_favourite_and_comparison(running: RunningBot) -> None:
    chat = running.chat
    chat.send("двушка в Москве")
    await chat.wait_for("бюджет", WAIT)
    chat.send("30")
    found = await chat.wait_for("Всего:", WAIT)
    assert "Я понял: Москва, 2-комн., до 30 млн ₽" in (found.text or "")
    await chat.press(found, "1")
    card = await chat.wait_for("Источник: ДЕМО")
    assert DEMO in (card.text or "")
    assert (await chat.press(card, "☆ В избранное")).text == "В избранном"
    await chat.press(card, "⚖ Сравнить")
    await chat.press(found, "2")
    other = await chat.wait_for(lambda message: message.message_id > card.message_id)
    await chat.press(other, "⚖ Сравнить")
    chat.send("/compare")
    assert "К оценке" in shown_text(await chat.wait_for("Тыс. ₽/м²"))
    await chat.press(card, "🗺 Карта")
    assert (await chat.wait_for(lambda message: message.location is not None)).location
    chat.send("/favourites")
    kept = await chat.wait_for("избранное")
    await chat.press(kept, "⬇ CSV")
    sent = await chat.wait_for(lambda message: message.document is not None)
    assert sent.document
    assert sent.document.file_name == "favourites.csv"
    chat.send("/forget")
    asked = await chat.wait_for("Удалить всё")
    chat.send("/favourites")
    await chat.wait_for("избранное")
    await chat.press(asked, "Удалить всё")
    await chat.wait_for("удалил всё")
    chat.send("/favourites")
    await chat.wait_for("пусто")


async def test_chips_sorting_and_pages(running: RunningBot) -> None:
    chat = running.chat
    chat.send("двушка в Москве до 60 млн, не первый этаж")
    found = await chat.wait_for("Всего:", WAIT)
    await chat.press(found, "✕ не первый этаж")
    wider = await chat.wait_for("Всего:")
    assert "не первый" not in (wider.text or "")
    await chat.press(wider, "⇅ ₽/м²")
    assert "по цене м²" in ((await chat.wait_for("Всего:")).text or "")
    await chat.press(wider, "Ещё ▸")
    assert "\n6. " in ((await chat.wait_for("Всего:")).text or "")


async def test_buttons_of_an_old_request_change_nothing(running: RunningBot) -> None:
    chat = running.chat
    chat.send("двушка в Москве до 60 млн, не первый этаж")
    old = await chat.wait_for("Всего:", WAIT)
    chat.send("/reset")
    await chat.wait_for("Начнём сначала", WAIT)
    chat.send("студия в Санкт-Петербурге до 40 млн")
    await chat.wait_for("Санкт-Петербург", WAIT)
    owner = running.playground.person("Аня").id
    state = await running.dispatcher["assistant"].state(owner)
    for button in ("✕ не первый этаж", "⇅ выгода", "🔔 Следить"):
        assert "кнопка старого запроса" in (await chat.press(old, button)).text
    assert await running.dispatcher["assistant"].state(owner) == state
    assert await running.dispatcher["assistant"].searches(owner) == []


async def test_help_names_every_command(running: RunningBot) -> None:
    running.chat.send("/help")
    text = (await running.chat.wait_for("Команды:", WAIT)).text or ""
    assert [item.command for item in COMMANDS if f"/{item.command} — " not in text] == []


async def test_list_goes_out_before_the_model_has_spoken(running: RunningBot) -> None:
    running.model.default = "Присмотрись к первой."
    running.model.gate.clear()
    running.chat.send("двушка в Москве до 60 млн")
    await running.chat.wait_for("Всего:", WAIT)
    assert not any("Присмотрись" in text for text in running.texts())
    running.model.gate.set()
    await running.chat.wait_for("Присмотрись к первой.", WAIT)


async def test_nothing_found_names_the_blocker(running: RunningBot) -> None:
    running.chat.send("двушка в Москве до 1 млн")
    text = (await running.chat.wait_for("Мешает", WAIT)).text or ""
    assert "Если убрать цену: " in text


async def test_talk_about_what_was_found(running: RunningBot) -> None:
    chat = running.chat
    chat.send("двушка с балконом в Москве до 60 млн")
    assert "Не учёл: балкон." in ((await chat.wait_for("Всего:", WAIT)).text or "")
    chat.send("сравни первые три")
    assert "№ 3" in shown_text(await chat.wait_for("Тыс. ₽/м²", WAIT))
    chat.send("а подешевле?")
    assert "до 54 млн ₽" in ((await chat.wait_for("54 млн", WAIT)).text or "")


async def test_terms_of_the_last_loan_can_be_changed(running: RunningBot) -> None:
    chat = running.chat
    chat.send("ипотека на 6 млн, 20 лет")
    await chat.wait_for(lambda message: bool(message.text), WAIT)
    chat.send("ставка 18")
    assert "92 599 ₽" in ((await chat.wait_for("платёж", WAIT)).text or "")
    chat.send("а если на 15 лет?")
    assert "96 625 ₽" in ((await chat.wait_for("15 лет", WAIT)).text or "")


async def test_programmes_of_a_found_flat(running: RunningBot) -> None:
    chat = running.chat
    chat.send("двушка в Москве до 60 млн, новостройка")
    found = await chat.wait_for("Всего:", WAIT)
    await chat.press(found, "1")
    card = await chat.wait_for("Источник: ДЕМО")
    await chat.press(card, "🏦 Ипотека")
    table = (await chat.wait_for("Квартира за", WAIT)).text or ""
    assert "сельская: не для города (Москва)" in table
    assert "Условия программ на " in table


async def test_mortgage_command_and_its_sources(running: RunningBot) -> None:
    chat = running.chat
    chat.send("/mortgage")
    assert "Сельская: 3 %" in ((await chat.wait_for("Условия программ", WAIT)).text or "")
    chat.send("/mortgage семейная в Москве, 12 млн, взнос 20 %, 30 лет")
    await chat.wait_for("57 557 ₽", WAIT)
    chat.send("/mortgage источники")
    await chat.wait_for("Откуда условия", WAIT)


async def test_whether_a_payment_is_enough_for_the_last_loan(running: RunningBot) -> None:
    chat = running.chat
    chat.send("семейная ипотека в Москве, 12 млн, взнос 20 %, 30 лет")
    await chat.wait_for("57 557 ₽", WAIT)
    chat.send("хватит ли 70 тысяч в месяц?")
    await chat.wait_for("хватит, останется 12 443 ₽", WAIT)
    chat.send("а если взнос 30 %?")
    await chat.wait_for("кредит 8,4 млн ₽", WAIT)


async def test_market_of_a_city_with_its_chart(running: RunningBot) -> None:
    chat = running.chat
    chat.send("/market")
    await chat.wait_for("Назови город", WAIT)
    chat.send("/market Москва")
    await chat.wait_for("₽/м²", WAIT)
    await chat.wait_for(lambda message: bool(message.photo), WAIT)


async def test_invented_words_do_not_get_out(running: RunningBot) -> None:
    running.model.default = "Хватай: 99 м² за 1,23 млн на улице Ленина!"
    running.chat.send("двушка в Москве до 60 млн")
    await running.chat.wait_for("Всего:", WAIT)
    while running.dispatcher["assistant"].voice.guard.rejected == 0:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    assert not any("1,23" in text for text in running.texts())
    running.chat.send("/stats")
    assert "проверкой чисел: 1" in ((await running.chat.wait_for("Объявлений: 310")).text or "")


async def test_valuation(running: RunningBot) -> None:
    running.chat.send("/start")
    await running.chat.wait_for("оцениваю", WAIT)
    await running.dispatcher["assistant"].appraiser.train_in_background()
    running.chat.send("сколько стоит двушка 54 м в Москве, просят 15 млн")
    valued = await running.chat.wait_for("80 % цен", WAIT)
    text = shown_text(valued).replace("\u00a0", " ")
    assert "Запрошенная цена 15 млн ₽" in text
    assert "не отчёт об оценке" in text
    *_, factors, folded = valued.rich_message.blocks  # type: ignore[union-attr]
    assert (factors.type, folded.type, folded.is_open) == ("table", "details", None)
    waterfall = await running.chat.wait_for(lambda message: bool(message.photo), WAIT)
    await running.chat.press(valued, "Подробнее")
    await running.chat.wait_for("Похожие объявления", WAIT)
    await running.chat.wait_for(
        lambda message: bool(message.photo) and message.message_id > waterfall.message_id, WAIT
    )
    running.chat.send("/value")
    await running.chat.wait_for("Опиши квартиру", WAIT)
    running.chat.send("/value студия 25 м в Москве")
    await running.chat.wait_for("студия, 25 м²", WAIT)
    running.chat.send("сколько стоит двушка 54 м в Урюпинске")
    await running.chat.wait_for("нет в моих объявлениях", WAIT)


async def test_the_way_to_work_and_a_map(running: RunningBot) -> None:
    chat = running.chat
    chat.send("двушка до 60 млн, до Тверской не больше 40 минут")
    found = await chat.wait_for("сначала ближние", WAIT)
    assert "· до «Тверской» " in (found.text or "").replace("\u00a0", " ")
    await chat.press(found, "🗺 На карте")
    picture = await chat.wait_for(lambda message: bool(message.photo), WAIT)
    assert (picture.caption or "").startswith("На карте ")
    await chat.press(found, "1")
    card = await chat.wait_for("Источник: ДЕМО")
    assert "🚇 до «Тверской» " in (card.text or "").replace("\u00a0", " ")
    chat.send("двушка до 60 млн, до Звездюковской не больше 40 минут")
    await chat.wait_for("станции «Звездюковской» нет на моих схемах", WAIT)


async def test_an_extract_is_read_and_not_kept(running: RunningBot, tmp_path: Path) -> None:
    stranger = running.playground.person("Боря").private
    made_up = MadeUp(rights=(Right(burdens=(MORTGAGE,)),))
    stranger.send(document=Upload("egrn.pdf", "application/pdf", as_pdf(made_up)))
    answer = (await stranger.wait_for("Выписка из ЕГРН", WAIT)).text or ""
    assert "Обременение: Ипотека в силу закона" in answer
    assert "Петрова" not in answer
    letter = make_pdf(["Просто письмо о погоде на завтра"])
    stranger.send(document=Upload("note.pdf", "application/pdf", letter))
    await stranger.wait_for("Прочитал «note.pdf»", WAIT)
    kept = await asyncio.to_thread(_everything_in, tmp_path)
    assert "Петрова".encode() not in kept
    assert b"4510 123456" not in kept


def _everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_valuation_without_rich_messages(
    running: RunningBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bots.common.rich_messages.RichMessages.allowed", _never)
    running.chat.send("/start")
    await running.chat.wait_for("оцениваю", WAIT)
    await running.dispatcher["assistant"].appraiser.train_in_background()
    running.chat.send("сколько стоит двушка 54 м в Москве, просят 15 млн")
    valued = await running.chat.wait_for("80 % цен", WAIT)
    assert "не отчёт об оценке" in (valued.text or "")
    assert "Похожие объявления" not in (valued.text or "")
    await running.chat.press(valued, "Подробнее")
    assert (await running.chat.wait_for("Похожие объявления", WAIT)).text


async def _never(*_: object) -> bool:
    return False


async def test_style_mortgage_and_checklist(running: RunningBot) -> None:
    chat = running.chat
    chat.send("/style")
    styles = await chat.wait_for("Как мне с тобой говорить")
    assert "краткий" in (await chat.press(styles, "Краткий")).text
    chat.send("8 млн, взнос 2 млн, 20 лет под 18 %")
    assert "92 599 ₽" in ((await chat.wait_for("платёж")).text or "")
    chat.send("/checklists")
    lists = await chat.wait_for("Что проверяем")
    await chat.press(lists, "Документы")
    documents = await chat.wait_for("Документы: 0 из 8")
    button = next(
        button.text
        for row in documents.reply_markup.inline_keyboard  # type: ignore[union-attr]
        for button in row
    )
    await chat.press(documents, button)
    await chat.wait_for("Документы: 1 из 8")


@BOTH
async def test_import_asks_first_and_alerts_once(running: RunningBot) -> None:
    chat = running.chat
    table = (
        "город;район;комнат;площадь;цена;улица;этаж;этажность;телефон\n"
        "Москва;Сокол;2;51;11000000;Буянная;2;5;+79990000000\n"
    )
    file = Upload("flats.csv", "text/csv", table.encode())
    stranger = running.playground.person("Боря").private
    stranger.send(document=file)
    await stranger.wait_for("Прочитал «flats.csv»", WAIT)
    owner = running.playground.person("Аня").id
    chat.send("двушка на Соколе до 12 млн")
    await chat.wait_for("Я понял", WAIT)
    assistant = running.dispatcher["assistant"]
    slots = (await assistant.state(owner)).slots
    await assistant.saved_items.save_search(owner, chat.chat.id, slots)
    chat.send(document=file)
    preview = await chat.wait_for("Загрузить?", WAIT)
    assert "телефон" in (preview.text or "")
    await chat.press(preview, "Загрузить")
    await chat.wait_for("новых 1", WAIT)
    await chat.wait_for("🔔 Новое по твоему поиску (1)", WAIT)
    chat.send(document=file)
    again = await chat.wait_for("Загрузить?", WAIT)
    await chat.press(again, "Загрузить")
    await chat.wait_for("без изменений 1", WAIT)
    assert len([text for text in running.texts() if "🔔" in text]) == 1


@pytest.mark.parametrize(("name", "asked"), [("fake", 1), (EMBEDDED_NAME, 0)])
async def test_the_embedded_model_is_not_asked_what_the_rules_leave_open(
    name: str, asked: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REALTY_SAMPLE", "false")
    model = FakeChatModel()
    monkeypatch.setattr(model, "name", name, raising=False)
    async with running_bot(
        bot.create_dispatcher, tmp_path / "var", name="real_estate", model=model
    ) as running:
        running.chat.send("что-нибудь уютное для кота")
        await running.chat.wait_for(None, WAIT)
        forced = [options for _, options in model.history if options.function_call]
        assert len(forced) == asked
