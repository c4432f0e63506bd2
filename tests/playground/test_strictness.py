"""What Telegram refuses, this server refuses in the same words."""

from __future__ import annotations

import random
from typing import Any

import aiohttp
import pytest

from playground import Playground
from playground.bot_api import METHODS
from playground.errors import ApiError
from playground.params import Params
from tests.playground.conftest import Api

LONG = "x" * 4097


def inline(**button: Any) -> dict[str, Any]:
    return {"inline_keyboard": [[button]]}


def entity(**fields: Any) -> list[dict[str, Any]]:
    return [{"type": "bold", "offset": 0, "length": 1, **fields}]


SENDING: list[tuple[dict[str, Any], str]] = [
    ({"text": None}, "message text is empty"),
    ({"text": ""}, "message text is empty"),
    ({"text": " \n "}, "text must be non-empty"),
    ({"text": "<b> </b>", "parse_mode": "HTML"}, "text must be non-empty"),
    ({"text": "\ud800"}, "strings must be encoded in UTF-8"),
    ({"text": LONG}, "message is too long"),
    ({"text": "😀" * 2049}, "message is too long"),
    ({"parse_mode": "INVALID"}, "unsupported parse_mode"),
    ({"text": "a.b", "parse_mode": "markdownv2"},
     "can't parse entities: Character '.' is reserved and must be escaped with the preceding '\\'"),
    ({"text": "<b>", "parse_mode": "html"},
     "can't parse entities: Can't find end tag corresponding to start tag \"b\""),
    ({"entities": "x"}, "can't parse entities JSON object"),
    ({"entities": entity(type="funny")}, "can't parse MessageEntity: Unsupported type specified"),
    ({"entities": [{"type": "bold", "offset": 0}]},
     "can't parse MessageEntity: Can't find field \"length\""),
    ({"entities": entity(offset="0")},
     "can't parse MessageEntity: Field \"offset\" must be of type Number"),
    ({"entities": entity(offset=-1)}, "receive an entity with incorrect offset -1"),
    ({"entities": entity(offset=100)},
     "entity begins after the end of the text at UTF-16 offset 100"),
    ({"entities": entity(length=100)},
     "entity beginning at UTF-16 offset 0 ends after the end of the text at UTF-16 offset 100"),
    ({"entities": entity(type="text_link")},
     "can't parse MessageEntity: Can't find field \"url\""),
    ({"entities": entity(type="text_link", url="not-a-url")},
     "entity URL 'not-a-url' is invalid: Wrong HTTP URL"),
    ({"chat_id": None}, "chat_id is empty"),
    ({"chat_id": 0}, "chat not found"),
    ({"chat_id": -1}, "chat not found"),
    ({"chat_id": "not_a_chat"}, "chat not found"),
    ({"chat_id": "@nobody_is_here"}, "chat not found"),
    ({"message_thread_id": 999}, "message thread not found"),
    ({"reply_parameters": {"message_id": 999}}, "message to be replied not found"),
    ({"reply_parameters": {"quote": "x"}}, "can't find field \"message_id\""),
    ({"reply_parameters": {"message_id": 1, "quote": "nothing like it"}}, "QUOTE_TEXT_INVALID"),
    ({"reply_markup": "x"}, "can't parse reply keyboard markup JSON object"),
    ({"reply_markup": []}, "object expected as reply markup"),
    ({"reply_markup": {"inline_keyboard": "x"}},
     "field \"inline_keyboard\" must be of type Array"),
    ({"reply_markup": {"inline_keyboard": ["x"]}},
     "field \"inline_keyboard\" must be an Array of Arrays"),
    ({"reply_markup": inline(callback_data="x")},
     "can't parse inline keyboard button: Can't find field \"text\""),
    ({"reply_markup": inline(text="x")},
     "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"),
    ({"reply_markup": inline(text="x", callback_data="я" * 33)}, "BUTTON_DATA_INVALID"),
    ({"reply_markup": inline(text="x", url="not-a-url")},
     "inline keyboard button URL 'not-a-url' is invalid: Wrong HTTP URL"),
    ({"reply_markup": inline(text="x", url="ftp://example.com")},
     "inline keyboard button URL 'ftp://example.com' is invalid: Unsupported URL protocol"),
    ({"reply_markup": inline(text="x", pay=True)}, "BUTTON_TYPE_INVALID"),
    ({"reply_markup": {"keyboard": [["A"]], "selective": "yes"}},
     "field \"selective\" must be of type Boolean"),
    ({"reply_markup": {"force_reply": "yes"}}, "field \"force_reply\" must be of type Boolean"),
    ({"reply_markup": {"inline_keyboard": [[{"text": "x", "callback_data": "x"}] * 101]}},
     "reply markup is too long"),
]  # fmt: skip


