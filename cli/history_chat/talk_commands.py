"""The commands of the open talk: its state, files, the web, facts and the log."""

from __future__ import annotations

from pathlib import Path

from cli.history_chat import texts
from cli.history_chat.asking import Asking, explain
from cli.history_chat.config import ConsoleSettings
from cli.history_chat.conversation import recent
from cli.history_chat.open_session import NO, YES, OpenSession
from cli.history_chat.reader import TerminalReader
from services.errors import ToolMissing
from services.web import searching


class TalkCommands:
    """/stats, /history, /memory, /attach, /web, /facts and /log."""

    def __init__(
        self, open_session: OpenSession, asking: Asking, settings: ConsoleSettings
    ) -> None:
        self._open = open_session
        self._screen = open_session.screen
        self._asking = asking
        self._settings = settings
        self.plain = {
            "/stats": self._on_stats,
            "/history": self._on_history,
            "/memory": self._on_memory,
        }
        self.with_words = {
            "/attach": self._on_attach,
            "/web": self._on_web,
            "/facts": self._on_facts,
            "/log": self._on_log,
        }

    async def _on_stats(self) -> None:
        session, last = self._open.talk.session, self._open.talk.last_usage
        asked, answered = session.total_input_tokens, session.total_output_tokens
        if last is None:
            self._screen.line(texts.NO_USAGE)
        else:
            self._screen.line(
                texts.STATS_LAST.format(asked=last.prompt_tokens, answered=last.completion_tokens)
            )
        self._screen.line(
            texts.STATS_TOTAL.format(asked=asked, answered=answered, total=asked + answered)
        )
        total = self._settings.price(asked, answered)
        if total is None:
            self._screen.note(texts.STATS_NO_PRICE)
        else:
            spent = self._settings.price(*self._asking.last_tokens()) or 0.0
            self._screen.line(texts.STATS_PRICE.format(last=spent, total=total))

    async def _on_history(self) -> None:
        session = self._open.talk.session
        if session.summary:
            self._screen.note(texts.HISTORY_SUMMARY.format(summary=session.summary))
        entries = [
            texts.HISTORY_ENTRY.format(who=texts.SPEAKERS[entry.role], content=entry.content)
            for entry in recent(session.messages)
        ]
        if entries:
            self._screen.page("\n".join(entries))
        elif not session.summary:
            self._screen.note(texts.HISTORY_EMPTY)

    async def _on_memory(self) -> None:
        session = self._open.talk.session
        self._screen.line(
            texts.MEMORY.format(
                path=self._open.memory.path,
                session_id=session.session_id,
                updated_at=session.updated_at,
                summary=len(session.summary),
                turns=session.user_turns,
            )
        )

    async def _on_attach(self, name: str) -> None:
        """Let a file join the talk: it stays until another session begins."""
        if not name:
            self._screen.error(texts.ATTACH_WHAT)
            return
        path = Path(name.strip("\"'"))
        problem = await self._asking.interrupted(self._open.talk.attached.add(path))
        if problem:
            self._screen.error(problem)
        else:
            self._screen.note(texts.ATTACHED.format(name=path.name))

    async def _on_web(self, question: str) -> None:
        if not question:
            self._screen.error(texts.WEB_USAGE)
            return
        try:
            model = searching(self._open.model)
        except ToolMissing as error:
            self._screen.error(explain(error))
            return
        await self._asking.ask(question, model)

    async def _on_facts(self, words: str) -> None:
        facts = self._open.talk.facts
        if facts is None:
            self._screen.note(texts.FACTS_OFF)
            return
        known = await facts.all()
        action, _, number = words.partition(" ")
        if not words:
            for place, fact in enumerate(known, 1):
                line = texts.FACT.format(
                    number=place, day=f"{fact.said_at:%d.%m.%Y}", text=fact.text
                )
                self._screen.line(line)
            if not known:
                self._screen.note(texts.NO_FACTS)
        elif action == "delete" and number.isdecimal() and 0 < int(number) <= len(known):
            await facts.delete(known[int(number) - 1])
            self._screen.note(texts.FACT_DELETED)
        else:
            self._screen.error(texts.FACTS_USAGE)

    async def _on_log(self, words: str) -> None:
        logbook = self._open.logbook
        if logbook is None or words not in ("", "on", "off"):
            self._screen.error(texts.LOG_USAGE)
            return
        choice = logbook.choice
        if words:
            choice = logbook.decide("on" if words == "on" else "off")
        text = texts.LOG_ON if choice == "on" else texts.LOG_OFF
        self._screen.note(text.format(path=logbook.path))
        if words and choice != words:
            self._screen.note(texts.LOG_FIXED)

    async def offer_log(self) -> None:
        """Ask once whether to keep a log; who types a question instead has said no."""
        logbook = self._open.logbook
        if logbook is None or logbook.choice or not isinstance(self._open.reader, TerminalReader):
            return
        line = (await self._open.read(texts.LOG_OFFER.format(path=logbook.path))).strip()
        word = line.lower()
        await self._on_log("on" if word in YES else "off")
        if word and word not in (*YES, *NO):
            self._open.typed = line
