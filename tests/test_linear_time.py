"""No reader of people's text stops the bot: cost stays near-linear on hostile texts."""

from __future__ import annotations

from contextlib import suppress

import pytest

from bots.common.formatting import classic_parts, rich_parts
from bots.grisha import acquaintance
from bots.grisha.cleaning import clean_answer
from bots.grisha.facts import asks_for_everything, asks_of_self
from bots.grisha.facts.reading import read
from bots.grisha.facts.sentences import sentences, without_quotations
from bots.grisha.knowledge import is_worth_searching
from bots.grisha.learning import is_thanks
from bots.grisha.names import extract_name
from cli.answers import first_code_block
from cli.history_chat.markdown import NotASession, from_markdown, to_markdown
from cli.history_chat.sessions import Session
from cli.log.store import _query
from cli.structured import check
from services.decoding import decode
from services.retrieval.lexical import stems
from services.retrieval.spelling import trigrams
from services.web import Citations, names_page
from tests.linear_time import Reader, assert_linear

NAMES = (
    "меня зовут ", "зови меня ", "я ", "это ", "если что ", "если ", "рада ", "просто ", "я — ",
    "можно просто ", "с вами ", "не Саша, а ", "моё имя ", "на самом деле ", "снова я ", "Аня ",
    "my name is ", "сказал ", "меня Аня зовут ",
)  # fmt: skip
ASKS = ("как меня зовут", "помнишь ", "ли ты ", "моё имя ", "как ", "тебя ", "кто я ", "а ты ")
ANSWERS = (
    "Гриша: ", "<|", "<|im_start|>", "[ИМЯ]", "да, ", "да-", "очень ", "```", "и так далее, ",
)  # fmt: skip
FACTS = (
    "я работаю ", "у меня ", "кот ", "если бы ", "забудь про ", "«", "» ", "он пишет: ",
    "да какой ", "не ", "мой ", "сестра ", "больше не ", "с глебом всё ", ")))", "шучу ",
    "ли ", "? ",
)  # fmt: skip
THANKS = ("спасибо ", "большое ", "за усы ", "тебе ", "помог", "гриш")
MARKDOWN = (
    "- ", "  - ", "1. ", "> ", "| ", "a|b\n-|-\n", "| a |\n", "```", "~~~", "$", "$$", "\\(", "\\[",
    "\\]", "**", "_", "`", "[a](", "](", "<br>", "# ", "\n\n", "[a]: x\n", "\\", "&amp;", "<tg-",
)  # fmt: skip

CITATIONS = ("[sources=[", "1, ", "]]", "[", "[s", " ", "https://", "http", "://", "а")


def numbered(text: str) -> str:
    """The citations of a text that comes in pieces of three letters."""
    citations = Citations()
    pieces = (text[start : start + 3] for start in range(0, len(text), 3))
    return "".join(map(citations.feed, pieces)) + citations.finish()


def session_and_back(text: str) -> None:
    session = Session()
    session.add("assistant", text)
    assert from_markdown(to_markdown(session)).messages == session.messages
    with suppress(NotASession):
        from_markdown(f"---\ntitle: 1\n{text}")


SESSION = ("## Ты · ", "\\", "## Модель · 1\n\n", "---\n", 'title: "', "\n\n", "\\## Ты · ", "\r\n")
CODE = ("```", "~~~", "`", "~", "\n", "```py\n", "    ", "```\n")
JSON = ("{", "[", "}", '"a": ', "```json\n", "1, ", "null", "\\", "{}")

READERS: dict[str, tuple[Reader, tuple[str, ...]]] = {
    "name": (extract_name, NAMES),
    "bare name": (lambda text: extract_name(text, asked=True), NAMES),
    "asks own name": (acquaintance.asks_own_name, ASKS),
    "asked for name": (acquaintance.asked_for_name, ASKS),
    "introduction": (lambda text: acquaintance.is_introduction(text, "Аня"), ASKS),
    "cleaning": (clean_answer, ANSWERS),
    "worth searching": (is_worth_searching, ("привет ", "ок ", "ага?")),
    "facts": (read, FACTS),
    "sentences": (sentences, FACTS),
    "quotations": (without_quotations, FACTS),
    "asks of self": (asks_of_self, FACTS),
    "asks for everything": (asks_for_everything, FACTS),
    "thanks": (is_thanks, THANKS),
    "stems": (stems, NAMES),
    "classic message": (classic_parts, MARKDOWN),
    "rich message": (lambda text: rich_parts(text, long=True), MARKDOWN),
    "trigrams": (trigrams, NAMES),
    "citations": (numbered, CITATIONS),
    "addresses": (names_page, CITATIONS),
    "session": (session_and_back, SESSION),
    "code block": (first_code_block, CODE),
    "answer by a schema": (lambda text: check(text, {"type": "integer"}), JSON),
    "search of the log": (_query, ("«", '"', "« ", '" ', "слово ", "»")),
    "file": (lambda text: decode(text.encode("cp1251", "replace")), NAMES),
}


@pytest.mark.parametrize("name", READERS)
def test_cost_grows_with_the_text_and_no_faster(name: str) -> None:
    assert_linear(*READERS[name])


def test_a_small_text_makes_no_large_table() -> None:
    long_cell = f"{'x' * 30_000}|b\n-|-\n" + "a|b\n" * 3_000
    many_columns = "|".join("x" * 1_000) + "\n" + "|".join("-" * 1_000) + "\n" + "a|\n" * 10_000
    for text in (long_cell, many_columns):
        shown = sum(len(part.text) for part in classic_parts(text))
        blocks = sum(len(repr(part.blocks)) for part in rich_parts(text, long=True))
        assert shown < 40 * len(text)
        assert blocks < 400 * len(text)
