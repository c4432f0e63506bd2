"""Talks of the Hugging Face tools, which go on with -c or by name; they live in the log."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from cli.log.consent import need_log, open_log
from cli.log.store import Exchange, ExchangeLog, Talk
from cli.shell import Problem, describe, say
from services.chat import Message

TOOLS = ("hf", "llama3")  # one person's tools: -c of one goes on with the other's talk
_NO_TALK = "продолжать нечего: в журнале ещё нет разговоров. Спроси сначала без -c"


@dataclass(frozen=True, slots=True)
class OpenTalk:
    """The talk that a question joins, with its past; empty without a log."""

    log: ExchangeLog | None = None
    talk: Talk | None = None
    past: tuple[Message, ...] = ()
    last: Exchange | None = None

    @property
    def id(self) -> int | None:
        return self.talk.id if self.talk else None


def add_talk_options(parser: argparse._ActionsContainer) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "-c", "--continue", dest="go_on", action="store_true", help="продолжить последний разговор"
    )
    which.add_argument("--talk", metavar="ИМЯ", help="продолжить разговор с этим именем или начать")


def open_talk(args: argparse.Namespace, tool: str, *, may_ask: bool = True) -> OpenTalk:
    """Find the talk that the options name, or begin one. Raises Problem."""
    if args.go_on:
        log = need_log("-c продолжает разговор из него")
        talk = log.last_talk(TOOLS)
        if talk is None:
            raise Problem(_NO_TALK)
        return _go_on(log, talk)
    if args.talk:
        log = need_log("--talk хранит разговоры в нём")
        return _go_on(log, log.open_talk(tool, args.talk))
    found = open_log(may_ask=may_ask)
    try:
        return OpenTalk(found, found.open_talk(tool)) if found else OpenTalk()
    except Problem as error:  # an answer is worth more than its record
        say(describe(error))
        return OpenTalk()


def _go_on(log: ExchangeLog, talk: Talk) -> OpenTalk:
    return OpenTalk(log, talk, tuple(log.messages(talk)), log.last_of(talk))
