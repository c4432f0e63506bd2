"""The session that is open: its conversation, the file that keeps it, the log that follows it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from cli.history_chat import texts
from cli.history_chat.conversation import Conversation
from cli.history_chat.facts import Facts
from cli.history_chat.logbook import Logbook
from cli.history_chat.reader import Reader
from cli.history_chat.screen import Screen
from cli.history_chat.session_file import MemoryBroken, MemoryFile, MemoryTooNew, SessionHead
from cli.history_chat.sessions import Session
from services.chat import ChatModel

YES, NO = ("да", "д", "yes", "y"), ("нет", "н", "no", "n")


class OpenSession:
    """What the commands share. A failure to save is shown, and the chat goes on."""

    def __init__(
        self,
        model: ChatModel,
        memory: MemoryFile,
        screen: Screen,
        reader: Reader,
        *,
        api_base_url: str,
        logbook: Logbook | None = None,
        facts: Facts | None = None,
    ) -> None:
        self.model = model
        self.memory = memory
        self.screen = screen
        self.reader = reader
        self.api_base_url = api_base_url
        self.logbook = logbook
        self.facts = facts
        self.talk = Conversation(model, memory, self.new_session(), facts=facts)
        self.typed: str | None = None

    async def read(self, prompt: str) -> str:
        """The next line: what was typed in place of a number comes first."""
        line, self.typed = self.typed, None
        return await self.reader.read(prompt) if line is None else line

    def new_session(self) -> Session:
        return Session(model_name=self.model.name, api_base_url=self.api_base_url, is_active=True)

    def start(self, session: Session) -> None:
        session.is_active = True
        self.talk = Conversation(self.model, self.memory, session, facts=self.facts)
        self.follow()
        self.reader.recall(item.content for item in session.messages if item.role == "user")

    def follow(self) -> None:
        if self.logbook is not None:
            self.logbook.follow(self.talk.session.session_id)

    async def save(self) -> bool:
        """Write the session; False, with a word on the screen, when that failed."""
        return await self._write(self.talk.save)

    async def erase(self, erase: Callable[[Session], None]) -> bool:
        """Delete what was said from the memory file; False, with a word, when that failed."""
        return await self._write(lambda: asyncio.to_thread(erase, self.talk.session))

    async def _write(self, write: Callable[[], Awaitable[None]]) -> bool:
        try:
            try:
                await write()
            except MemoryBroken:  # when erasing, what is set aside is searched, too
                aside = await asyncio.to_thread(self.memory.set_aside)
                self.screen.error(texts.BROKEN.format(aside=aside))
                await asyncio.to_thread(self.memory.rewrite)
                await write()
        except MemoryTooNew as error:
            self.screen.error(texts.TOO_NEW.format(path=error.path, version=error.version))
            return False
        except OSError as error:
            self.screen.error(texts.NOT_SAVED.format(reason=error.strerror or error))
            return False
        return True

    async def leave(self) -> bool:
        """Close the session in the file, if it is worth a place there."""
        session = self.talk.session
        session.is_active = False
        worth = bool(session.messages) or self.memory.knows(session)
        if worth:
            await self.save()
        return worth

    async def heads(self) -> list[SessionHead]:
        try:
            return await asyncio.to_thread(self.memory.heads)
        except MemoryBroken:
            await self._mend()
        return await asyncio.to_thread(self.memory.heads)

    async def _mend(self) -> None:
        """Set the broken file aside and offer the one before it."""
        aside = await asyncio.to_thread(self.memory.set_aside)
        self.screen.error(texts.BROKEN.format(aside=aside))
        backup = self.memory.backup
        if not backup.exists():
            self.screen.note(texts.NO_BACKUP)
            return
        question = texts.OFFER_BACKUP.format(backup=backup.name)
        if (await self.read(question)).strip().lower() in NO:
            self.screen.note(texts.NO_BACKUP)
            return
        restored = await asyncio.to_thread(self.memory.restore)
        text = texts.RESTORED if restored else texts.NOT_RESTORED
        self.screen.note(text.format(backup=backup.name))

    async def forget_in_log(self, session: Session) -> None:
        """Delete what the log has of the session. Raises Problem."""
        if self.logbook is not None:
            await self.logbook.forget(session.session_id)
