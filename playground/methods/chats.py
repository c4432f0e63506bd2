"""Methods about chats, members and topics."""

from __future__ import annotations

from playground.bot_api import BotApi, method
from playground.chats import ADMIN_STATUSES, Author, User, member_wire
from playground.errors import Json, bad_request
from playground.messages import public
from playground.params import Params

MAX_TOPIC_NAME = 128


@method
def get_chat(api: BotApi, params: Params) -> Json:
    chat = api.chat(params)
    body: Json = {
        **chat.wire(),
        "accent_color_id": chat.id % 7,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(
            (
                "unlimited_gifts",
                "limited_gifts",
                "unique_gifts",
                "premium_subscription",
                "gifts_from_channels",
            ),
            False,
        ),
    }
    if chat.linked_id:
        body["linked_chat_id"] = chat.linked_id
    if chat.pinned and chat.pinned in chat.messages:
        body["pinned_message"] = public(chat.messages[chat.pinned])
    return body


@method
def get_chat_member(api: BotApi, params: Params) -> Json:
    chat = api.chat(params)
    user = _user(api, params)
    return member_wire(user, chat.members.get(user.id, "left"))


def _user(api: BotApi, params: Params) -> User:
    if not params.integer("user_id"):
        raise bad_request("invalid user_id specified")
    user = api.world.users.get(params.integer("user_id"))
    if user is None:
        raise bad_request("user not found")
    return user


@method
def get_chat_administrators(api: BotApi, params: Params) -> list[Json]:
    chat = api.chat(params)
    if chat.type == "private":
        raise bad_request("there are no administrators in the private chat")
    return [
        member_wire(api.world.users[user_id], status)
        for user_id, status in chat.members.items()
        if status in ADMIN_STATUSES and (user_id == api.world.bot.id or _is_person(api, user_id))
    ]


def _is_person(api: BotApi, user_id: int) -> bool:
    user = api.world.users.get(user_id)
    return user is not None and not user.is_bot


@method
def get_chat_member_count(api: BotApi, params: Params) -> int:
    chat = api.chat(params)
    return sum(map(chat.present, chat.members))


@method
def leave_chat(api: BotApi, params: Params) -> bool:
    chat = api.chat(params)
    if chat.type == "private":
        raise bad_request("chat member status can't be changed in private chats")
    api.world.set_member(chat, api.world.bot, "left", api.world.bot)
    return True


@method
def create_forum_topic(api: BotApi, params: Params) -> Json:
    chat = api.chat(params)
    name = params.string("name").strip()
    if not chat.is_forum:
        raise bad_request("the chat is not a forum")
    if not name or len(name) > MAX_TOPIC_NAME:
        raise bad_request("TOPIC_TITLE_EMPTY")
    topic = api.world.add_topic(chat, name, Author.as_self(api.world.bot))
    return {"message_thread_id": topic, "name": name, "icon_color": 7322096}


@method
def edit_forum_topic(api: BotApi, params: Params) -> bool:
    chat, topic = api.chat(params), params.integer("message_thread_id")
    name = params.string("name").strip()
    if topic not in chat.topics:
        raise bad_request("TOPIC_ID_INVALID")
    if len(name) > MAX_TOPIC_NAME:
        raise bad_request("TOPIC_TITLE_INVALID")
    if name and name == chat.topics[topic]:
        raise bad_request("TOPIC_NOT_MODIFIED")
    if name:
        api.world.rename_topic(chat, topic, name)
    return True


@method
def unpin_all_chat_messages(api: BotApi, params: Params) -> bool:
    api.world.pin(api.chat(params), None)
    return True
