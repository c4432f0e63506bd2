"""Drafts: the preview of a message that the bot is still writing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from playground.chats import Chat, Draft
from playground.errors import Json

DRAFT_SECONDS = 30

Notify = Callable[[str, Chat, Json], None]


class Drafts:
    """Shows and ends the draft of a chat; `publish` tells the page, `tell_bot` the bot."""

    def __init__(self, publish: Notify, tell_bot: Notify) -> None:
        self._publish = publish
        self._tell_bot = tell_bot

    def show(
        self,
        chat: Chat,
        draft_id: int,
        body: Json,
        *,
        can_stop: bool = False,
        keep_on_stop: bool = False,
        thread_id: int | None = None,
    ) -> None:
        """Show a draft for half a minute, or until the next one or a real message."""
        previous = chat.draft
        if previous:
            previous.expiry.cancel()
        expiry = asyncio.get_running_loop().call_later(DRAFT_SECONDS, self.end, chat)
        chat.draft = Draft(draft_id, body, can_stop, keep_on_stop, thread_id, expiry)
        if previous and previous.id == draft_id:
            chat.draft.stopped = previous.stopped
        self._publish("draft", chat, chat.draft.wire())

    def end(self, chat: Chat) -> None:
        if chat.draft:
            chat.draft.expiry.cancel()
            chat.draft = None
            self._publish("draft", chat, {})

    def stop(self, chat: Chat) -> bool:
        """Press the draft's stop button; False where there is none."""
        draft = chat.draft
        if not draft or not draft.can_stop or draft.stopped:
            return False
        body: Json = {"chat": chat.wire(), "draft_id": draft.id}
        if draft.thread_id:
            body["message_thread_id"] = draft.thread_id
        draft.stopped = True
        if draft.keep_on_stop:
            self._publish("draft", chat, draft.wire())
        else:
            self.end(chat)
        self._tell_bot("stopped_message_generation", chat, body)
        return True