@pytest.fixture
def chat_id(playground: Playground) -> int:
    """A private chat in which somebody has written message 1."""
    return playground.person("Аня").private.send("привет").chat.id


@pytest.mark.parametrize(("changes", "error"), SENDING)
async def test_send_message(api: Api, chat_id: int, changes: dict[str, Any], error: str) -> None:
    params = {"chat_id": chat_id, "text": "test", **changes}
    sent = {name: value for name, value in params.items() if value is not None}
    assert await api.error("sendMessage", **sent) == f"Bad Request: {error}"


@pytest.mark.parametrize("text", ["x" * 4096, "😀" * 2048, f"  {'x' * 4096}  "])
async def test_the_longest_text_goes_through(api: Api, chat_id: int, text: str) -> None:
    assert (await api.result("sendMessage", chat_id=chat_id, text=text))["text"] == text.strip()


async def test_parsing_comes_before_counting(api: Api, chat_id: int) -> None:
    text = f"<b>{'x' * 4096}</b>"
    assert await api.result("sendMessage", chat_id=chat_id, text=text, parse_mode="HTML")


async def test_callback_data_may_have_64_bytes(api: Api, chat_id: int) -> None:
    markup = inline(text="x", callback_data="я" * 32)
    assert await api.result("sendMessage", chat_id=chat_id, text="x", reply_markup=markup)


async def test_a_missing_reply_may_be_allowed(api: Api, chat_id: int) -> None:
    reply = {"message_id": 999, "allow_sending_without_reply": True}
    sent = await api.result("sendMessage", chat_id=chat_id, text="x", reply_parameters=reply)
    assert "reply_to_message" not in sent


async def test_edits(api: Api, chat_id: int) -> None:
    sent = await api.result("sendMessage", chat_id=chat_id, text="один")
    message = {"chat_id": chat_id, "message_id": sent["message_id"]}
    edit = "editMessageText"
    for params, error in [
        ({**message, "text": "один"}, "message is not modified: specified new message content and "
         "reply markup are exactly the same as a current content and reply markup of the message"),
        ({**message, "text": " один\n"}, "message is not modified: specified new message content "
         "and reply markup are exactly the same as a current content and reply markup of the "
         "message"),
        ({**message, "text": ""}, "message text is empty"),
        ({**message, "text": LONG}, "MESSAGE_TOO_LONG"),
        ({**message, "text": "x", "message_id": 999}, "message to edit not found"),
        ({"chat_id": chat_id, "text": "x"}, "message identifier is not specified"),
        ({**message, "text": "x", "message_id": 1}, "message can't be edited"),
    ]:  # fmt: skip
        assert await api.error(edit, **params) == f"Bad Request: {error}"
    caption = await api.error("editMessageCaption", **message, caption="x")
    assert caption == "Bad Request: there is no caption in the message to edit"
    edited = await api.result(edit, **message, text="два")
    assert (edited["text"], "edit_date" in edited) == ("два", True)


async def test_an_edit_without_the_keyboard_takes_it_away(api: Api, chat_id: int) -> None:
    markup = inline(text="x", callback_data="x")
    sent = await api.result("sendMessage", chat_id=chat_id, text="x", reply_markup=markup)
    message = {"chat_id": chat_id, "message_id": sent["message_id"]}
    unchanged = await api.error("editMessageReplyMarkup", **message, reply_markup=markup)
    assert unchanged.startswith("Bad Request: message is not modified")
    edited = await api.result("editMessageText", **message, text="x")
    assert "reply_markup" not in edited


