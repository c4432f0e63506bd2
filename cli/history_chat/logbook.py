"""The log of the terminal tools, as the console chat keeps it: a talk for each session."""

from __future__ import annotations

import asyncio
from contextlib import closing

from cli.log.config import Choice, LogSettings
from cli.log.consent import choose, chosen
from cli.log.recorder import RecordedModel, Recorder
from cli.log.store import ExchangeLog
from cli.prices import price_of
from services.backends import Backend
from services.chat import ChatModel
from services.env import read_settings

TOOL = "chat"


class Logbook:
    """Records what `model` is asked, while the user wants that."""

    def __init__(self, model: ChatModel, backend: Backend) -> None:
        self._settings = read_settings(LogSettings)
        self._recorder = Recorder(None, TOOL, backend, price=price_of(backend))
        self.model: ChatModel = RecordedModel(model, self._recorder)
        if self.choice == "on":
            self._start()

    @property
    def choice(self) -> Choice | None:
        """What the user decided; None when nothing yet."""
        return chosen(self._settings)

    @property
    def path(self) -> str:
        return str(self._settings.database)

    def follow(self, session_id: str) -> None:
        """Record what is said from now on as part of this session."""
        self._recorder.follow(_key(session_id))

    def decide(self, choice: Choice) -> Choice | None:
        """Remember the choice, and follow it; return the one in force, since LLM_LOG wins.

        Raises Problem.
        """
        choose(self._settings, choice)
        if self.choice == "on":
            self._start()
        else:
            self.close()
        return self.choice

    async def forget(self, session_id: str) -> None:
        """Delete the records of a session, also while recording is off. Raises Problem."""
        if self._settings.database.exists():
            await asyncio.to_thread(self._erase, session_id)
            self._recorder.talk_id = None

    def close(self) -> None:
        if self._recorder.log is not None:
            self._recorder.log.close()
            self._recorder.log = None

    def _start(self) -> None:
        self._recorder.log = self._recorder.log or ExchangeLog(self._settings.database)

    def _erase(self, session_id: str) -> None:
        if self._recorder.log is not None:
            self._recorder.log.erase_talk(_key(session_id))
            return
        with closing(ExchangeLog(self._settings.database)) as log:
            log.erase_talk(_key(session_id))


def _key(session_id: str) -> str:
    return f"session:{session_id}"
