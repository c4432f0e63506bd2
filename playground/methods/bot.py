"""Methods about the bot itself: getMe, commands, files, callback answers."""

from __future__ import annotations

import re
from typing import Any

from playground.bot_api import BotApi, method
from playground.errors import Json, bad_request
from playground.files import MAX_DOWNLOAD
from playground.markup import utf16_length
from playground.params import Params

MAX_COMMANDS = 100
_SCOPES = (
    "default",
    "all_private_chats",
    "all_group_chats",
    "all_chat_administrators",
    "chat",
    "chat_administrators",
    "chat_member",
)


@method
def get_me(api: BotApi, params: Params) -> Json:
    return {
        **api.world.bot.wire(),
        "can_join_groups": True,
        "can_read_all_group_messages": True,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
        "has_topics_enabled": api.world.private_topics,
        "allows_users_to_create_topics": api.world.private_topics,
    }


@method
def log_out(api: BotApi, params: Params) -> bool:
    return True


@method
def close(api: BotApi, params: Params) -> bool:
    return True


def scope_key(api: BotApi, params: Params) -> str:
    """A scope and a language as one key of the table of commands."""
    scope = params.parsed("scope", "BotCommandScope") or {"type": "default"}
    if not isinstance(scope, dict) or scope.get("type") not in _SCOPES:
        raise bad_request("can't parse BotCommandScope: Unsupported type specified")
    place = ""
    if scope["type"].startswith("chat"):
        chat = api.chat(Params({"chat_id": str(scope.get("chat_id", ""))}, {}))
        place = f":{chat.id}:{scope.get('user_id', '')}"
    return f"{scope['type']}{place}/{params.string('language_code')}"


@method
def set_my_commands(api: BotApi, params: Params) -> bool:
    commands = params.parsed("commands", "commands")
    if not isinstance(commands, list):
        raise bad_request("can't parse commands list JSON object")
    if len(commands) > MAX_COMMANDS:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    key = scope_key(api, params)
    api.commands[key] = [_command(command) for command in commands]
    api.on_commands()
    return True


def _command(command: Any) -> Json:
    if not isinstance(command, dict):
        raise bad_request("can't parse BotCommand: expected an Object")
    name = str(command.get("command", "")).lstrip("/")
    description = str(command.get("description", "")).strip()
    if not re.fullmatch(r"[a-z0-9_]{1,32}", name):
        raise bad_request("BOT_COMMAND_INVALID")
    if not description:
        raise bad_request("command description must be non-empty")
    if len(description) > 256:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": name, "description": description}


@method
def get_my_commands(api: BotApi, params: Params) -> list[Json]:
    return api.commands.get(scope_key(api, params), [])


@method
def delete_my_commands(api: BotApi, params: Params) -> bool:
    api.commands.pop(scope_key(api, params), None)
    api.on_commands()
    return True


@method
def answer_callback_query(api: BotApi, params: Params) -> bool:
    text = params.string("text")
    if utf16_length(text) > 200:
        raise bad_request("MESSAGE_TOO_LONG")
    answer = {"text": text, "alert": params.flag("show_alert"), "url": params.string("url")}
    if not api.world.callbacks.answer(params.string("callback_query_id"), answer):
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    return True


@method
def get_file(api: BotApi, params: Params) -> Json:
    file_id = params.string("file_id")
    if not file_id:
        raise bad_request("file_id not specified")
    stored = api.files.get(file_id)
    if stored is None:
        raise bad_request("invalid file_id")
    if stored.size > MAX_DOWNLOAD:
        raise bad_request("file is too big")
    return {**stored.wire(), "file_path": stored.path}


@method
def get_my_name(api: BotApi, params: Params) -> Json:
    return {"name": api.world.bot.first_name}
