"""Methods for existing messages: edit, delete, react, pin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from playground.bot_api import BotApi, method
from playground.chats import ADMIN_STATUSES, Chat
from playground.errors import Json, bad_request
from playground.keyboards import checked_markup
from playground.markup import MAX_CAPTION, utf16_length
from playground.messages import public
from playground.methods.media import input_media
from playground.methods.messages import message_text
from playground.methods.rich import rich_content
from playground.params import Params

_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly "
    "the same as a current content and reply markup of the message"
)
_MEDIA = ("photo", "document")
_TEXTS = ("text", "entities", "rich_message")
# What Telegram lets everybody react with.
REACTIONS = frozenset(
    "👍👎❤🔥🥰👏😁🤔🤯😱🤬😢🎉🤩🤮💩🙏👌🕊🤡🥱🥴😍🐳🌚🌭💯🤣⚡🍌🏆💔🤨😐🍓🍾💋🖕😈"
    "😴😭🤓👻👀🎃🙈😇😨🤝✍🤗🫡🎅🎄☃💅🤪🗿🆒💘🙉🦄😘💊🙊😎👾🤷😡"
).union(("❤\u200d🔥", "👨\u200d💻", "🤷\u200d♂", "🤷\u200d♀"))


@method
def edit_message_text(api: BotApi, params: Params) -> Json:
    if "rich_message" in params:
        content = rich_content(params)
    else:
        content = message_text(params, "MESSAGE_TOO_LONG").wire()
    chat, message = _editable(api, params)
    if "text" not in message and "rich_message" not in message:
        raise bad_request("there is no text in the message to edit")
    return _edit(api, chat, message, {**dict.fromkeys(_TEXTS), **content}, params)


@method
def edit_message_caption(api: BotApi, params: Params) -> Json:
    caption = params.formatted("caption", "caption_entities")
    chat, message = _editable(api, params)
    if not any(kind in message for kind in _MEDIA):
        raise bad_request("there is no caption in the message to edit")
    if utf16_length(caption.text) > MAX_CAPTION:
        raise bad_request("MEDIA_CAPTION_TOO_LONG")
    content = {"caption": None, "caption_entities": None, **caption.wire("caption")}
    return _edit(api, chat, message, content, params)


@method
def edit_message_media(api: BotApi, params: Params) -> Json:
    item = params.parsed("media", "InputMedia")
    chat, message = _editable(api, params)
    if not any(kind in message for kind in _MEDIA):
        raise bad_request("there is no media in the message to edit")
    nothing = dict.fromkeys((*_MEDIA, "caption", "caption_entities"))
    return _edit(api, chat, message, {**nothing, **input_media(api, params, item)}, params)


@method
def edit_message_reply_markup(api: BotApi, params: Params) -> Json:
    chat, message = _editable(api, params)
    return _edit(api, chat, message, {}, params)


def _editable(api: BotApi, params: Params) -> tuple[Chat, Json]:
    chat = api.chat(params)
    message = api.message(chat, params, "edit")
    if not api.world.is_own(message) or "forward_origin" in message:
        raise bad_request("message can't be edited")
    return chat, message


def _edit(
    api: BotApi, chat: Chat, message: Json, content: Mapping[str, Any], params: Params
) -> Json:
    """Edit, if anything differs; a keyboard that isn't given again is taken away."""
    given = params.parsed("reply_markup", "reply keyboard markup")
    changes = {**content, "reply_markup": checked_markup(given, inline_only=True)}
    if all(message.get(name) == value for name, value in changes.items()):
        raise bad_request(_NOT_MODIFIED)
    api.charge(chat)
    return public(api.world.edit(chat, message, changes))


@method
def edit_ephemeral_message_text(api: BotApi, params: Params) -> bool:
    content = message_text(params, "MESSAGE_TOO_LONG").wire()
    chat = api.chat(params)
    message = _ephemeral(api, chat, params)
    _edit(api, chat, message, {**dict.fromkeys(_TEXTS), **content}, params)
    return True


@method
def delete_ephemeral_message(api: BotApi, params: Params) -> bool:
    chat = api.chat(params)
    api.world.delete(chat, [_ephemeral(api, chat, params)["message_id"]])
    return True


def _ephemeral(api: BotApi, chat: Chat, params: Params) -> Json:
    """An ephemeral message of the bot, by its reader and its own identifier."""
    message = chat.messages.get(params.integer("ephemeral_message_id"))
    if message is None or message.get("_for") != params.integer("receiver_user_id"):
        raise bad_request("message not found")
    return message


@method
def delete_message(api: BotApi, params: Params) -> bool:
    chat = api.chat(params)
    _check_deletable(api, chat, api.message(chat, params, "delete"))
    api.world.delete(chat, [params.integer("message_id")])
    return True


@method
def delete_messages(api: BotApi, params: Params) -> bool:
    chat = api.chat(params)
    ids = params.parsed("message_ids", "message identifiers")
    if not isinstance(ids, list) or not ids or not all(isinstance(i, int) for i in ids):
        raise bad_request("message identifiers are not specified")
    if len(ids) > 100:
        raise bad_request("too many messages to delete")
    for message in filter(None, map(chat.messages.get, ids)):
        _check_deletable(api, chat, message)
    api.world.delete(chat, ids)
    return True


def _check_deletable(api: BotApi, chat: Chat, message: Json) -> None:
    is_admin = chat.members.get(api.world.bot.id) in ADMIN_STATUSES
    if chat.type != "private" and not is_admin and not api.world.is_own(message):
        raise bad_request("message can't be deleted")


@method
def set_message_reaction(api: BotApi, params: Params) -> bool:
    chat = api.chat(params)
    message = api.message(chat, params, "react")
    reactions = params.parsed("reaction", "reaction types") or []
    if not isinstance(reactions, list) or len(reactions) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    emoji = _emoji(reactions[0]) if reactions else None
    api.world.react(chat, message, api.world.bot, emoji)
    return True


def _emoji(reaction: Any) -> str:
    if not isinstance(reaction, dict) or reaction.get("type") not in ("emoji", "custom_emoji"):
        raise bad_request("can't parse ReactionType: Unsupported type specified")
    emoji = str(reaction.get("emoji", "")).replace("\ufe0f", "")
    if emoji not in REACTIONS:
        raise bad_request("REACTION_INVALID")
    return emoji


@method
def pin_chat_message(api: BotApi, params: Params) -> bool:
    chat = api.chat(params)
    api.world.pin(chat, api.message(chat, params, "pin"))
    return True


@method
def unpin_chat_message(api: BotApi, params: Params) -> bool:
    api.world.pin(api.chat(params), None)
    return True