@pytest.mark.parametrize(
    ("method", "params", "error"),
    [
        ("deleteMessage", {"message_id": 999}, "message to delete not found"),
        ("deleteMessages", {}, "message identifiers are not specified"),
        ("pinChatMessage", {"message_id": 999}, "message to pin not found"),
        ("forwardMessage", {"from_chat_id": 1001, "message_id": 999},
         "message to forward not found"),
        ("copyMessage", {"from_chat_id": 1001, "message_id": 999}, "message to copy not found"),
        ("setMessageReaction", {"message_id": 1, "reaction": [{"type": "emoji", "emoji": "🧱"}]},
         "REACTION_INVALID"),
        ("setMessageReaction", {"message_id": 999}, "message to react not found"),
        ("sendChatAction", {"action": "dancing"}, "wrong parameter action in request"),
        ("sendMessageDraft", {"text": "x"}, "draft_id must be non-zero"),
        ("sendMessageDraft", {"draft_id": 1, "text": LONG}, "message is too long"),
        ("answerCallbackQuery", {"callback_query_id": "1"},
         "query is too old and response timeout expired or query ID is invalid"),
        ("answerCallbackQuery", {"callback_query_id": "1", "text": "x" * 201}, "MESSAGE_TOO_LONG"),
        ("setMyCommands", {"commands": [{"command": "Привет", "description": "x"}]},
         "BOT_COMMAND_INVALID"),
        ("setMyCommands", {"commands": "x"}, "can't parse commands JSON object"),
        ("sendPhoto", {}, "there is no photo in the request"),
        ("sendPhoto", {"photo": "https://example.com/a.png"}, "failed to get HTTP URL content"),
        ("sendDocument", {"document": "unknown"}, "wrong file identifier/HTTP URL specified"),
        ("sendLocation", {"latitude": 91, "longitude": 0}, "wrong latitude specified"),
        ("sendMediaGroup", {"media": []}, "wrong number of media items in the album"),
        ("getFile", {}, "file_id not specified"),
        ("getFile", {"file_id": "x"}, "invalid file_id"),
        ("getChatMember", {}, "invalid user_id specified"),
        ("getChatMember", {"user_id": 5}, "user not found"),
        ("getChatAdministrators", {}, "there are no administrators in the private chat"),
        ("leaveChat", {}, "chat member status can't be changed in private chats"),
        ("setWebhook", {"url": "http://example.com"},
         "bad webhook: An HTTPS URL must be provided for webhook"),
        ("setWebhook", {"url": "https://example.com", "secret_token": "я"},
         "secret token contains unallowed characters"),
        ("getUpdates", {"allowed_updates": "x"}, "can't parse allowed_updates JSON object"),
    ],
)  # fmt: skip
async def test_other_methods(
    api: Api, chat_id: int, method: str, params: dict[str, Any], error: str
) -> None:
    assert await api.error(method, chat_id=chat_id, **params) == f"Bad Request: {error}"


async def test_drafts_are_for_private_chats(api: Api, playground: Playground) -> None:
    params = {"chat_id": playground.group.id, "draft_id": 1, "text": "x"}
    assert await api.error("sendMessageDraft", **params) == "Bad Request: TEXTDRAFT_PEER_INVALID"


async def test_a_bot_cannot_write_first(api: Api, playground: Playground) -> None:
    person = playground.person("Борис").id
    assert await api.error("sendMessage", chat_id=person, text="x") == "Bad Request: chat not found"


async def test_a_blocked_bot_is_told(api: Api, playground: Playground, chat_id: int) -> None:
    chat = playground.person("Аня").private
    chat.block()
    send = {"chat_id": chat_id, "text": "x"}
    assert await api.error("sendMessage", **send) == "Forbidden: bot was blocked by the user"
    chat.unblock()
    assert await api.result("sendMessage", **send)
    updates = await api.result("getUpdates", offset=-2)
    assert [u["my_chat_member"]["new_chat_member"]["status"] for u in updates] == [
        "kicked",
        "member",
    ]


async def test_a_bot_outside_a_group_is_told(api: Api, playground: Playground) -> None:
    group = playground.group.id
    assert await api.result("leaveChat", chat_id=group) is True
    error = await api.error("sendMessage", chat_id=group, text="x")
    assert error == "Forbidden: bot is not a member of the supergroup chat"


async def test_tokens_and_methods_are_checked(
    http: aiohttp.ClientSession, playground: Playground
) -> None:
    for path, expected in [
        (f"bot{playground.token}/noSuchMethod", (404, "Not Found")),
        ("bot1:wrong/getMe", (401, "Unauthorized")),
        (f"bot{playground.token}/GETME", (200, None)),
    ]:
        async with http.get(f"{playground.api_url}/{path}") as response:
            body = await response.json()
            assert (response.status, body.get("description")) == expected


