"""Chats and calls in the form in which the page shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from playground.bot_api import ApiCall
from playground.chats import Chat
from playground.errors import Json
from playground.world import World

_MAX_VALUE = 2000

Commands = Mapping[str, list[Json]]


def chat_view(world: World, commands: Commands, chat: Chat) -> Json:
    """A chat with its members, topics, keyboard, draft and the bot's commands in it."""
    linked = world.chats.get(str(chat.linked_id)) if chat.linked_id else None
    return {
        **chat.wire(),
        "key": chat.key,
        "title": chat.title,
        "is_forum": chat.is_forum,
        "linked": linked.key if linked else None,
        "members": [[user, status] for user, status in chat.members.items()],
        "topics": [{"id": i, "name": name} for i, name in chat.topics.items()],
        "keyboard": chat.keyboard,
        "pinned": chat.messages.get(chat.pinned) if chat.pinned else None,
        "draft": chat.draft.wire() if chat.draft else None,
        "last": next((it for it in chat.newest_first() if "_for" not in it), None),
        "last_id": chat.last_id,
        "menu": _menu(commands, chat, is_admin=False),
        "admin_menu": _menu(commands, chat, is_admin=True),
    }


def _menu(commands: Commands, chat: Chat, *, is_admin: bool) -> list[Json]:
    """The bot's commands in a chat: the narrowest scope that has any."""
    if chat.type == "private":
        scopes = [f"chat:{chat.id}:", "all_private_chats", "default"]
    else:
        admin = [f"chat_administrators:{chat.id}:"] if is_admin else []
        everywhere = ["all_chat_administrators"] if is_admin else []
        scopes = [*admin, f"chat:{chat.id}:", *everywhere, "all_group_chats", "default"]
    keys = (f"{scope}/{language}" for scope in scopes for language in ("ru", ""))
    return next((commands[key] for key in keys if commands.get(key)), [])


def call_view(call: ApiCall) -> Json:
    """A call of the bot, with long values cut."""
    shown = {name: _short(value) for name, value in call.params.items()}
    return {**asdict(call), "params": shown}


def _short(value: Any) -> Any:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_VALUE else f"{text[:_MAX_VALUE]}…"
