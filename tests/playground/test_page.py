"""The page in a real browser, with a stock bot on the other side."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from io import BytesIO
from pathlib import Path

import pytest
from aiogram import Bot, F, Router
from aiogram.types import (
    BotCommand,
    BufferedInputFile,
    CallbackQuery,
    EphemeralMessageParameters,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputRichMessage,
    KeyboardButton,
    Message,
    ReplyKeyboardMarkup,
)
from PIL import Image
from playwright.async_api import Browser, Page, Route, expect

from playground import Playground, RateLimits
from tests.playground.browser import chromium, in_chromium, one_loop
from tests.playground.conftest import connect, polling
from tests.playground.test_files import png
from tests.playground.test_rich import MARKDOWN

HOSTILE = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'

pytestmark = in_chromium


@one_loop(scope="module")
async def browser() -> AsyncIterator[Browser]:
    microphone = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    async with chromium(*microphone) as browser:
        yield browser


@one_loop()
async def playground() -> AsyncIterator[Playground]:
    async with Playground(bot_username="test_bot", limits=RateLimits(enabled=False)) as server:
        yield server


@one_loop()
async def bot(playground: Playground) -> AsyncIterator[Bot]:
    async with connect(playground) as connected:
        yield connected


@one_loop()
async def blank(browser: Browser) -> AsyncIterator[Page]:
    """An empty page with no past: cookies and storage are its own."""
    context = await browser.new_context(viewport={"width": 1200, "height": 800})
    yield await context.new_page()
    await context.close()


@one_loop()
async def page(playground: Playground, blank: Page) -> AsyncIterator[Page]:
    """The playground's page; anything wrong in its console fails the test."""
    page = blank
    page.set_default_timeout(10_000)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda line: problems.append(line.text) if line.type in ("error", "warning") else None,
    )
    page.on(
        "request",
        lambda request: (
            problems.append(request.url)
            if not request.url.startswith((playground.page_url, "data:", "blob:"))
            else None
        ),
    )
    await page.goto(playground.page_url)
    await page.wait_for_selector("body[data-ready]")
    yield page
    assert problems == []


def talker() -> Router:
    """A bot that shows a draft first, offers buttons, and answers in groups when called."""
    router = Router()

    @router.message(F.chat.type == "private", F.text)
    async def on_private(message: Message, bot: Bot) -> None:
        await bot.send_message_draft(message.chat.id, draft_id=1, text="")
        await bot.send_message_draft(message.chat.id, draft_id=1, text="Сейчас отве", can_stop=True)
        chat = message.chat.id
        if message.text != "держи":
            rows = [[InlineKeyboardButton(text="Ещё", callback_data="more")]]
            markup = InlineKeyboardMarkup(inline_keyboard=rows)
            await bot.send_message(chat, f"Ответ: {message.text}", reply_markup=markup)

    @router.message(F.text.contains("@test_bot"))
    async def on_call(message: Message) -> None:
        await message.reply("Звали?")

    @router.message(F.is_automatic_forward)
    async def on_post(message: Message) -> None:
        await message.reply("Комментарий бота")

    @router.callback_query()
    async def on_button(query: CallbackQuery) -> None:
        await query.answer("Больше ничего нет", show_alert=True)

    return router


async def begin(page: Page) -> None:
    """Press «Начать»: only now does the bot know the person."""
    await page.click("#start")
    await expect(page.locator(".row.mine", has_text="/start")).to_be_visible()


async def say(page: Page, text: str) -> None:
    await page.fill("#input", text)
    await page.press("#input", "Enter")


async def open_chat(page: Page, title: str) -> None:
    await page.click(f".chat:has(.chat-title > span:text-is('{title}'))")


async def test_a_private_conversation_with_a_stream_and_a_reload(
    page: Page, playground: Playground, bot: Bot
) -> None:
    async with polling(bot, talker()):
        await begin(page)
        await expect(page.locator(".row").last).to_contain_text("Ответ: /start")
        await say(page, "держи")
        await expect(page.locator(".row.draft")).to_contain_text("Сейчас отве")
        await page.click("text=Остановить")
        await expect(page.locator(".row.draft")).to_have_count(0)
        await say(page, "Как дела?")
        answer = page.locator(".row", has_text="Ответ: Как дела?")
        await expect(answer).to_be_visible()
        await expect(page.locator(".row.draft")).to_have_count(0)
        await answer.locator("button", has_text="Ещё").click()
        await expect(page.locator("dialog")).to_contain_text("Больше ничего нет")
        await page.click("dialog >> text=Понятно")
    await page.reload()
    await expect(page.locator(".row", has_text="Ответ: Как дела?")).to_be_visible()
    assert await page.locator(".row").count() == 5


