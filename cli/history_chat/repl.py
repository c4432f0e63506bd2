"""The loop: read a line, obey the command or let the model answer, save."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from types import FrameType
from typing import Any

from cli.attachments import Attached
from cli.history_chat import files, texts
from cli.history_chat.config import ConsoleSettings
from cli.history_chat.conversation import Conversation, recent
from cli.history_chat.facts import Facts
from cli.history_chat.logbook import Logbook
from cli.history_chat.reader import Reader, TerminalReader
from cli.history_chat.screen import Screen
from cli.history_chat.session_file import MemoryBroken, MemoryFile, MemoryTooNew, SessionHead
from cli.history_chat.sessions import Session
from cli.shell import Problem, describe
from services.chat import ChatModel
from services.errors import AuthError, ConfigError, ServiceError, ToolMissing
from services.texts import describe_error
from services.web import searching

COMMANDS = {
    "/help": "этот список",
    "/stats": "токены последнего ответа и всей сессии, их цена",
    "/history": "что модель сейчас помнит: резюме и последние сообщения",
    "/memory": "где память и что в ней об этой сессии",
    "/save": "записать сессию в файл сейчас",
    "/load": "перечитать файл и выбрать сессию",
    "/open": "открыть сессию: /open НОМЕР, НАЗВАНИЕ или СЛОВА из неё; без них — все",
    "/fork": "продолжить копию сессии, прежняя останется как есть",
    "/export": "записать сессию в Markdown: /export ФАЙЛ",
    "/import": "открыть сессию из такого файла: /import ФАЙЛ",
    "/web": "найти ответ в интернете, с источниками: /web ВОПРОС (GigaChat-3)",
    "/facts": "что ты рассказал о себе (с CHAT_FACTS=true); удалить: /facts delete НОМЕР",
    "/log": "журнал запросов и их цены: /log on, /log off",
    "/clear": "очистить историю и резюме этой сессии",
    "/forget": "удалить эту сессию из файла и начать новую",
    "/attach": "приложить документ или картинку: /attach ФАЙЛ",
    "/exit": "сохранить и выйти",
}

YES, NO = ("да", "д", "yes", "y"), ("нет", "н", "no", "n")


class Repl:
    """One chat at the console, over any model."""

    def __init__(
        self,
        model: ChatModel,
        memory: MemoryFile,
        settings: ConsoleSettings,
        screen: Screen,
        reader: Reader,
        *,
        api_base_url: str,
        list_limit: int,
        logbook: Logbook | None = None,
        session: str | None = None,
        facts: Facts | None = None,
    ) -> None:
        self._model = model
        self._memory = memory
        self._settings = settings
        self._screen = screen
        self._reader = reader
        self._api_base_url = api_base_url
        self._list_limit = list_limit
        self._logbook = logbook
        self._wanted = session
        self._talk = Conversation(model, memory, self._new_session(), facts=facts)
        self._typed: str | None = None
        self._interruptible: asyncio.Task[Any] | None = None
        self._stopping = False
        self._summing_up: asyncio.Task[str] | None = None
        self._commands: dict[str, Callable[[], Awaitable[None]]] = {
            "/help": self._on_help,
            "/stats": self._on_stats,
            "/history": self._on_history,
            "/memory": self._on_memory,
            "/save": self._on_save,
            "/load": self._on_load,
            "/fork": self._on_fork,
            "/clear": self._on_clear,
            "/forget": self._on_forget,
        }
        self._commands_with_words: dict[str, Callable[[str], Awaitable[None]]] = {
            "/attach": self._on_attach,
            "/open": self._on_open,
            "/export": self._on_export,
            "/import": self._on_import,
            "/web": self._on_web,
            "/log": self._on_log,
            "/facts": self._on_facts,
        }

    async def run(self) -> None:
        """Talk until /exit or the end of input; MemoryTooNew when there is no talking here."""
        before = signal.signal(signal.SIGINT, self._on_interrupt)
        path = self._memory.path
        self._screen.note(texts.WELCOME.format(model=self._model.name, path=path))
        try:
            await self._offer_log()
            self._follow()
            if self._wanted is None:
                await self._choose(await self._heads())
            else:
                await self._on_open(self._wanted)
            while (line := (await self._read(texts.PROMPT)).strip()) != "/exit":
                await self._finish_summary()
                if line:
                    await self._handle(line)
        except EOFError:
            pass
        finally:
            signal.signal(signal.SIGINT, before)
        await self._end()

    async def _read(self, prompt: str) -> str:
        """The next line: what was typed in place of a number comes first."""
        line, self._typed = self._typed, None
        return await self._reader.read(prompt) if line is None else line

    async def _handle(self, line: str) -> None:
        if not line.startswith("/"):
            await self._ask(line)
            return
        name, _, words = line.partition(" ")
        try:
            if line in self._commands:
                await self._commands[line]()
            elif name in self._commands_with_words:
                await self._commands_with_words[name](words.strip())
            else:
                self._screen.error(texts.UNKNOWN_COMMAND.format(command=line))
                return
        except Problem as error:
            self._screen.error(describe(error))
        if self._talk.session.messages or self._memory.knows(self._talk.session):
            await self._save()

    async def _ask(self, question: str, model: ChatModel | None = None) -> None:
        session = self._talk.session
        session.model_name, session.api_base_url = self._model.name, self._api_base_url
        with self._screen.answer() as view:
            problem = await self._interrupted(self._talk.ask(question, view, model))
        await self._save()
        if problem:
            self._screen.error(problem)
            return
        self._show_tokens()
        if self._talk.is_long():
            self._summing_up = asyncio.create_task(self._summarize())
            if not self._screen.styled:  # a pipe's next line would block it
                await self._finish_summary()

    async def _interrupted(self, work: Coroutine[Any, Any, None]) -> str:
        """Do work that Ctrl-C may stop; return what went wrong, for the user."""
        self._interruptible, self._stopping = asyncio.create_task(work), False
        try:
            await self._interruptible
        except asyncio.CancelledError:
            if not isinstance(self._reader, TerminalReader):
                return texts.STOPPED
            self._reader.stopped()
            return texts.STOPPED_AT_TERMINAL
        except ServiceError as error:
            return explain(error)
        finally:
            self._interruptible = None
        return ""

    def _on_interrupt(self, number: int, frame: FrameType | None) -> None:
        """Ctrl-C stops the answer; where it doesn't stop, or nobody can say /exit, the program."""
        task = self._interruptible
        if task is not None and not self._stopping:
            self._stopping = True
            task.get_loop().call_soon_threadsafe(task.cancel)
        elif task is not None or not self._screen.styled:
            raise KeyboardInterrupt

    async def _summarize(self) -> str:
        """Sum up while the user reads and types; return what to tell."""
        try:
            count = await self._talk.summarize()
        except ServiceError as error:
            return texts.NOT_SUMMARIZED.format(reason=explain(error))
        await self._save()
        return texts.SUMMARIZED.format(count=count)

    async def _finish_summary(self) -> None:
        if self._summing_up is None:
            return
        task, self._summing_up = self._summing_up, None
        self._interruptible, self._stopping = task, False
        try:
            self._screen.note(await task)
        except asyncio.CancelledError:
            self._screen.note(texts.STOPPED)
        finally:
            self._interruptible = None

    async def _save(self) -> None:
        """Write the session; a failure is told, and the chat goes on."""
        try:
            await self._talk.save()
        except MemoryBroken:
            aside = await asyncio.to_thread(self._memory.set_aside)
            self._screen.error(texts.BROKEN.format(aside=aside))
            await asyncio.to_thread(self._memory.rewrite)
            await self._talk.save()
        except MemoryTooNew as error:
            self._screen.error(texts.TOO_NEW.format(path=error.path, version=error.version))
        except OSError as error:
            self._screen.error(texts.NOT_SAVED.format(reason=error.strerror or error))

    async def _heads(self) -> list[SessionHead]:
        try:
            return await asyncio.to_thread(self._memory.heads)
        except MemoryBroken:
            await self._mend()
        return await asyncio.to_thread(self._memory.heads)

    async def _mend(self) -> None:
        """Set the broken file aside and offer the one before it."""
        aside = await asyncio.to_thread(self._memory.set_aside)
        self._screen.error(texts.BROKEN.format(aside=aside))
        backup = self._memory.backup
        if not backup.exists():
            self._screen.note(texts.NO_BACKUP)
            return
        question = texts.OFFER_BACKUP.format(backup=backup.name)
        if (await self._read(question)).strip().lower() in NO:
            self._screen.note(texts.NO_BACKUP)
            return
        restored = await asyncio.to_thread(self._memory.restore)
        text = texts.RESTORED if restored else texts.NOT_RESTORED
        self._screen.note(text.format(backup=backup.name))

    async def _choose(self, heads: list[SessionHead]) -> None:
        """Go on with one of the latest sessions, or with a new one: 0 or a question at once."""
        await self._choose_from(heads[: self._list_limit], texts.SESSIONS)

    async def _choose_from(self, heads: list[SessionHead], title: str) -> None:
        if not heads:
            return
        self._screen.line(title)
        self._screen.line(texts.NEW_SESSION)
        self._screen.line(self._sessions(heads))
        while True:
            line = (await self._read(texts.CHOOSE)).strip()
            if not line.isdecimal() or int(line) == 0:
                self._typed = None if line.isdecimal() else line
                self._start(self._new_session())
                return
            if int(line) <= len(heads):
                await self._continue(heads[int(line) - 1])
                return
            self._screen.error(texts.NO_SUCH_NUMBER.format(last=len(heads)))

    async def _continue(self, head: SessionHead) -> None:
        try:
            session = await asyncio.to_thread(self._memory.open, head.session_id)
        except KeyError:
            self._screen.error(texts.GONE)
            return
        self._start(session)
        count, summary = len(session.messages), len(session.summary)
        self._screen.note(texts.CONTINUED.format(title=head.title, count=count, summary=summary))

    def _start(self, session: Session) -> None:
        session.is_active = True
        self._talk = Conversation(self._model, self._memory, session)
        self._follow()
        self._reader.recall(item.content for item in session.messages if item.role == "user")

    def _new_session(self) -> Session:
        return Session(model_name=self._model.name, api_base_url=self._api_base_url, is_active=True)

    async def _end(self) -> None:
        await self._finish_summary()
        if await self._leave():
            self._screen.note(texts.GOODBYE.format(path=self._memory.path))
        else:
            self._screen.note(texts.GOODBYE_EMPTY)

    async def _leave(self) -> bool:
        """Close the session in the file, if it is worth a place there."""
        session = self._talk.session
        session.is_active = False
        worth = bool(session.messages) or self._memory.knows(session)
        if worth:
            await self._save()
        return worth

    async def _on_help(self) -> None:
        for name, meaning in COMMANDS.items():
            self._screen.line(f"{name:<9} {meaning}")
        self._screen.note(texts.HELP_KEYS)

    async def _on_stats(self) -> None:
        session, last = self._talk.session, self._talk.last_usage
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
            spent = self._settings.price(*self._last_tokens()) or 0.0
            self._screen.line(texts.STATS_PRICE.format(last=spent, total=total))

    async def _on_facts(self, words: str) -> None:
        facts = self._talk.facts
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

    async def _on_history(self) -> None:
        session = self._talk.session
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
        session = self._talk.session
        self._screen.line(
            texts.MEMORY.format(
                path=self._memory.path,
                session_id=session.session_id,
                updated_at=session.updated_at,
                summary=len(session.summary),
                turns=session.user_turns,
            )
        )

    async def _on_save(self) -> None:
        await self._save()
        self._screen.note(texts.SAVED.format(path=self._memory.path))

    async def _on_load(self) -> None:
        heads = await self._heads()
        if not heads:
            self._screen.note(texts.NO_SESSIONS)
            return
        await self._leave()
        await self._choose(heads)

    async def _on_open(self, words: str) -> None:
        """Open a session by its number, its title or words that were said in it."""
        heads = await self._heads()
        if not words:
            self._screen.page(self._sessions(heads) if heads else texts.NO_SESSIONS)
            self._screen.note(texts.WHICH_SESSION)
            return
        if words.isdecimal():
            found = heads[int(words) - 1 : int(words)] if 0 < int(words) <= len(heads) else []
        else:
            found = await asyncio.to_thread(self._memory.named, words)
        if not found:
            self._screen.error(texts.NO_SUCH_SESSION.format(words=words))
            return
        await self._leave()
        if len(found) == 1:
            await self._continue(found[0])
        else:
            await self._choose_from(found, texts.FOUND)

    async def _on_fork(self) -> None:
        if not self._talk.session.messages:
            self._screen.note(texts.NOTHING_TO_FORK)
            return
        await self._leave()
        self._start(self._talk.session.fork())
        self._screen.note(texts.FORKED)

    async def _on_export(self, name: str) -> None:
        if not self._talk.session.messages:
            self._screen.note(texts.NOTHING_TO_EXPORT)
            return
        path = await asyncio.to_thread(files.export, self._talk.session, name)
        self._screen.note(texts.EXPORTED.format(path=path))

    async def _on_import(self, name: str) -> None:
        session = await asyncio.to_thread(files.load, name)
        await self._leave()
        self._start(session)
        title, count = session.title or texts.EMPTY_TITLE, len(session.messages)
        self._screen.note(texts.IMPORTED.format(title=title, count=count))

    async def _on_web(self, question: str) -> None:
        if not question:
            self._screen.error(texts.WEB_USAGE)
            return
        try:
            model = searching(self._model)
        except ToolMissing as error:
            self._screen.error(explain(error))
            return
        await self._ask(question, model)

    async def _on_attach(self, name: str) -> None:
        """Let a file join the talk: it stays until another session begins."""
        if not name:
            self._screen.error(texts.ATTACH_WHAT)
            return
        path = Path(name.strip("\"'"))
        problem = await self._interrupted(self._talk.attached.add(path))
        if problem:
            self._screen.error(problem)
        else:
            self._screen.note(texts.ATTACHED.format(name=path.name))

    async def _on_log(self, words: str) -> None:
        logbook = self._logbook
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

    async def _offer_log(self) -> None:
        """Ask once whether to keep a log; who types a question instead has said no."""
        logbook = self._logbook
        if logbook is None or logbook.choice or not isinstance(self._reader, TerminalReader):
            return
        line = (await self._read(texts.LOG_OFFER.format(path=logbook.path))).strip()
        word = line.lower()
        await self._on_log("on" if word in YES else "off")
        if word and word not in (*YES, *NO):
            self._typed = line

    def _follow(self) -> None:
        if self._logbook is not None:
            self._logbook.follow(self._talk.session.session_id)

    async def _on_clear(self) -> None:
        session = self._talk.session
        if await self._erase(self._memory.clear):
            self._talk.attached = Attached()
            await self._forget_in_log(session)
            self._screen.note(texts.CLEARED)

    async def _on_forget(self) -> None:
        session = self._talk.session
        if await self._erase(self._memory.forget):
            self._start(self._new_session())
            await self._forget_in_log(session)
            self._screen.note(texts.FORGOTTEN)

    async def _forget_in_log(self, session: Session) -> None:
        """Delete what the log has of the session. Raises Problem."""
        if self._logbook is not None:
            await self._logbook.forget(session.session_id)

    async def _erase(self, erase: Callable[[Session], None]) -> bool:
        """Delete what was said from the memory file; False, with a word, when that failed."""
        try:
            try:
                await asyncio.to_thread(erase, self._talk.session)
            except MemoryBroken:  # what is set aside is searched for the words, too
                aside = await asyncio.to_thread(self._memory.set_aside)
                self._screen.error(texts.BROKEN.format(aside=aside))
                await asyncio.to_thread(self._memory.rewrite)
                await asyncio.to_thread(erase, self._talk.session)
        except MemoryTooNew as error:
            self._screen.error(texts.TOO_NEW.format(path=error.path, version=error.version))
            return False
        except OSError as error:
            self._screen.error(texts.NOT_SAVED.format(reason=error.strerror or error))
            return False
        return True

    def _last_tokens(self) -> tuple[int, int]:
        last = self._talk.last_usage
        return (last.prompt_tokens, last.completion_tokens) if last else (0, 0)

    def _show_tokens(self) -> None:
        session = self._talk.session
        asked, answered = self._last_tokens()
        total = session.total_input_tokens + session.total_output_tokens
        line = texts.TOKENS.format(asked=asked, answered=answered, total=total)
        price = self._settings.price(session.total_input_tokens, session.total_output_tokens)
        if price is not None:
            last = self._settings.price(asked, answered) or 0.0
            line += texts.PRICE.format(last=last, total=price)
        self._screen.note(line)

    @staticmethod
    def _sessions(heads: list[SessionHead]) -> str:
        return "\n".join(
            texts.SESSION.format(number=number, updated=head.updated_at[:16], title=head.title)
            for number, head in enumerate(heads, start=1)
        )


def explain(error: ServiceError) -> str:
    """What happened and what to do; who sits at the console also mends the settings."""
    if isinstance(error, (ConfigError, AuthError, Problem)):
        return describe(error)
    return describe_error(error, restart="/clear")
