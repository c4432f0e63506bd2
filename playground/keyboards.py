"""reply_markup, checked as Telegram checks it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from playground.errors import Json, bad_request
from playground.markup import link_problem

MAX_CALLBACK_DATA = 64  # bytes
MAX_BUTTONS = 100
_INLINE_ACTIONS = (
    "url",
    "callback_data",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
    "pay",
    "disabled",
)
_REPLY_FLAGS = ("resize_keyboard", "one_time_keyboard", "selective", "is_persistent")


def checked_markup(markup: Any, *, inline_only: bool = False) -> Json | None:
    """Check a reply_markup; None when there is none."""
    if markup is None:
        return None
    if not isinstance(markup, dict):
        raise bad_request("object expected as reply markup")
    if "inline_keyboard" in markup:
        rows = [[_inline_button(b) for b in row] for row in _rows(markup, "inline_keyboard")]
        return {"inline_keyboard": rows} if any(rows) else None
    if inline_only:
        raise (
            bad_request("inline keyboard expected")
            if markup
            else bad_request("object expected as reply markup")
        )
    if "keyboard" in markup:
        _check_flags(markup, _REPLY_FLAGS)
        rows = [[_reply_button(button) for button in row] for row in _rows(markup, "keyboard")]
        return {**markup, "keyboard": rows}
    _check_flags(markup, ("remove_keyboard", "force_reply", "selective"))
    return markup if markup.get("remove_keyboard") or markup.get("force_reply") else None


def _check_flags(markup: Json, names: Iterable[str]) -> None:
    for name in names:
        if name in markup and not isinstance(markup[name], bool):
            raise bad_request(f'field "{name}" must be of type Boolean')


def _rows(markup: Json, name: str) -> list[list[Any]]:
    rows = markup[name]
    if not isinstance(rows, list):
        raise bad_request(f'field "{name}" must be of type Array')
    for row in rows:
        if not isinstance(row, list):
            raise bad_request(f'field "{name}" must be an Array of Arrays')
    if sum(map(len, rows)) > MAX_BUTTONS:
        raise bad_request("reply markup is too long")
    return rows


def _text(button: Any, what: str) -> str:
    if not isinstance(button, dict):
        raise bad_request(f"can't parse {what}: expected an Object")
    text = button.get("text")
    if text is None:
        raise bad_request(f"can't parse {what}: Can't find field \"text\"")
    if not isinstance(text, str):
        raise bad_request(f'can\'t parse {what}: Field "text" must be of type String')
    return text


def _inline_button(button: Any) -> Json:
    what = "inline keyboard button"
    text = _text(button, what)
    action = next((name for name in _INLINE_ACTIONS if button.get(name)), None)
    if action is None:
        raise bad_request(f"can't parse {what}: Text buttons are unallowed in the inline keyboard")
    if not text.strip():
        raise bad_request("REPLY_MARKUP_INVALID")
    _check_action(action, button[action])
    return {name: value for name, value in button.items() if value is not None}


def _check_action(action: str, value: Any) -> None:
    if action == "callback_data":
        if not isinstance(value, str) or len(value.encode()) > MAX_CALLBACK_DATA:
            raise bad_request("BUTTON_DATA_INVALID")
    elif action == "url":
        if problem := link_problem(str(value)):
            raise bad_request(f"inline keyboard button URL '{value}' is invalid: {problem}")
    elif action in ("pay", "callback_game"):
        raise bad_request("BUTTON_TYPE_INVALID")
    elif action == "copy_text" and not (isinstance(value, dict) and value.get("text")):
        raise bad_request("BUTTON_COPY_TEXT_INVALID")


def _reply_button(button: Any) -> Json:
    if isinstance(button, str):
        return {"text": button}
    if not _text(button, "keyboard button").strip():
        raise bad_request("REPLY_MARKUP_INVALID")
    return {name: value for name, value in button.items() if value is not None}