async def test_a_group_with_a_mention(page: Page, playground: Playground, bot: Bot) -> None:
    async with polling(bot, talker()):
        await open_chat(page, "Друзья")
        await say(page, "просто болтаем")
        await page.click(".person:has-text('Борис')")
        await page.locator("#input").press_sequentially("эй, @test")
        await expect(page.locator("#suggest")).to_contain_text("@test_bot")
        await page.press("#input", "Enter")
        await page.press("#input", "Enter")
        answer = page.locator(".row", has_text="Звали?")
        await expect(answer.locator(".quote")).to_contain_text("эй, @test_bot")
        await expect(page.locator(".row.mine")).to_have_count(1)
        assert await page.locator(".row").count() == 3


async def test_topics_and_comments(page: Page, playground: Playground, bot: Bot) -> None:
    async with polling(bot, talker()):
        await open_chat(page, "Клуб")
        await page.click("role=tab[name='Флудилка']")
        await say(page, "@test_bot, ты здесь?")
        await expect(page.locator(".row", has_text="Звали?")).to_be_visible()
        await page.click("role=tab[name='Вопросы боту']")
        await expect(page.locator(".row")).to_have_count(0)
        await open_chat(page, "Новости дня")
        await say(page, "Открыли новую библиотеку")
        await expect(page.locator(".comments")).to_contain_text("1 комментарий")
        await page.click(".comments")
        await expect(page.locator(".row", has_text="Комментарий бота")).to_be_visible()
        await say(page, "Отлично!")
        await expect(page.locator(".row.mine")).to_contain_text("Отлично!")
    comment = playground.person("Аня").in_(playground.discussion).messages[-1]
    assert comment.reply_to_message is not None
    assert comment.reply_to_message.is_automatic_forward


async def test_nothing_that_people_or_bots_write_is_markup(
    page: Page, playground: Playground, bot: Bot
) -> None:
    await page.click("role=button[name='Добавить человека']")
    await page.fill("dialog input", HOSTILE[:60])
    await page.click("dialog >> text=Готово")
    await expect(page.locator(".person[aria-checked='true']")).to_contain_text("<img src=x")
    await page.click(".person:has-text('Аня')")
    await begin(page)
    chat = playground.person("Аня").id
    await say(page, HOSTILE)
    keys = ReplyKeyboardMarkup(keyboard=[[KeyboardButton(text=HOSTILE)]])
    await bot.send_message(chat, HOSTILE, reply_markup=keys)
    await bot.send_document(chat, BufferedInputFile(b"x", "<b>.html"), caption=HOSTILE)
    await bot.send_message_draft(chat, draft_id=1, text=HOSTILE)
    evil = [[InlineKeyboardButton(text=HOSTILE, url="https://example.com/'\"><script>")]]
    markup = InlineKeyboardMarkup(inline_keyboard=evil)
    await bot.send_message(chat, "javascript:alert(1)", reply_markup=markup)
    for text in (".row.mine .text", ".row:not(.mine) .text", ".keyboard .button"):
        await expect(page.locator(text, has_text=HOSTILE).first).to_be_visible()
    assert await page.evaluate("window.pwned") is None
    assert await page.locator(".feed img, .feed script").count() == 0


async def test_edits_reactions_and_keys_are_seen_live(
    page: Page, playground: Playground, bot: Bot
) -> None:
    await bot.set_my_commands([BotCommand(command="help", description="Что я умею")])
    await begin(page)
    keys = ReplyKeyboardMarkup(keyboard=[[KeyboardButton(text="Да"), KeyboardButton(text="Нет")]])
    anna = playground.person("Аня")
    sent = await bot.send_message(anna.id, "черновик", reply_markup=keys)
    await bot.edit_message_text("<b>готово</b>", chat_id=anna.id, message_id=sent.message_id,
                                parse_mode="HTML")  # fmt: skip
    row = page.locator(f"[data-id='{sent.message_id}']")
    await expect(row.locator("b")).to_have_text("готово")
    await expect(row.locator(".meta")).to_contain_text("изменено")
    await row.locator(".bubble").click(button="right")
    await page.click("role=button[name='Реакция 🔥']")
    await expect(row.locator(".reaction.own")).to_have_text("🔥")
    await page.click(".keyboard >> text=Да")
    await expect(page.locator(".row.mine").last).to_contain_text("Да")
    await page.fill("#input", "/")
    await expect(page.locator("#suggest")).to_contain_text("Что я умею")
    await bot.send_chat_action(anna.id, "typing")
    await expect(page.locator(".chat-head .status")).to_contain_text("печатает")
    await bot.delete_message(anna.id, sent.message_id)
    await expect(row).to_have_count(0)


