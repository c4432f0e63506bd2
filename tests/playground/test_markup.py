"""Parse modes, found entities and UTF-16 arithmetic; the wording is Telegram's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.markup import (
    FormattedText,
    MarkupError,
    find_entities,
    parse_html,
    parse_markdown_v2,
    trimmed,
    utf16_length,
    utf16_slice,
)


def spans(formatted: FormattedText) -> list[tuple[str, str]]:
    return [
        (e["type"], utf16_slice(formatted.text, e["offset"], e["length"]))
        for e in formatted.entities
    ]


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        ("*b* _i_ __u__ ~s~", "b i u s",
         [("bold", "b"), ("italic", "i"), ("underline", "u"), ("strikethrough", "s")]),
        ("||😀|| `c\\`d`", "😀 c`d", [("spoiler", "😀"), ("code", "c`d")]),
        ("*a _b_ c*", "a b c", [("bold", "a b c"), ("italic", "b")]),
        ("___x_**__", "x", [("italic", "x"), ("underline", "x")]),
        ("a\\.b", "a.b", []),
        ("[l](https://a.ru/\\))", "l", [("text_link", "l")]),
        ("[l](nonsense)", "l", []),
        ("[x](tg://user?id=5)", "x", [("text_mention", "x")]),
        ("```\nкод```", "код", [("pre", "код")]),
        (">q\n>w\nafter", "q\nw\nafter", [("blockquote", "q\nw\n")]),
        (">q\n>w||", "q\nw", [("expandable_blockquote", "q\nw")]),
        ("![👍](tg://emoji?id=5368324170671202286)", "👍", [("custom_emoji", "👍")]),
    ],
)  # fmt: skip
def test_markdown(source: str, text: str, expected: list[tuple[str, str]]) -> None:
    parsed = parse_markdown_v2(source)
    assert (parsed.text, spans(parsed)) == (text, expected)


def test_markdown_code_has_its_language() -> None:
    (entity,) = parse_markdown_v2("```py\nx=1\n```").entities
    assert entity == {"type": "pre", "offset": 0, "length": 4, "language": "py"}


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("hello.", "Character '.' is reserved and must be escaped with the preceding '\\'"),
        ("a-b", "Character '-' is reserved and must be escaped with the preceding '\\'"),
        ("a > b", "Character '>' is reserved and must be escaped with the preceding '\\'"),
        ("*unclosed", "Can't find end of Bold entity at byte offset 0"),
        ("я _и", "Can't find end of Italic entity at byte offset 3"),
        ("`x", "Can't find end of Code entity at byte offset 0"),
        ("```py\nx", "Can't find end of PreCode entity at byte offset 0"),
        ("[a](b", "Can't find end of a URL at byte offset 4"),
        ("![a]", "Custom emoji entity must contain a tg://emoji URL"),
        (">*a\nb*", "Can't find end of Bold entity at byte offset 1"),
    ],
)
def test_markdown_errors(source: str, error: str) -> None:
    with pytest.raises(MarkupError) as raised:
        parse_markdown_v2(source)
    assert str(raised.value) == error


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        ("<b>x <I>y</I></b> &lt;&amp;&#33;&nope;", "x y <&!&nope;",
         [("bold", "x y"), ("italic", "y")]),
        ('<a href="https://a.ru/?x=1&amp;y=2">l</a>', "l", [("text_link", "l")]),
        ("<a>example.com</a>", "example.com", [("text_link", "example.com")]),
        ('<pre><code class="language-py">x</code></pre>', "x", [("pre", "x")]),
        ("<code>a</code><pre>b</pre>", "ab", [("code", "a"), ("pre", "b")]),
        ('<span class="tg-spoiler">s</span>', "s", [("spoiler", "s")]),
        ("<blockquote expandable>q</blockquote>", "q", [("expandable_blockquote", "q")]),
        ("<b></b>x", "x", []),
        ("<u>1</><s>2</s>", "12", [("underline", "1"), ("strikethrough", "2")]),
    ],
)  # fmt: skip
def test_html(source: str, text: str, expected: list[tuple[str, str]]) -> None:
    parsed = parse_html(source)
    assert (parsed.text, spans(parsed)) == (text, expected)


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("a < b", 'Unsupported start tag "" at byte offset 2'),
        ("<script>alert(1)</script>", 'Unsupported start tag "script" at byte offset 0'),
        ("я<br>", 'Unsupported start tag "br" at byte offset 2'),
        ("<b>unclosed", "Can't find end tag corresponding to start tag \"b\""),
        ("</b>", "Unexpected end tag at byte offset 0"),
        ("<b", "Unclosed start tag at byte offset 0"),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ("<b><i>test</b></i>",
         'Unmatched end tag at byte offset 10, expected "</i>", found "</b>"'),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
        ("<a href>x</a>",
         'Expected equal sign in declaration of an attribute of the tag "a" at byte offset 0'),
        ('<tg-emoji emoji-id="9999999999999999999">x</tg-emoji>',
         "Invalid custom emoji identifier specified"),
    ],
)  # fmt: skip
def test_html_errors(source: str, error: str) -> None:
    with pytest.raises(MarkupError) as raised:
        parse_html(source)
    assert str(raised.value) == error


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/start@GrishaBot привет", [("bot_command", "/start@GrishaBot")]),
        ("скажи, @Grisha_Bot!", [("mention", "@Grisha_Bot")]),
        ("😀 @bot_x", [("mention", "@bot_x")]),
        ("почта a.b@mail.ru и @кириллица", [("email", "a.b@mail.ru")]),
        ("смотри example.com/a?b=1.", [("url", "example.com/a?b=1")]),
        ("(https://ru.wikipedia.org/wiki/Кот)", [("url", "https://ru.wikipedia.org/wiki/Кот")]),
        ("президент.рф", [("url", "президент.рф")]),
        ("#тег #2024 $USD", [("hashtag", "#тег"), ("cashtag", "$USD")]),
        ("звони +7 999 123-45-67", [("phone_number", "+7 999 123-45-67")]),
        ("и/или 1/2 файл.txt т.е. a@b #", []),
        ("https://t.me/@name/start", [("url", "https://t.me/@name/start")]),
    ],
)
def test_found_entities(text: str, expected: list[tuple[str, str]]) -> None:
    assert spans(FormattedText(text, tuple(find_entities(text)))) == expected


def test_trimming_moves_entities() -> None:
    entities: tuple[dict[str, Any], ...] = ({"type": "bold", "offset": 0, "length": 6},)
    assert trimmed(FormattedText("\n\n😀ab\n", entities)) == FormattedText(
        "😀ab", ({"type": "bold", "offset": 0, "length": 4},)
    )


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused_and_entities_stay_inside(text: str) -> None:
    for parse in (parse_markdown_v2, parse_html):
        try:
            parsed = parse(text)
        except MarkupError:
            continue
        size = utf16_length(parsed.text)
        assert all(
            e["length"] > 0 and e["offset"] >= 0 and e["offset"] + e["length"] <= size
            for e in parsed.entities
        )


@given(st.text(alphabet="_*[]()~`>#+-=|{}.!\\aя😀", max_size=40))
def test_escaped_markdown_comes_back_as_it_was(text: str) -> None:
    escaped = "".join(f"\\{c}" if c.isascii() and not c.isalnum() else c for c in text)
    assert parse_markdown_v2(escaped) == FormattedText(text)
