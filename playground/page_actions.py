"""What the page can do: act as people, add people and topics, and make trouble.

Every action takes the body of its request and the files that came along, and returns what
the page is answered; a refusal is `NotAllowed`, with words for the page's user.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from playground.chats import ADMIN_STATUSES, Author
from playground.errors import Json
from playground.faults import Faults
from playground.files import FileStore
from playground.limits import RateLimits
from playground.params import Upload
from playground.people import Conversation, NotAllowed, Person, Sound
from playground.world import World

Action = Callable[["PageActions", Json, dict[str, Upload]], Any]
_PRESS_SECONDS = 15  # as long as Telegram's clients wait for the answer to a pressed button


@dataclass(frozen=True, slots=True)
class PageActions:
    """The actions; `clear_history` and `reload` belong to the server and to its pages."""

    world: World
    files: FileStore
    faults: Faults
    limits: RateLimits
    clear_history: Callable[[], None]
    reload: Callable[[], None]

    def conversation(self, body: Json) -> Conversation:
        """The chat and the person that an action is about."""
        chat = self.world.chats.get(str(body["chat"]))
        if chat is None or not self.world.is_shown(chat):
            raise NotAllowed("Такого чата нет.")
        return self._person(body).in_(chat, body.get("thread"))

    def _person(self, body: Json) -> Person:
        user = self.world.users.get(int(body["person"]))
        if user is None or user.is_bot:
            raise NotAllowed("Такого человека нет.")
        return Person(self.world, self.files, user)

    def state_of_trouble(self) -> Json:
        """The faults that wait, the delay, and whether the limits hold."""
        faults, limits = self.faults, self.limits
        return {
            "delay": faults.delay,
            "limits": limits.enabled,
            "pending": [{**asdict(f), "methods": sorted(f.methods or ())} for f in faults.pending],
        }

    def send(self, body: Json, uploads: dict[str, Upload]) -> Json:
        conversation = self.conversation(body)
        channel = self.world.chats.get(str(body.get("as_channel") or ""))
        return conversation.post(
            str(body.get("text") or ""),
            photo=uploads.get("photo"),
            document=uploads.get("document"),
            sound=_sound(body, uploads),
            reply_to=body.get("reply_to"),
            anonymous=bool(body.get("anonymous")),
            as_channel=channel,
        )

    def edit(self, body: Json, uploads: dict[str, Upload]) -> None:
        self.conversation(body).edit(int(body["message_id"]), str(body["text"]))

    def delete(self, body: Json, uploads: dict[str, Upload]) -> None:
        self.conversation(body).delete(int(body["message_id"]))

    def react(self, body: Json, uploads: dict[str, Upload]) -> None:
        self.conversation(body).react(int(body["message_id"]), body.get("emoji"))

    async def press(self, body: Json, uploads: dict[str, Upload]) -> Json:
        """Press a button; the bot has as long as a Telegram client would wait."""
        answer = self.conversation(body).start_press(int(body["message_id"]), str(body["data"]))
        done, _ = await asyncio.wait((answer,), timeout=_PRESS_SECONDS)
        return answer.result() if done and not answer.cancelled() else {"text": "", "late": True}

    def stop(self, body: Json, uploads: dict[str, Upload]) -> None:
        self.conversation(body).stop_draft()

    def people(self, body: Json, uploads: dict[str, Upload]) -> Json:
        """Add a person, with a private chat and a seat in every group."""
        name = str(body["name"]).strip()[:64]
        if not name:
            raise NotAllowed("Как зовут человека?")
        user = self.world.add_person(name, str(body.get("username") or "").strip("@ ")[:32])
        self.world.private(user)
        for chat in self.world.chats.values():
            if chat.type != "private":
                chat.members[user.id] = "member"
        self.reload()
        return user.wire()

    def topic(self, body: Json, uploads: dict[str, Upload]) -> Json:
        conversation = self.conversation(body)
        chat, name = conversation.chat, str(body["name"]).strip()[:128]
        implicit = not name and chat.type == "private"
        if not chat.is_forum or not (name or implicit):
            raise NotAllowed("Как назвать тему?")
        author = Author.as_self(self._person(body).user)
        name = name or "Новый разговор"
        topic = self.world.add_topic(chat, name, author, implicit=implicit)
        self.world.publish("chat", chat, {})
        return {"id": topic}

    def member(self, body: Json, uploads: dict[str, Upload]) -> None:
        """Change somebody's role, as an administrator."""
        conversation, person = self.conversation(body), self._person(body)
        chat, status = conversation.chat, str(body["status"])
        user = self.world.users.get(int(body["user"]))
        is_admin = chat.members.get(person.id) in ADMIN_STATUSES
        if chat.type == "private" and user is self.world.bot:
            is_admin = True  # to block the bot, or to let it back in
        if user is None or status not in ("administrator", "member", "left", "kicked"):
            raise NotAllowed("Такой роли нет.")
        if not is_admin or chat.members.get(user.id) == "creator":
            raise NotAllowed("На это нет прав.")
        self.world.set_member(chat, user, status, person.user)

    def trouble(self, body: Json, uploads: dict[str, Upload]) -> Json:
        """Set the delay and the limits, add a fault, or clear them."""
        faults = self.faults
        if body.get("clear"):
            faults.clear()
        if "delay" in body:
            faults.delay = min(10.0, max(0.0, float(body["delay"])))
        if "limits" in body:
            self.limits.enabled = bool(body["limits"])
        if body.get("kind") in ("flood", "error", "garbage", "hang", "reset"):
            times, wait = int(body.get("times", 1)), int(body.get("retry_after", 1))
            methods = [body["method"]] if body.get("method") else None
            faults.inject(body["kind"], times=times, retry_after=wait, methods=methods)
        return self.state_of_trouble()

    def clear(self, body: Json, uploads: dict[str, Upload]) -> None:
        self.clear_history()
        self.reload()


def _sound(body: Json, uploads: dict[str, Upload]) -> Sound | None:
    duration = min(24 * 3600, max(0, int(body.get("duration") or 0)))
    if "voice" in uploads:
        return Sound(uploads["voice"], "voice", duration)
    if "audio" in uploads:
        return Sound(uploads["audio"], "audio", duration)
    if "video_note" in uploads:
        return Sound(uploads["video_note"], "video_note", duration)
    return None


ACTIONS: dict[str, Action] = {
    "send": PageActions.send,
    "edit": PageActions.edit,
    "delete": PageActions.delete,
    "react": PageActions.react,
    "press": PageActions.press,
    "stop": PageActions.stop,
    "people": PageActions.people,
    "topic": PageActions.topic,
    "member": PageActions.member,
    "trouble": PageActions.trouble,
    "clear": PageActions.clear,
}
