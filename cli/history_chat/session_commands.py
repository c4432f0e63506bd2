"""The commands that open, copy and delete sessions."""

from __future__ import annotations

import asyncio

from cli.attachments import Attached
from cli.history_chat import files, texts
from cli.history_chat.open_session import OpenSession
from cli.history_chat.session_file import SessionHead


class SessionCommands:
    """/load, /open, /fork, /save, /export, /import, /clear and /forget."""

    def __init__(self, open_session: OpenSession, list_limit: int) -> None:
        self._open = open_session
        self._screen = open_session.screen
        self._list_limit = list_limit
        self.plain = {
            "/save": self._on_save,
            "/load": self._on_load,
            "/fork": self._on_fork,
            "/clear": self._on_clear,
            "/forget": self._on_forget,
        }
        self.with_words = {
            "/open": self.open,
            "/export": self._on_export,
            "/import": self._on_import,
        }

    async def choose(self, heads: list[SessionHead]) -> None:
        """Go on with one of the latest sessions, or with a new one: 0 or a question at once."""
        await self._choose_from(heads[: self._list_limit], texts.SESSIONS)

    async def open(self, words: str) -> None:
        """Open a session by its number, its title or words that were said in it."""
        heads = await self._open.heads()
        if not words:
            self._screen.page(_listed(heads) if heads else texts.NO_SESSIONS)
            self._screen.note(texts.WHICH_SESSION)
            return
        if words.isdecimal():
            found = heads[int(words) - 1 : int(words)] if 0 < int(words) <= len(heads) else []
        else:
            found = await asyncio.to_thread(self._open.memory.named, words)
        if not found:
            self._screen.error(texts.NO_SUCH_SESSION.format(words=words))
            return
        await self._open.leave()
        if len(found) == 1:
            await self._continue(found[0])
        else:
            await self._choose_from(found, texts.FOUND)

    async def _choose_from(self, heads: list[SessionHead], title: str) -> None:
        if not heads:
            return
        self._screen.line(title)
        self._screen.line(texts.NEW_SESSION)
        self._screen.line(_listed(heads))
        while True:
            line = (await self._open.read(texts.CHOOSE)).strip()
            if not line.isdecimal() or int(line) == 0:
                self._open.typed = None if line.isdecimal() else line
                self._open.start(self._open.new_session())
                return
            if int(line) <= len(heads):
                await self._continue(heads[int(line) - 1])
                return
            self._screen.error(texts.NO_SUCH_NUMBER.format(last=len(heads)))

    async def _continue(self, head: SessionHead) -> None:
        try:
            session = await asyncio.to_thread(self._open.memory.open, head.session_id)
        except KeyError:
            self._screen.error(texts.GONE)
            return
        self._open.start(session)
        count, summary = len(session.messages), len(session.summary)
        self._screen.note(texts.CONTINUED.format(title=head.title, count=count, summary=summary))

    async def _on_save(self) -> None:
        if await self._open.save():
            self._screen.note(texts.SAVED.format(path=self._open.memory.path))

    async def _on_load(self) -> None:
        heads = await self._open.heads()
        if not heads:
            self._screen.note(texts.NO_SESSIONS)
            return
        await self._open.leave()
        await self.choose(heads)

    async def _on_fork(self) -> None:
        if not self._open.talk.session.messages:
            self._screen.note(texts.NOTHING_TO_FORK)
            return
        await self._open.leave()
        self._open.start(self._open.talk.session.fork())
        self._screen.note(texts.FORKED)

    async def _on_export(self, name: str) -> None:
        if not self._open.talk.session.messages:
            self._screen.note(texts.NOTHING_TO_EXPORT)
            return
        path = await asyncio.to_thread(files.export, self._open.talk.session, name)
        self._screen.note(texts.EXPORTED.format(path=path))

    async def _on_import(self, name: str) -> None:
        session = await asyncio.to_thread(files.load, name)
        await self._open.leave()
        self._open.start(session)
        title, count = session.title or texts.EMPTY_TITLE, len(session.messages)
        self._screen.note(texts.IMPORTED.format(title=title, count=count))

    async def _on_clear(self) -> None:
        session = self._open.talk.session
        if await self._open.erase(self._open.memory.clear):
            self._open.talk.attached = Attached()
            await self._open.forget_in_log(session)
            self._screen.note(texts.CLEARED)

    async def _on_forget(self) -> None:
        session = self._open.talk.session
        if await self._open.erase(self._open.memory.forget):
            self._open.start(self._open.new_session())
            await self._open.forget_in_log(session)
            self._screen.note(texts.FORGOTTEN)


def _listed(heads: list[SessionHead]) -> str:
    return "\n".join(
        texts.SESSION.format(number=number, updated=head.updated_at[:16], title=head.title)
        for number, head in enumerate(heads, start=1)
    )