async def test_pictures_go_both_ways(
    page: Page, playground: Playground, bot: Bot, tmp_path: Path
) -> None:
    picture = tmp_path / "кот.png"
    picture.write_bytes(png(40, 30))
    await begin(page)
    await page.set_input_files("#file", picture)
    await say(page, "мой кот")
    await expect(page.locator(".row.mine .photo img")).to_have_js_property("naturalWidth", 40)
    message = (await bot.get_updates())[-1].message
    assert message is not None
    assert (message.caption, bool(message.photo)) == ("мой кот", True)
    await bot.send_photo(message.chat.id, BufferedInputFile(png(50, 30), "a.png"))
    theirs = page.locator(".row:not(.mine) .photo img")
    await expect(theirs).to_have_js_property("naturalWidth", 50)
    await theirs.click()
    await expect(page.locator("dialog.viewer img")).to_be_visible()


async def test_a_tall_picture_is_shown_whole(page: Page, bot: Bot, tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    picture = Image.new("RGB", (300, 900), "white")
    picture.paste("red", (0, 0, 300, 60))
    picture.save(path)
    await begin(page)
    await page.set_input_files("#file", path)
    await say(page, "На карте двадцать две квартиры; числа — номера из начала списка.")
    image = page.locator(".row.mine .photo img")
    await expect(image).to_have_js_property("naturalHeight", 900)
    shown = Image.open(BytesIO(await image.screenshot(animations="disabled"))).convert("RGB")
    assert shown.getpixel((shown.width // 2, 8)) == (255, 0, 0)


async def test_a_narrow_screen(page: Page, playground: Playground, bot: Bot) -> None:
    await page.set_viewport_size({"width": 360, "height": 640})
    await page.reload()
    await page.wait_for_selector("body[data-ready]")
    await expect(page.locator("#chats")).to_be_visible()
    await open_chat(page, "Друзья")
    await expect(page.locator("#chats")).to_be_hidden()
    await say(page, "оченьдлинноеслово" * 30)
    await expect(page.locator(".row.mine")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    box = await page.locator(".send").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 360
    assert box["y"] + box["height"] <= 640
    await page.click(".back")
    await expect(page.locator("#chats")).to_be_visible()


async def test_the_keyboard_is_enough(page: Page, playground: Playground, bot: Bot) -> None:
    await page.keyboard.press("Alt+ArrowDown")
    await expect(page.locator(".chat-head .title")).to_have_text("Друзья")
    await page.keyboard.type("первая строка")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("вторая")
    await page.keyboard.press("Enter")
    row = page.locator(".row.mine")
    await expect(row.locator(".text")).to_have_text("первая строка\nвторая")
    await page.keyboard.press("ArrowUp")
    await expect(page.locator("#input")).to_have_value("первая строка\nвторая")
    await page.keyboard.type(" и третья")
    await page.keyboard.press("Enter")
    await expect(row.locator(".text")).to_have_text("первая строка\nвторая и третья")
    await row.locator(".tools button").last.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".menu")).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(row.locator(".reaction")).to_have_text("👍")
    await page.keyboard.press("Control+.")
    await expect(page.locator("#panel")).to_be_visible()


async def test_the_panel_shows_calls_and_makes_trouble(
    page: Page, playground: Playground, bot: Bot
) -> None:
    await begin(page)
    await page.click("#panel-toggle")
    await page.fill("#trouble input[type=number]", "7")
    await page.click("#trouble >> text=429 через")
    await expect(page.locator(".waiting")).to_contain_text("429 (7 с)")
    with pytest.raises(Exception, match="retry after 7"):
        await bot.send_message(playground.person("Аня").id, "x")
    call = page.locator(".call", has_text="sendMessage")
    await expect(call.locator(".code")).to_have_text("429")
    await expect(call.locator(".error")).to_have_text("Too Many Requests: retry after 7")
    await expect(page.locator(".waiting")).to_have_count(0)
    await call.locator("summary").click()
    await expect(call.locator("pre")).to_contain_text('"text": "x"')
    await page.click("text=Стереть историю")
    await page.click("dialog >> text=Стереть >> nth=-1")
    await expect(page.locator(".row")).to_have_count(0)


async def test_the_page_finds_its_server_again(blank: Page, tmp_path: Path) -> None:
    """A restarted demo on the same port goes on in the page that is still open."""
    page = blank
    async with Playground(state_dir=tmp_path, bot_username="test_bot") as playground:
        port = int(re.findall(r":(\d+)/", playground.page_url)[0])
        await page.goto(playground.page_url)
        await begin(page)
        await expect(page.locator(".row.mine")).to_contain_text("/start")
    await expect(page.locator(".offline")).to_be_visible()
    async with (
        Playground(state_dir=tmp_path, bot_username="test_bot", port=port) as playground,
        connect(playground) as bot,
    ):
        await expect(page.locator(".offline")).to_have_count(0, timeout=15_000)
        await bot.send_message(playground.person("Аня").id, "я вернулся")
        await expect(page.locator(".row").last).to_contain_text("я вернулся")
        assert await page.locator(".row").count() == 2


async def test_a_long_paste_goes_out_in_parts(page: Page, playground: Playground) -> None:
    await begin(page)
    lines = "\n".join(f"строка {number}: привет, мир 🙂" for number in range(400))
    assert len(lines) > 10_000
    await page.fill("#input", lines)
    await expect(page.locator("#count")).to_contain_text("уйдёт 3 сообщениями")
    await page.press("#input", "Enter")
    await expect(page.locator(".row.mine")).to_have_count(4)
    await expect(page.locator("#count")).to_be_hidden()
    texts = [m.text or "" for m in playground.person("Аня").private.messages[1:]]
    assert "\n".join(texts) == lines
    assert all(len(text.encode("utf-16-le")) <= 2 * 4096 for text in texts)
    await page.fill("#input", "🙂" * 5000)
    await page.press("#input", "Enter")
    await expect(page.locator(".row.mine")).to_have_count(7)
    texts = [m.text or "" for m in playground.person("Аня").private.messages[4:]]
    assert "".join(texts) == "🙂" * 5000


async def test_a_part_that_is_refused_stands_in_the_input_again(
    blank: Page, playground: Playground
) -> None:
    page = blank  # a refusal is an error in the console
    await page.goto(playground.page_url)
    await begin(page)
    await page.route("**/api/send", refuse_after_first())
    await page.fill("#input", "\n".join(["первая " * 500, "вторая " * 500]))
    await page.press("#input", "Enter")
    await expect(page.locator("#input")).to_have_value(("вторая " * 500).strip())
    assert len(playground.person("Аня").private.messages) == 2


def refuse_after_first() -> Callable[[Route], Awaitable[None]]:
    count = itertools.count()

    async def handle(route: Route) -> None:
        if next(count):
            await route.fulfill(status=400, json={"error": "нет"})
        else:
            await route.continue_()

    return handle


async def test_an_own_message_edited_on_the_page_reaches_the_bot(
    page: Page, playground: Playground, bot: Bot
) -> None:
    await begin(page)
    await say(page, "я работаю сварщиком")
    await page.press("#input", "ArrowUp")
    await say(page, "я работаю поваром")
    await expect(page.locator(".row.mine").last).to_contain_text("изменено")
    updates = await bot.get_updates()
    edited = updates[-1].edited_message
    assert edited is not None
    assert edited.edit_date
    assert (edited.text, edited.message_id) == ("я работаю поваром", updates[-2].message.message_id)
    await page.press("#input", "ArrowUp")
    await page.fill("#input", "ы" * 5000)
    await expect(page.locator(".send")).to_be_disabled()
    await expect(page.locator("#count")).to_contain_text("должно поместиться в одно")


async def test_an_ephemeral_message_is_marked_and_has_one_reader(
    page: Page, playground: Playground, bot: Bot
) -> None:
    await open_chat(page, "Друзья")
    await say(page, "привет")
    (anya,) = [user for user in playground.world.users.values() if user.first_name == "Аня"]
    only = EphemeralMessageParameters(receiver_user_id=anya.id)
    await bot.send_message(
        playground.group.id, "Я занят, спроси позже", ephemeral_message_parameters=only
    )
    told = page.locator(".row", has_text="Я занят")
    await expect(told).to_contain_text("Видно только тебе")
    await page.click(".person:has-text('Борис')")
    await expect(page.locator(".row", has_text="привет")).to_be_visible()
    await expect(told).to_have_count(0)


async def test_the_day_covers_no_line(page: Page, playground: Playground) -> None:
    await begin(page)
    chat = playground.person("Аня").private
    for number in range(30):
        chat.send(f"строка {number}\nвторая")
    await expect(page.locator(".row")).to_have_count(31)
    for where in (0, 200, 500):
        await page.evaluate(f"document.getElementById('feed').scrollTop = {where}")
        overlaps = await page.evaluate(
            """() => {
              const boxes = (name) =>
                [...document.querySelectorAll(name)].map((node) => node.getBoundingClientRect());
              return boxes(".day").some((day) => boxes(".bubble").some(
                (box) => box.top < day.bottom && box.bottom > day.top));
            }"""
        )
        assert not overlaps


async def test_a_rich_message_is_shown_whole(page: Page, playground: Playground, bot: Bot) -> None:
    await page.set_viewport_size({"width": 360, "height": 640})
    await begin(page)
    chat = playground.person("Аня").id
    wide = "\n".join(
        ["| " + " | ".join(f"столбец {n}" for n in range(12)) + " |", "|---" * 12 + "|"]
    )
    hostile = MARKDOWN.replace("# План", f"# {HOSTILE}\n# План")
    await bot.send_rich_message_draft(chat, 1, InputRichMessage(markdown="# Пи"), can_stop=True)
    await expect(page.locator(".row.draft .heading")).to_have_text("Пи")
    await expect(page.locator(".row.draft .stop")).to_be_visible()
    sent = await bot.send_rich_message(chat, InputRichMessage(markdown=f"{hostile}\n\n{wide}"))
    await expect(page.locator(".row.draft")).to_have_count(0)
    row = page.locator(f"[data-id='{sent.message_id}']")
    await expect(row.get_by_role("heading", name="План поездки")).to_be_visible()
    await expect(row.get_by_role("heading").first).to_have_text(HOSTILE)
    table = row.get_by_role("table").first
    await expect(table.get_by_role("columnheader")).to_have_text(["Город", "Цена"])
    await expect(table.get_by_role("cell", name="12 | 13")).to_have_css("text-align", "right")
    await expect(row.locator("ol > li")).to_have_count(2)
    await expect(row.get_by_role("checkbox").first).to_be_checked()
    await expect(row.locator("blockquote blockquote")).to_have_text("глубже")
    await expect(row.get_by_role("math")).to_have_text(["E = mc^2", r"\int_0^1 x\,dx"])
    await expect(row.locator("details p")).to_be_visible()
    await row.locator("summary").click()
    await expect(row.locator("details p")).to_be_hidden()
    spoiler = row.get_by_role("button", name="Показать скрытое")
    await spoiler.focus()
    await page.keyboard.press("Enter")
    await expect(row.locator(".spoiler.shown")).to_have_text("тайна")
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    assert await page.evaluate("document.getElementById('feed').scrollWidth") <= 360
    assert await page.evaluate("window.pwned") is None
    await page.click(".back")
    await expect(page.locator(".chat[aria-current='true'] .chat-preview")).to_contain_text(
        "<img src=x"
    )


async def test_a_recorded_voice_message_plays(page: Page, playground: Playground, bot: Bot) -> None:
    """Chromium's own microphone beeps; the bot gets what it recorded."""
    await page.set_viewport_size({"width": 360, "height": 640})
    await begin(page)
    record = page.get_by_role("button", name="Записать голосовое")
    await record.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("timer")).to_have_text("0:02", timeout=10_000)
    await page.get_by_role("button", name="Остановить и отправить").click()
    sound = page.get_by_role("group", name="Голосовое сообщение")
    await expect(sound).to_be_visible()
    message = (await bot.get_updates())[-1].message
    assert message is not None
    assert message.voice is not None
    assert message.voice.duration in (2, 3)
    assert (message.voice.mime_type or "").startswith("audio/")
    bars = sound.locator(".wave i")
    await expect(bars.first).to_be_visible()
    levels = await bars.evaluate_all("bars => bars.map((bar) => bar.style.cssText)")
    assert len(set(levels)) > 3
    await sound.get_by_role("button", name="Слушать").click()
    await expect(sound.locator(".wave .played").first).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    await page.click(".back")
    await expect(page.locator(".chat[aria-current='true']")).to_contain_text("Голосовое сообщение")
