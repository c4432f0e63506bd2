"""What Grisha remembers and has learned: look through it, put it right, carry it over.

python -m cli.grisha_memory list --status candidate
python -m cli.grisha_memory approve 3 7
python -m cli.grisha_memory export --patterns patterns.json --users users.json
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bots.grisha.facts import Fact, FactMemory, FactStore
from bots.grisha.learning import Learning, PatternRow, Status
from bots.grisha.people import UserMemory
from cli.shell import prepare
from services.arguments import Parser
from services.env import read_settings
from services.errors import ServiceError
from services.retrieval import Exchange, RetrievalSettings, open_encoder, open_index
from services.storage import Database, StorageSettings

WAITING_SHOWN = 20  # newest candidates in `stats`

MARKS = {Status.CANDIDATE: "?", Status.CONFIRMED: "+", Status.REJECTED: "-"}


@dataclass(frozen=True, slots=True)
class Memory:
    """The stores of one DATA_DIR."""

    learning: Learning
    users: UserMemory
    facts: FactMemory


def build_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="grisha_memory", description="Показывает и правит то, что Гриша запомнил и выучил."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="КОМАНДА")
    listing = commands.add_parser("list", help="выученные ответы, частые первыми")
    listing.add_argument("--status", choices=[status.value for status in Status])
    search = commands.add_parser("search", help="выученные ответы, где есть эти слова")
    search.add_argument("words")
    for name, text in (("approve", "подтвердить"), ("reject", "отклонить"), ("delete", "удалить")):
        command = commands.add_parser(name, help=f"{text} ответы по номерам")
        command.add_argument("ids", nargs="+", type=int, metavar="НОМЕР")
    edit = commands.add_parser("edit", help="изменить вопрос или ответ")
    edit.add_argument("id", type=int, metavar="НОМЕР")
    edit.add_argument("--question")
    edit.add_argument("--answer")
    commands.add_parser("users", help="кого Гриша знает")
    commands.add_parser("stats", help="сколько выучено и сколько раз пригодилось")
    facts = commands.add_parser("facts", help="что люди рассказали о себе")
    facts.add_argument("words", nargs="?", default="", help="только со словами")
    facts.add_argument("--user", type=int, metavar="ID", help="только этого человека")
    for name, text in (("export", "записать в JSON"), ("import", "взять из JSON")):
        command = commands.add_parser(name, help=text)
        command.add_argument("--patterns", type=Path, help="файл grisha_learned_patterns.json")
        command.add_argument("--users", type=Path, help="файл grisha_users.json")
        command.add_argument("--facts", type=Path, help="файл grisha_facts.json")
        if name == "import":
            command.add_argument(
                "--candidates", action="store_true", help="не подтверждать: пусть решат люди"
            )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; 0 is done, 1 a failure, 2 wrong usage."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if arguments.command in ("export", "import") and not (
        arguments.patterns or arguments.users or arguments.facts
    ):
        parser.error("укажи --patterns FILE, --users FILE, --facts FILE или несколько")
    try:
        prepare()
        return asyncio.run(_run(arguments))
    except (ServiceError, OSError, ValueError) as error:
        print(f"Ошибка: {error}", file=sys.stderr)
        return 1


async def _run(arguments: argparse.Namespace) -> int:
    storage = read_settings(StorageSettings)
    async with Database.open(storage) as database:
        index = await open_index(database, open_encoder(), read_settings(RetrievalSettings))
        memory = Memory(
            Learning(database, index),
            UserMemory(database),
            FactMemory(FactStore(database), None),
        )
        return await COMMANDS[arguments.command](memory, arguments)


async def _list(memory: Memory, arguments: argparse.Namespace) -> int:
    status = Status(arguments.status) if arguments.status else None
    return _print(await memory.learning.list(status))


async def _search(memory: Memory, arguments: argparse.Namespace) -> int:
    return _print(await memory.learning.list(words=arguments.words))


def _print(rows: Sequence[PatternRow]) -> int:
    for row in rows:
        print(f"{row.id:>4} {MARKS[Status(row.status)]} {row.uses:>3}×  {row.question}")
        print(f"             → {row.answer}")
    print(f"Всего: {len(rows)}   (+ подтверждён, ? кандидат, - отклонён)")
    return 0


async def _decide(memory: Memory, arguments: argparse.Namespace) -> int:
    missing = []
    for key in arguments.ids:
        if arguments.command == "delete":
            done = await memory.learning.delete(key)
        else:
            status = Status.CONFIRMED if arguments.command == "approve" else Status.REJECTED
            done = await memory.learning.set_status(key, status) is not None
        if not done:
            missing.append(key)
    print(f"Готово: {len(arguments.ids) - len(missing)}")
    return _report_missing(missing)


async def _edit(memory: Memory, arguments: argparse.Namespace) -> int:
    row = await memory.learning.get(arguments.id)
    if row is None:
        return _report_missing([arguments.id])
    changed = Exchange(arguments.question or row.question, arguments.answer or row.answer)
    await memory.learning.edit(arguments.id, changed)
    print("Готово: 1")
    return 0


def _report_missing(keys: Sequence[int]) -> int:
    if keys:
        print(f"Нет таких номеров: {', '.join(map(str, keys))}", file=sys.stderr)
    return 1 if keys else 0


async def _users(memory: Memory, _: argparse.Namespace) -> int:
    people = await memory.users.all()
    for person in people:
        print(
            f"{person.id:>14}  {person.name or '(имя неизвестно)':24} "
            f"чатов: {len(person.chats)}, сообщений: {person.messages}, "
            f"был(а): {person.last_seen:%d.%m.%Y}"
        )
    print(f"Всего: {len(people)}")
    return 0


async def _facts(memory: Memory, arguments: argparse.Namespace) -> int:
    facts = await memory.facts.store.everything(arguments.user, arguments.words)
    for fact in facts:
        print(f"{fact.person_id:>14}  {fact.said_at:%d.%m.%Y}  {' '.join(fact.text.split())}")
    print(f"Всего: {len(facts)}")
    return 0


async def _stats(memory: Memory, _: argparse.Namespace) -> int:
    stats = await memory.learning.stats()
    print(f"Подтверждено: {stats.confirmed}\nКандидатов: {stats.candidates}")
    print(f"Пригодились раз: {stats.uses}\nЗнакомых: {await memory.users.count()}")
    waiting = await memory.learning.list(Status.CANDIDATE)
    if waiting:
        print("Ждут одобрения (approve НОМЕР):")
    for row in sorted(waiting, key=lambda row: -row.id)[:WAITING_SHOWN]:
        print(f"  {row.id}. «{row.question}» → «{row.answer}»")
    if stats.most_used:
        print(f"Чаще всего: «{stats.most_used}», {stats.most_uses}")
    return 0


async def _export(memory: Memory, arguments: argparse.Namespace) -> int:
    if arguments.patterns:
        rows = await memory.learning.list(Status.CONFIRMED)
        patterns = [
            {
                "input": row.question,
                "response": row.answer,
                "learned_at": row.learned_at.isoformat(),
                "usage_count": row.uses,
            }
            for row in rows
        ]
        _write(arguments.patterns, patterns)
        print(f"Ответов записано: {len(patterns)}")
    if arguments.users:
        people = {
            str(person.id): {
                "name": person.name,
                "chat_ids": list(person.chats),
                "created_at": person.first_seen.isoformat(),
                "last_seen": person.last_seen.isoformat(),
            }
            for person in await memory.users.all()
        }
        _write(arguments.users, people)
        print(f"Знакомых записано: {len(people)}")
    if arguments.facts:
        facts = await memory.facts.store.everything()
        _write(arguments.facts, [_exported(fact) for fact in facts])
        print(f"Фактов записано: {len(facts)}")
    return 0


def _exported(fact: Fact) -> dict[str, Any]:
    return {
        "person_id": fact.person_id,
        "chat_id": fact.chat_id,
        "message_id": fact.message_id,
        "said_at": fact.said_at.isoformat(),
        "text": fact.text,
        "context": fact.context,
        "kinds": sorted(fact.kinds),
        "relations": sorted(fact.relations),
        "about_others": fact.about_others,
    }


def _imported(fact: dict[str, Any]) -> Fact:
    return Fact(
        int(fact["person_id"]),
        int(fact["chat_id"]),
        int(fact["message_id"]),
        _moment(fact.get("said_at")),
        str(fact["text"]),
        frozenset(map(str, fact.get("kinds") or ())),
        str(fact.get("context") or ""),
        frozenset(map(str, fact.get("relations") or ())),
        bool(fact.get("about_others")),
    )


async def _import(memory: Memory, arguments: argparse.Namespace) -> int:
    if arguments.patterns:
        patterns = _read(arguments.patterns, list)
        status = Status.CANDIDATE if arguments.candidates else Status.CONFIRMED
        for pattern in patterns:
            key = await memory.learning.put(
                Exchange(str(pattern["input"]), str(pattern["response"])),
                uses=int(pattern.get("usage_count") or 0),
                learned_at=_moment(pattern.get("learned_at")),
            )
            await memory.learning.set_status(key, status)
        print(f"Ответов взято: {len(patterns)}")
    if arguments.users:
        people = _read(arguments.users, dict)
        for user_id, user in people.items():
            seen = (_moment(user.get("created_at")), _moment(user.get("last_seen")))
            await memory.users.set_name(int(user_id), user.get("name"), seen)
            for chat_id in user.get("chat_ids") or ():
                await memory.users.note_chat(int(user_id), int(chat_id))
        print(f"Знакомых взято: {len(people)}")
    if arguments.facts:
        facts = [_imported(fact) for fact in _read(arguments.facts, list)]
        await memory.facts.store.put(facts)
        print(f"Фактов взято: {len(facts)}")
    return 0


def _read(path: Path, kind: type) -> Any:
    content = json.loads(path.read_text("utf-8"))
    if not isinstance(content, kind):
        raise ValueError(f"{path}: не тот файл")
    return content


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", "utf-8")


def _moment(text: str | None) -> datetime:
    """A moment of a file; one without a zone is local time."""
    return datetime.fromisoformat(text).astimezone() if text else datetime.now(UTC)


COMMANDS = {
    "list": _list,
    "search": _search,
    "approve": _decide,
    "reject": _decide,
    "delete": _decide,
    "edit": _edit,
    "users": _users,
    "facts": _facts,
    "stats": _stats,
    "export": _export,
    "import": _import,
}


if __name__ == "__main__":
    sys.exit(main())
