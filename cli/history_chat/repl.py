"""The loop: read a line, obey the command or let the model answer, save."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable

from cli.history_chat import texts
from cli.history_chat.asking import Asking
from cli.history_chat.config import ConsoleSettings
from cli.history_chat.facts import Facts
from cli.history_chat.logbook import Logbook
from cli.history_chat.open_session import OpenSession
from cli.history_chat.reader import Reader
from cli.history_chat.screen import Screen
from cli.history_chat.session_commands import SessionCommands
from cli.history_chat.session_file import MemoryFile
from cli.history_chat.talk_commands import TalkCommands
from cli.shell import Problem, describe
from services.chat import ChatModel

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
        self._open = OpenSession(
            model,
            memory,
            screen,
            reader,
            api_base_url=api_base_url,
            logbook=logbook,
            facts=facts,
        )
        self._screen = screen
        self._wanted = session
        self._asking = Asking(self._open, settings)
        self._sessions = SessionCommands(self._open, list_limit)
        self._about_talk = TalkCommands(self._open, self._asking, settings)
        self._commands: dict[str, Callable[[], Awaitable[None]]] = {
            "/help": self._on_help,
            **self._sessions.plain,
            **self._about_talk.plain,
        }
        self._commands_with_words: dict[str, Callable[[str], Awaitable[None]]] = {
            **self._sessions.with_words,
            **self._about_talk.with_words,
        }

    async def run(self) -> None:
        """Talk until /exit or the end of input; MemoryTooNew when there is no talking here."""
        before = signal.signal(signal.SIGINT, self._asking.on_interrupt)
        path = self._open.memory.path
        self._screen.note(texts.WELCOME.format(model=self._open.model.name, path=path))
        try:
            await self._about_talk.offer_log()
            self._open.follow()
            if self._wanted is None:
                await self._sessions.choose(await self._open.heads())
            else:
                await self._sessions.open(self._wanted)
            while (line := (await self._open.read(texts.PROMPT)).strip()) != "/exit":
                await self._asking.finish_summary()
                if line:
                    await self._handle(line)
        except EOFError:
            pass
        finally:
            signal.signal(signal.SIGINT, before)
        await self._end()

    async def _handle(self, line: str) -> None:
        if not line.startswith("/"):
            await self._asking.ask(line)
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
        if self._open.talk.session.messages or self._open.memory.knows(self._open.talk.session):
            await self._open.save()

    async def _end(self) -> None:
        await self._asking.finish_summary()
        if await self._open.leave():
            self._screen.note(texts.GOODBYE.format(path=self._open.memory.path))
        else:
            self._screen.note(texts.GOODBYE_EMPTY)

    async def _on_help(self) -> None:
        for name, meaning in COMMANDS.items():
            self._screen.line(f"{name:<9} {meaning}")
        self._screen.note(texts.HELP_KEYS)
