"""Messages as dictionaries: what goes into one, and what is taken out of it."""

from __future__ import annotations

from playground.chats import Chat
from playground.errors import Json


def public(message: Json) -> Json:
    """A message without what only this server knows: `_by`, `_for`, `_reactions`.

    An ephemeral one has an identifier of its own in place of the message's.
    """
    body = {name: value for name, value in message.items() if not name.startswith("_")}
    if "_for" in message:
        body.update(message_id=0, ephemeral_message_id=message["message_id"])
    return body


def is_seen_by(message: Json, person_id: int) -> bool:
    """Whether a person sees the message: an ephemeral one has one reader."""
    return message.get("_for") in (None, person_id)


def without_reply(message: Json) -> Json:
    """A message as it stands inside another one: its own reply is left out."""
    return {
        name: value
        for name, value in message.items()
        if name != "reply_to_message" and not name.startswith("_")
    }


_CONTENT = (
    "text",
    "entities",
    "rich_message",
    "caption",
    "caption_entities",
    "photo",
    "document",
    "voice",
    "audio",
    "video_note",
    "location",
    "venue",
    "contact",
    "media_group_id",
)


def content_of(message: Json) -> Json:
    """What a forward or a copy takes along."""
    return {name: message[name] for name in _CONTENT if name in message}


def reaction_wire(emoji: str | None) -> list[Json]:
    return [{"type": "emoji", "emoji": emoji}] if emoji else []


def place(chat: Chat, reply_to: Json | None, thread_id: int | None) -> Json:
    """The thread that a message belongs to, and what it replies to."""
    body: Json = {}
    if reply_to:
        body["reply_to_message"] = without_reply(reply_to)
    if chat.is_forum:
        topic = thread_id or (reply_to or {}).get("message_thread_id")
        if topic:
            body["message_thread_id"] = topic
            body["is_topic_message"] = True
            root = chat.messages.get(topic)
            if not reply_to and root and chat.type != "private":
                body["reply_to_message"] = without_reply(root)
    elif chat.type == "supergroup" and (reply_to or thread_id):
        parent = reply_to or {}
        root_id = thread_id or parent.get("message_thread_id") or parent["message_id"]
        body["message_thread_id"] = root_id
        if not reply_to and root_id in chat.messages:
            body["reply_to_message"] = without_reply(chat.messages[root_id])
    return body
