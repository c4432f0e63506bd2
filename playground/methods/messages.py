"""Messages that a bot writes: text, drafts, copies and forwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from playground.bot_api import BotApi, method
from playground.chats import Author, Chat
from playground.errors import Json, bad_request
from playground.keyboards import checked_markup
from playground.markup import MAX_TEXT, FormattedText, utf16_length
from playground.messages import content_of, public
from playground.params import Params, format_text

_ACTIONS = (
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
)


@method
def send_message(api: BotApi, params: Params) -> Json:
    text = message_text(params, "message is too long")
    return deliver(api, params, text.wire())[0]


def message_text(params: Params, too_long: str) -> FormattedText:
    """The text of a call, with Telegram's complaints about what can't be sent."""
    if not params.string("text"):
        raise bad_request("message text is empty")
    formatted = params.formatted("text")
    if not formatted.text:
        raise bad_request("text must be non-empty")
    if utf16_length(formatted.text) > MAX_TEXT:
        raise bad_request(too_long)
    return formatted


def deliver(api: BotApi, params: Params, *contents: Mapping[str, Any]) -> list[Json]:
    """Check where messages go and what hangs on them, then post them for the bot.

    Several at once are an album: they count as one call and arrive together or not at all.
    """
    markup = checked_markup(params.parsed("reply_markup", "reply keyboard markup"))
    chat = api.chat(params)
    place = placement(api, chat, params)
    api.charge(chat)
    inline = markup if markup and "inline_keyboard" in markup else None
    author = Author.in_chat(api.world.bot, chat)
    hanging = {"reply_markup": inline} if inline else {}
    hanging.update(_receiver(api, chat, params))
    posted = [api.world.post(chat, author, {**body, **hanging}, **place) for body in contents]
    api.world.set_keyboard(chat, markup)
    return [public(message) for message in posted]


def _receiver(api: BotApi, chat: Chat, params: Params) -> Json:
    """Who alone sees an ephemeral message; nothing for other messages."""
    wanted = params.parsed("ephemeral_message_parameters", "EphemeralMessageParameters")
    if wanted is None:
        return {}
    if not isinstance(wanted, dict) or not isinstance(wanted.get("receiver_user_id"), int):
        raise bad_request('can\'t find field "receiver_user_id"')
    if chat.type not in ("group", "supergroup"):
        raise bad_request("ephemeral messages can be sent only to groups and supergroups")
    user = api.world.users.get(wanted["receiver_user_id"])
    if user is None or user.is_bot or not chat.present(user.id):
        raise bad_request("PARTICIPANT_ID_INVALID")
    return {"_for": user.id, "receiver_user": user.wire()}


def placement(api: BotApi, chat: Chat, params: Params) -> dict[str, Any]:
    """Resolve the reply, its quote and the thread of a message."""
    thread_id = params.integer("message_thread_id") or None
    if thread_id and not _thread_exists(chat, thread_id):
        raise bad_request("message thread not found")
    reply_to, quote = _reply(chat, params)
    return {"reply_to": reply_to, "thread_id": thread_id, "quote": quote}


def _thread_exists(chat: Chat, thread_id: int) -> bool:
    if chat.is_forum:
        return thread_id in chat.topics
    return chat.type == "supergroup" and thread_id in chat.messages


def _reply(chat: Chat, params: Params) -> tuple[Json | None, Json | None]:
    wanted = params.parsed("reply_parameters", "ReplyParameters")
    if wanted is None:
        wanted = {
            "message_id": params.integer("reply_to_message_id"),
            "allow_sending_without_reply": params.flag("allow_sending_without_reply"),
        }
        if not wanted["message_id"]:
            return None, None
    if not isinstance(wanted, dict):
        raise bad_request("can't parse ReplyParameters JSON object")
    if not isinstance(wanted.get("message_id"), int):
        raise bad_request('can\'t find field "message_id"')
    elsewhere = str(wanted.get("chat_id") or chat.id) not in (str(chat.id), f"@{chat.username}")
    target = None if elsewhere else chat.messages.get(wanted["message_id"])
    if target and "_for" in target:
        target = None
    if target is None and not wanted.get("allow_sending_without_reply"):
        raise bad_request("message to be replied not found")
    return target, _quote(target, wanted) if target else None


def _quote(target: Json, wanted: Json) -> Json | None:
    if not wanted.get("quote"):
        return None
    quote = format_text(
        str(wanted["quote"]), wanted.get("quote_parse_mode"), wanted.get("quote_entities")
    )
    position = str(target.get("text") or target.get("caption") or "").find(quote.text)
    if position < 0:
        raise bad_request("QUOTE_TEXT_INVALID")
    return {**quote.wire(), "position": position, "is_manual": True}


@method
def send_message_draft(api: BotApi, params: Params) -> bool:
    formatted = params.formatted("text")
    if utf16_length(formatted.text) > MAX_TEXT:
        raise bad_request("message is too long")
    return show_draft(api, params, formatted.wire())


def show_draft(api: BotApi, params: Params, body: Json) -> bool:
    """Show the draft of a text or of a rich message."""
    chat = api.chat(params)
    if chat.type != "private":
        raise bad_request("TEXTDRAFT_PEER_INVALID")
    if not params.integer("draft_id"):
        raise bad_request("draft_id must be non-zero")
    api.charge(chat)
    api.world.drafts.show(
        chat,
        params.integer("draft_id"),
        body,
        can_stop=params.flag("can_stop"),
        keep_on_stop=params.flag("keep_on_stop"),
        thread_id=params.integer("message_thread_id") or None,
    )
    return True


@method
def send_chat_action(api: BotApi, params: Params) -> bool:
    action = params.string("action")
    if action not in _ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat = api.chat(params)
    thread_id = params.integer("message_thread_id") or None
    api.world.publish("typing", chat, {"action": action, "message_thread_id": thread_id})
    return True


@method
def forward_message(api: BotApi, params: Params) -> Json:
    source = api.chat(params, "from_chat_id")
    original = api.message(source, params, "forward")
    forwarded = {**content_of(original), "forward_origin": _origin(original)}
    return deliver(api, params, forwarded)[0]


def _origin(message: Json) -> Json:
    """Build the MessageOrigin of a forward: the first author, not the last forwarder."""
    if "forward_origin" in message:
        return dict(message["forward_origin"])
    if "from" in message and "sender_chat" not in message:
        return {"type": "user", "date": message["date"], "sender_user": message["from"]}
    if message["chat"]["type"] == "channel":
        origin = {"type": "channel", "chat": message["chat"], "message_id": message["message_id"]}
        return {**origin, "date": message["date"]}
    return {"type": "chat", "date": message["date"], "sender_chat": message["sender_chat"]}


@method
def copy_message(api: BotApi, params: Params) -> Json:
    source = api.chat(params, "from_chat_id")
    content = content_of(api.message(source, params, "copy"))
    if not content:
        raise bad_request("message can't be copied")
    if "caption" in params and "text" not in content:
        caption = params.formatted("caption", "caption_entities")
        content = {k: v for k, v in content.items() if not k.startswith("caption")}
        content.update(caption.wire("caption"))
    return {"message_id": deliver(api, params, content)[0]["message_id"]}
