"""Users of the playground: what a person with a Telegram client can do and see.

The page's web API and the tests use the same calls, so what works here works there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from playground.chats import ADMIN_STATUSES, Author, Chat, Draft, User
from playground.errors import Json
from playground.files import FileStore
from playground.markup import (
    MAX_CAPTION,
    MAX_TEXT,
    FormattedText,
    find_entities,
    is_encodable,
    trimmed,
    utf16_length,
)
from playground.messages import is_seen_by, public
from playground.params import Upload
from playground.rich import plain_text
from playground.world import World

if TYPE_CHECKING:
    from aiogram.types import Message

    Wanted = Callable[[Message], bool] | str | None


_CAPTIONED = ("photo", "document", "voice", "audio")
BROKEN_LETTER = "В тексте есть испорченные знаки: сотри их и попробуй ещё раз."


class NotAllowed(ValueError):
    """An action that a Telegram client doesn't offer; the message tells the page's user why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the bot answered to a pressed button."""

    text: str
    alert: bool
    url: str


@dataclass(frozen=True, slots=True)
class Sound:
    """A recording to send: a voice message, an audio file or a video note."""

    file: Upload
    kind: Literal["voice", "audio", "video_note"] = "voice"
    duration: int = 0  # seconds


class Person:
    """A user of the playground."""

    def __init__(self, world: World, files: FileStore, user: User) -> None:
        self.user = user
        self._world = world
        self._files = files

    @property
    def id(self) -> int:
        return self.user.id

    @property
    def private(self) -> Conversation:
        """The private chat with the bot."""
        return self.in_(self._world.private(self.user))

    def in_(self, chat: Chat, thread_id: int | None = None) -> Conversation:
        """A chat as this person sees it; who writes to a group for the first time joins it."""
        return Conversation(self._world, self._files, self.user, chat, thread_id)


class Conversation:
    """A person's view of a chat or of one of its threads: write there, read what the bot sends."""

    def __init__(
        self, world: World, files: FileStore, user: User, chat: Chat, thread_id: int | None = None
    ) -> None:
        self.chat = chat
        self._world = world
        self._files = files
        self._user = user
        self._thread_id = thread_id
        self._seen = chat.last_id

    # --- Doing ---------------------------------------------------------------

    def send(
        self,
        text: str = "",
        *,
        photo: Upload | None = None,
        document: Upload | None = None,
        sound: Sound | None = None,
        album: str = "",
        reply_to: int | None = None,
        anonymous: bool = False,
        as_channel: Chat | None = None,
        forwarded_from: str = "",
    ) -> Message:
        """Send a text, or a file with the text as its caption.

        Files of the same `album` are shown as one message, and come to the bot one by one.
        `forwarded_from` is the name of who wrote it.
        """
        return as_message(
            self.post(
                text,
                photo=photo,
                document=document,
                sound=sound,
                album=album,
                reply_to=reply_to,
                anonymous=anonymous,
                as_channel=as_channel,
                forwarded_from=forwarded_from,
            )
        )

    def post(
        self,
        text: str = "",
        *,
        photo: Upload | None = None,
        document: Upload | None = None,
        sound: Sound | None = None,
        album: str = "",
        reply_to: int | None = None,
        anonymous: bool = False,
        as_channel: Chat | None = None,
        forwarded_from: str = "",
    ) -> Json:
        """`send` without the typed message: for load, and for the page."""
        author = self._author(anonymous, as_channel)
        content = self._content(text, photo, document, sound)
        if album:
            content["media_group_id"] = album
        if forwarded_from:
            origin = {"type": "hidden_user", "sender_user_name": forwarded_from}
            content["forward_origin"] = {**origin, "date": int(time.time())}
        target = self.chat.messages.get(reply_to) if reply_to else None
        if reply_to and target is None:
            raise NotAllowed("Сообщения, на которое ты отвечаешь, уже нет.")
        self._seen = self.chat.last_id + 1
        message = self._world.post(
            self.chat, author, content, reply_to=target, thread_id=self._thread_id
        )
        if self.chat.keyboard and self.chat.keyboard.get("one_time_keyboard"):
            self._world.set_keyboard(self.chat, {"remove_keyboard": True})
        return message

    def _content(
        self, text: str, photo: Upload | None, document: Upload | None, sound: Sound | None
    ) -> Json:
        _check_letters(text)
        plain = trimmed(FormattedText(text.replace("\r", "")))
        attached = photo or document or (sound and sound.file)
        limit = MAX_CAPTION if attached else MAX_TEXT
        if utf16_length(plain.text) > limit:
            raise NotAllowed(f"Текст длиннее {limit} знаков.")
        formatted = FormattedText(plain.text, tuple(find_entities(plain.text)))
        if not attached:
            if not formatted.text:
                raise NotAllowed("Пустое сообщение не отправить.")
            return formatted.wire()
        if sound:
            stored = self._files.add(sound.file, kind=sound.kind, duration=sound.duration)
            return {sound.kind: stored.sound(), **formatted.wire("caption")}
        stored = self._files.add(attached, photo=photo is not None)
        media: Json = {"photo": stored.photo()} if photo else {"document": stored.document()}
        return {**media, **formatted.wire("caption")}

    def _author(self, anonymous: bool, as_channel: Chat | None) -> Author:
        status = self._join()
        is_admin = status in ADMIN_STATUSES
        if self.chat.type == "channel":
            if not is_admin:
                raise NotAllowed("В канал пишут только администраторы.")
            return Author.in_chat(self._user, self.chat)
        if as_channel:
            return Author.as_channel(self._user, as_channel)
        if anonymous:
            if not is_admin:
                raise NotAllowed("Анонимно пишут только администраторы.")
            return Author.anonymous(self._user, self.chat)
        return Author.as_self(self._user)

    def _join(self) -> str:
        status = self.chat.members.get(self._user.id, "left")
        if status == "kicked":
            raise NotAllowed("Тебя удалили из этого чата.")
        if status == "left":
            status = "member"
            self._world.set_member(self.chat, self._user, status, self._user)
        return status

    def edit(self, message_id: int, text: str) -> Message:
        """Edit an own message's text or caption."""
        _check_letters(text)
        message = self._own(message_id)
        name = "caption" if any(kind in message for kind in _CAPTIONED) else "text"
        plain = trimmed(FormattedText(text))
        if name == "text" and not plain.text:
            raise NotAllowed("Пустое сообщение не отправить.")
        limit = MAX_TEXT if name == "text" else MAX_CAPTION
        if utf16_length(plain.text) > limit:
            raise NotAllowed(f"Текст длиннее {limit} знаков.")
        formatted = FormattedText(plain.text, tuple(find_entities(plain.text)))
        entities = "entities" if name == "text" else "caption_entities"
        changes = {name: None, entities: None, **formatted.wire(name)}
        return as_message(self._world.edit(self.chat, message, changes))

    def delete(self, message_id: int) -> None:
        """Delete an own message, or anyone's as an admin; bots aren't told."""
        is_admin = self.chat.members.get(self._user.id) in ADMIN_STATUSES
        if self.chat.type != "private" and not is_admin:
            self._own(message_id)
        self._world.delete(self.chat, [message_id])

    def _own(self, message_id: int) -> Json:
        message = self.chat.messages.get(message_id)
        if message is None or message["_by"] != self._user.id:
            raise NotAllowed("Это не твоё сообщение.")
        return message

    async def press(self, message: Message | int, button: str, timeout: float = 5) -> Answer:
        """Press the inline button with this text (or data) and wait for the bot's answer."""
        message_id = message if isinstance(message, int) else message.message_id
        answer = await asyncio.wait_for(self.start_press(message_id, button), timeout)
        return Answer(answer["text"], answer["alert"], answer["url"])

    def start_press(self, message_id: int, button: str) -> asyncio.Future[Json]:
        """Press a button and return the answer to come."""
        message = self.chat.messages.get(message_id)
        data = next((d for text, d in _buttons(message) if button in (text, d)), None)
        if message is None or data is None:
            raise NotAllowed("Такой кнопки здесь больше нет.")
        self._seen = self.chat.last_id
        return self._world.callbacks.press(self.chat, message, self._user, data)

    def react(self, message: Message | int, emoji: str | None) -> None:
        """Set a reaction; None takes it back."""
        _check_letters(emoji or "")
        message_id = message if isinstance(message, int) else message.message_id
        found = self.chat.messages.get(message_id)
        if found is None:
            raise NotAllowed("Этого сообщения уже нет.")
        self._world.react(self.chat, found, self._user, emoji)

    def stop_draft(self) -> bool:
        """Press the stop button of the draft that the bot is writing."""
        return self._world.drafts.stop(self.chat)

    def block(self) -> None:
        """Block the bot; it is told, and can't write any more."""
        self._world.set_member(self.chat, self._world.bot, "kicked", self._user)

    def unblock(self) -> None:
        self._world.set_member(self.chat, self._world.bot, "member", self._user)

    # --- Seeing --------------------------------------------------------------

    @property
    def messages(self) -> list[Message]:
        """The messages of the chat (and thread), oldest first."""
        return [as_message(message) for message in self._visible()]

    def _visible(self) -> Sequence[Json]:
        return [
            message
            for message in list(self.chat.messages.values())
            if self._thread_id in (None, message.get("message_thread_id"), message["message_id"])
            and is_seen_by(message, self._user.id)
        ]

    @property
    def draft(self) -> Draft | None:
        """The message that the bot is writing now, if it shows one."""
        return self.chat.draft

    @property
    def keyboard(self) -> list[list[str]]:
        """The texts on the keyboard under the input."""
        rows = (self.chat.keyboard or {}).get("keyboard", [])
        return [[button["text"] for button in row] for row in rows]

    async def wait_for(self, wanted: Wanted = None, timeout: float = 5) -> Message:
        """Wait for a message that the bot sent or edited after this person's last
        act: any, one that contains a text, or one that a predicate likes."""
        return await asyncio.wait_for(self._find(_predicate(wanted)), timeout)

    async def wait_draft(self, wanted: str = "", timeout: float = 5) -> Draft:
        """Wait for a draft whose text contains `wanted`."""

        async def find() -> Draft:
            while not (self.draft and wanted in text_of(self.draft.body)):
                await self._world.changed(self.chat)
            return self.draft

        return await asyncio.wait_for(find(), timeout)

    async def _find(self, wanted: Callable[[Json], bool]) -> Message:
        while True:
            for message in reversed(self._visible()):
                if self._world.is_own(message) and self._is_news(message) and wanted(message):
                    return as_message(message)
            await self._world.changed(self.chat)

    def _is_news(self, message: Json) -> bool:
        return bool(message["message_id"] > self._seen) or "edit_date" in message


def _check_letters(text: str) -> None:
    if not is_encodable(text):
        raise NotAllowed(BROKEN_LETTER)


def _predicate(wanted: Wanted) -> Callable[[Json], bool]:
    if wanted is None:
        return lambda message: True
    if isinstance(wanted, str):
        return lambda message: wanted in text_of(message)
    return lambda message: wanted(as_message(message))


def text_of(body: Json) -> str:
    """The text of a message or a draft, be it plain, a caption or rich."""
    if "rich_message" in body:
        return plain_text(body["rich_message"])
    return str(body.get("text") or body.get("caption") or "")


def _buttons(message: Json | None) -> list[tuple[str, str]]:
    rows = (message or {}).get("reply_markup", {}).get("inline_keyboard", [])
    return [
        (button["text"], button["callback_data"])
        for row in rows
        for button in row
        if "callback_data" in button
    ]


def as_message(message: Json) -> Message:
    """A message as aiogram's own type."""
    from aiogram.types import Message  # seconds of import that a server alone doesn't need

    return Message.model_validate(public(message))