async def test_every_form_of_parameters_is_read(
    http: aiohttp.ClientSession, playground: Playground, chat_id: int
) -> None:
    url = f"{playground.api_url}/bot{playground.token}/sendMessage"
    params = {"chat_id": str(chat_id), "text": "привет"}
    multipart = aiohttp.FormData(params, quote_fields=False)
    multipart.add_field("unused", b"x", filename="x")
    for request in (
        {"params": params},
        {"data": params},
        {"json": {"chat_id": chat_id, "text": "привет"}},
        {"data": multipart},
    ):
        async with http.post(url, **request) as response:
            assert (await response.json())["result"]["text"] == "привет"


ODD_VALUES: list[Any] = [
    None, True, 0, -1, 1, 1001, 2**63, 1.5, "", " ", "x", "1", "1001", "@novosti_dnya", "[]", "{}",
    "[[]]", "null", "\ud800", [], [1], ["x"], [None], [[]], {}, {"type": "emoji", "emoji": "👍"},
    [{"type": "emoji", "emoji": "👍"}], [{"type": "photo", "media": "attach://x"}],
    {"message_id": 1}, {"message_id": "1"}, {"inline_keyboard": [[None]]}, {"keyboard": [[1]]},
    {"keyboard": [["A"]]}, {"remove_keyboard": True}, [{"type": "bold", "offset": 0, "length": 1}],
    [{"command": 1, "description": None}], {"type": "chat", "chat_id": {}},
]  # fmt: skip
NAMES = (  # noqa: SIM905 -- a list of words
    "chat_id from_chat_id message_id message_ids text caption entities parse_mode reply_markup "
    "reply_parameters message_thread_id draft_id action media photo document latitude longitude "
    "title address user_id commands scope language_code callback_query_id file_id reaction name "
    "url secret_token offset limit allowed_updates caption_entities"
).split()


async def test_no_call_breaks_the_server(playground: Playground, chat_id: int) -> None:
    """Whatever comes in, the answer is a result or one of Telegram's refusals."""
    chance = random.Random(7)
    names = sorted(METHODS)
    done = 0
    for _ in range(4000):
        params = {name: chance.choice(ODD_VALUES) for name in chance.sample(NAMES, 12)}
        if chance.random() < 0.7:
            params["chat_id"] = chance.choice((chat_id, playground.group.id, playground.forum.id))
        if chance.random() < 0.3:
            params["message_id"] = playground.world.chats[str(playground.group.id)].last_id
        try:
            await playground.api.call(chance.choice(names), Params(params, {}))
            done += 1
        except ApiError:
            playground.webhook.stop()
    assert done > 300


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"[" * 100_000),
        ("application/json", b'"\xed\xa0\xbd"'),
        ("application/json; charset=no-such", b"{"),
        ("application/x-www-form-urlencoded; charset=no-such", b"text=1"),
        ("multipart/form-data", b"--"),
        ("multipart/form-data; boundary=x", b"--x\r\nno header"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    http: aiohttp.ClientSession, playground: Playground, kind: str, body: bytes
) -> None:
    for url in (f"bot{playground.token}/sendMessage", "api/send"):
        headers = {"Content-Type": kind, "X-Playground": "page"}
        async with http.post(f"{playground.api_url}/{url}", data=body, headers=headers) as response:
            assert response.status in (400, 415)


async def test_a_file_may_have_an_odd_name(
    http: aiohttp.ClientSession, playground: Playground, chat_id: int
) -> None:
    """Bytes that are no UTF-8 in a header: the file is taken, the name is mended."""
    body = (
        b'--x\r\nContent-Disposition: form-data; name="chat_id"\r\n\r\n%d\r\n'
        b'--x\r\nContent-Disposition: form-data; name="document"; filename="a\xff.txt"\r\n'
        b"Content-Type: text/\xff\r\n\r\nabc\r\n--x--\r\n" % chat_id
    )
    url = f"{playground.api_url}/bot{playground.token}/sendDocument"
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    async with http.post(url, data=body, headers=headers) as response:
        answer = await response.json()
    assert answer["ok"], answer
    document = answer["result"]["document"]
    assert document["file_name"].encode().endswith(b".txt")
    assert document["mime_type"].isprintable()
