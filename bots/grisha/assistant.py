"""Grisha's use cases: talk, comment, rate, remember and forget; knows nothing of Telegram."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from bots.grisha import prompts, texts
from bots.grisha.acquaintance import asked_for_name, asks_own_name, is_introduction
from bots.grisha.asking_back import fact_to_ask_of
from bots.grisha.cleaning import AnswerCleaner, brief, clean_stream
from bots.grisha.config import GrishaSettings
from bots.grisha.facts import FactMemory, Said, asks_for_everything, asks_of_self, tells_more
from bots.grisha.facts.store import Fact
from bots.grisha.facts.with_model import ModelReader
from bots.grisha.familiar import wants_text_for_others
from bots.grisha.knowledge import PATTERNS, Knowledge, is_worth_searching
from bots.grisha.learning import Learning, Status, is_thanks
from bots.grisha.messages import AnswerPlan, IncomingMessage, Post
from bots.grisha.names import extract_name
from bots.grisha.old_talk import BEARS_FROM as OLD_BEARS_FROM
from bots.grisha.old_talk import OldTalk
from bots.grisha.people import BOT, SummaryStore, UserMemory
from bots.grisha.prompts import NAME
from services.chat import (
    AnswerBuilder,
    ChatModel,
    Chunk,
    GenerationOptions,
    Message,
    warm_up,
)
from services.dialogue import CHARACTERS_PER_TOKEN, DOCUMENT_SHARE, with_pictures
from services.errors import ServiceError
from services.head_start import once_settled
from services.local import EMBEDDED_NAME
from services.retrieval import Exchange, Match
from services.storage import ConversationKey, HistoryStore, PreferenceStore, StoredMessage
from services.web import reading_pages, require_tool, searching

logger = logging.getLogger(__name__)

HISTORY_MESSAGES = 20
SUMMARISE_FROM = 10  # turns that fell out of the history before a summary is worth its cost
MAX_WAITING = 10  # candidates in /stats of an operator
MAX_TOLD = 10  # newest facts in the answer to «что ты обо мне знаешь?»
MAX_FACT = 160  # characters of a fact in a prompt or an answer
ANSWERS_FROM = 0.1  # score of a fact that answers a question by itself
BEARS_FROM = 0.4  # score of a fact that is worth its place in a prompt
MAX_OLD = 2  # messages of long ago in a prompt
ASKED = "asked_back"  # when he last asked of a fact, and of which
MEMORY = "memory"  # the setting of /memory
SUMMARY_CONTEXT = 8192  # tokens; smaller models get a summary wrong more often than right


@dataclass(frozen=True, slots=True)
class Grisha:
    """The character over a model, with his memory, knowledge and what he learned."""

    model: ChatModel
    history: HistoryStore
    users: UserMemory
    summaries: SummaryStore
    knowledge: Knowledge
    learning: Learning
    facts: FactMemory
    old_talk: OldTalk
    switches: PreferenceStore
    settings: GrishaSettings
    persona: str
    reader: ModelReader | None = None
    now: Callable[[], datetime] = field(default=lambda: datetime.now().astimezone())

    # --- answering -------------------------------------------------------------------

    async def plan(self, heard: IncomingMessage) -> AnswerPlan:
        """Decide how to answer; no model is asked yet."""
        await once_settled(partial(self.users.see, heard.author_id, heard.key.chat_id))
        past = await self.history.recent(heard.key, HISTORY_MESSAGES)
        said = [turn.content for turn in past if turn.role == "assistant"]
        name, ready = await self._meet(heard, said[-1] if said else "")
        plan = AnswerPlan(
            heard,
            prompts.fold(name or heard.author_name),
            ready=ready,
            recent=said[-5:],
            name=name,
        )
        if ready:
            return plan
        told = await self._tell_back(heard)
        if told:
            return replace(plan, ready=told)
        if not heard.forwarded:
            told_now = self._said(heard, past)
            plan = replace(plan, said=told_now)
            await once_settled(partial(self._note_facts, told_now, talk_of(heard.key)))
        if is_thanks(heard.text) and said:
            await once_settled(partial(self._take_thanks, heard, said[-1]))
        if heard.pictures or heard.excerpts:  # a known answer knows nothing of them
            return await self._ask_model(plan, past)
        return await self._recall(plan) or await self._ask_model(plan, past)

    async def plan_search(self, heard: IncomingMessage) -> AnswerPlan:
        """Plan to look the answer up; ToolMissing when the model can't."""
        require_tool(self.model, "web_search")
        await self.users.see(heard.author_id, heard.key.chat_id)
        name = await self.users.name_of(heard.author_id)
        past = await self.history.recent(heard.key, HISTORY_MESSAGES)
        plan = AnswerPlan(heard, prompts.fold(name or heard.author_name), name=name)
        return replace(await self._ask_model(plan, past), entries=(), learnable=False, web=True)

    def answer(self, plan: AnswerPlan) -> AsyncGenerator[Chunk, None]:
        """Stream the answer, cleaned; one from the web comes as it is, with its sources."""
        if plan.ready:
            return _ready_stream(plan.ready)
        if plan.web:
            return searching(self.model).stream(plan.messages, self._options())
        heard = plan.heard
        cleaner = AnswerCleaner(
            NAME,
            (plan.speaker, *plan.others),
            plan.name,
            foreign=_has_hieroglyphs(heard.text),
            on_ty=not wants_text_for_others(heard.text),
        )
        model = reading_pages(self.model)
        stream = clean_stream(model.stream(plan.messages, self._options()), cleaner)
        return _before_reading(stream, self.reader) if self.reader else stream

    async def remember(
        self, plan: AnswerPlan, answer: str, shown_as: int | None = None
    ) -> int | None:
        """Keep the exchange; return the number of the pattern or candidate that it showed.

        `shown_as` is the id of the message with the answer: votes under it are for that number.
        """
        if not answer.strip():
            return None
        heard = plan.heard
        said = with_pictures(heard.text, heard.pictures)
        await self.history.append(
            heard.key,
            StoredMessage("user", said, heard.author_id, plan.speaker, heard.message_id),
            StoredMessage("assistant", answer, author_name=NAME, source_id=heard.message_id),
        )
        if self.reader and plan.said:
            self.reader.add(plan.said)
        await self.learning.used(plan.entries, [plan.pattern] if plan.pattern else [])
        pattern = plan.pattern
        if plan.learnable and not pattern:
            pattern = await self.learning.consider(
                Exchange(heard.text.strip(), answer.strip()),
                heard.author_id,
                plan.recent,
                await self.users.names(),
            )
        if pattern and shown_as:
            await self.learning.shown(pattern, heard.key.chat_id, shown_as)
        return pattern

    async def rate(self, chat_id: int, message_id: int, user_id: int, value: int) -> bool:
        """Count a vote (+1, -1, 0 to take it back) for the answer that a message shows.

        False when nothing is learned from that answer.
        """
        pattern = await self.learning.shown_in(chat_id, message_id)
        if pattern is None:
            return False
        return await self.learning.vote(pattern, user_id, value) is not None

    async def ban(self, user_id: int, chat_id: int) -> None:
        """Ignore the votes of a user whom an admin of a group banned or removed."""
        await self.learning.ban(user_id, chat_id)

    async def unban(self, user_id: int, chat_id: int) -> None:
        await self.learning.unban(user_id, chat_id)

    async def comment(self, post: Post) -> str:
        """A comment on a channel post; empty when the model said nothing of worth."""
        channel = prompts.fold(post.channel)
        text = prompts.COMMENT.format(channel=channel, post=post.text)
        examples = await self.knowledge.examples(post.text, self.settings.examples)
        prompt = prompts.Prompt(
            self.persona,
            Message("user", text, name=channel),
            [prompts.time_fact(self.now())],
            [
                Exchange(match.question, match.answer)
                for match in examples
                if match.source != PATTERNS
            ],
        )
        messages = await prompts.fit(prompt, self.model, self._budget())
        done = await self.model.complete(messages, self._options())
        cleaner = AnswerCleaner(NAME, (channel,), foreign=_has_hieroglyphs(post.text))
        comment = cleaner.feed(done.text) + cleaner.finish(cut=done.finish_reason == "length")
        return brief(comment)

    async def record_unprompted(
        self, key: ConversationKey, text: str, person_id: int | None = None
    ) -> None:
        """Keep what he said unasked; with `person_id` it goes when that person is forgotten."""
        await self.history.append(key, StoredMessage("assistant", text, person_id, NAME))

    async def keep_warm(self) -> None:
        """Have a local model read ahead what talks begin with; the hour is a part of it."""
        while True:
            now = self.now()
            try:
                await warm_up(self.model, [Message("system", self.persona)])
                await warm_up(self.model, prompts.opening(self.persona, now))
            except ServiceError as error:  # the first question will tell it
                logger.info("not warmed up: %s", type(error).__name__)
            next_hour = now.replace(minute=0, second=1, microsecond=0) + timedelta(hours=1)
            await asyncio.sleep((next_hour - now).total_seconds())

    async def unlearn(self, user_id: int, chat_id: int, answers: Sequence[int]) -> None:
        """Drop what was learned from a message in its old wording, by the messages that answered.

        Facts need nothing: the new wording replaces those of the same message.
        """
        for message_id in answers:
            pattern = await self.learning.shown_in(chat_id, message_id)
            row = await self.learning.get(pattern) if pattern else None
            if row and row.status == Status.CANDIDATE and row.author_id == user_id:
                await self.learning.delete(row.id)

    async def heard_edited(self, heard: IncomingMessage) -> None:
        """An edited message tells what it says now."""
        if heard.forwarded:
            return
        await self._note_facts(self._said(heard, ()), talk_of(heard.key))

    async def unsay(self, person_id: int, chat_id: int, message_id: int) -> None:
        """Forget what a message told: it is about to say something else."""
        await self.facts.forget_message(person_id, chat_id, message_id)
        await self.old_talk.delete(person_id, chat_id, [message_id])

    # --- memory ------------------------------------------------------------------------

    async def greet(self, heard: IncomingMessage) -> str:
        """What he says on /start."""
        await self.users.see(heard.author_id, heard.key.chat_id)
        name = await self.users.name_of(heard.author_id)
        greeting = texts.START_KNOWN.format(name=name) if name else texts.START
        if name is None and self.model.name == EMBEDDED_NAME:
            greeting += texts.SMALL_MODEL
        await self.record_unprompted(heard.key, greeting, heard.author_id)
        return greeting

    async def reset(self, key: ConversationKey) -> None:
        people = await self.history.authors(key)
        await self.history.clear(key)
        await self.summaries.clear(key)
        await self.old_talk.clear(key.chat_id, people, talk_of(key))

    async def forget(self, user_id: int) -> None:
        """Delete everything that is kept of a user."""
        if self.reader:
            await self.reader.forget(user_id)
        await self.learning.forget(user_id)
        await self.facts.forget(user_id)
        await self.old_talk.forget(user_id)
        await self.switches.forget(user_id)
        await self.history.forget(BOT, user_id)
        await self.users.forget(user_id)

    async def describe_user(self, user_id: int) -> str:
        person = await self.users.describe(user_id)
        if person is None:
            return texts.NOBODY
        return texts.ME.format(
            name=person.name or texts.UNKNOWN_NAME,
            first=_day(person.first_seen),
            last=_day(person.last_seen),
            chats=len(person.chats),
            messages=person.messages,
        )

    async def facts_of(self, user_id: int, chat_id: int) -> Sequence[Fact]:
        """What a user told in a chat, newest first."""
        return list(reversed(await self.facts.store.of(user_id, chat_id)))

    async def delete_fact(self, user_id: int, fact: Fact) -> None:
        """Delete a fact, and the message that told it."""
        await self.facts.store.delete(user_id, fact.id)
        await self.old_talk.delete(user_id, fact.chat_id, [fact.message_id])

    async def remembers(self, user_id: int) -> bool:
        """Whether a user lets him keep facts about them."""
        return bool(await self.switches.get(user_id, MEMORY, True))

    async def switch_memory(self, user_id: int, *, on: bool) -> None:
        await self.switches.set(user_id, MEMORY, on)

    async def describe_learning(self, *, operator: bool = False) -> str:
        """What he has learned; operators also read what waits for their approval."""
        stats = await self.learning.stats()
        text = texts.STATS.format(
            dialogues=await self.knowledge.index.count(),
            confirmed=stats.confirmed,
            candidates=stats.candidates,
            uses=stats.uses,
            people=await self.users.count(),
        )
        if stats.most_used:
            text += texts.MAX_USED.format(question=stats.most_used, uses=stats.most_uses)
        if operator:
            text += await self._describe_waiting()
        return text

    async def _describe_waiting(self) -> str:
        rows = await self.learning.list(Status.CANDIDATE)
        waiting = [
            texts.WAITING_ONE.format(
                id=row.id, question=row.question, answer=prompts.fold(row.answer, 200)
            )
            for row in sorted(rows, key=lambda row: -row.id)[:MAX_WAITING]
        ]
        return texts.WAITING.format(waiting="\n".join(waiting)) if waiting else ""

    async def summarise(self, key: ConversationKey) -> None:
        """Fold the turns that fell out of the history into a summary, if the model can."""
        if not self.settings.summaries or self.model.context_length < SUMMARY_CONTEXT:
            return
        turns, until = await self.summaries.unsummarised(key, HISTORY_MESSAGES)
        if len(turns) < SUMMARISE_FROM:
            return
        before = await self.summaries.get(key)
        talk = "\n".join(
            f"{prompts.fold(turn.author_name or turn.role)}: {prompts.fold(turn.content, 500)}"
            for turn in turns
        )
        try:
            done = await self.model.complete(
                [
                    Message("system", prompts.SUMMARIZE),
                    Message("user", f"{before}\n{talk}".strip()),
                ],
                GenerationOptions(max_tokens=200, temperature=0.0),
            )
        except ServiceError as error:
            logger.info("no summary: %s", type(error).__name__)
            return
        if done.finish_reason == "stop" and done.text.strip():
            await self.summaries.put(key, done.text.strip()[:1500], until)

    # --- inside ------------------------------------------------------------------------

    async def _meet(
        self, heard: IncomingMessage, last_answer: str
    ) -> tuple[str | None, str | None]:
        """The author's name, and a ready answer if the message is about it."""
        known = await self.users.name_of(heard.author_id)
        if heard.forwarded:
            return known, None
        asked = asked_for_name(last_answer)
        name = extract_name(heard.text, asked=asked)
        if name and name != known:
            await once_settled(partial(self.users.set_name, heard.author_id, name))
        if name and is_introduction(heard.text, name):
            if known is None:
                return name, texts.GREETING.format(name=name)
            template = texts.GREETING_AGAIN if known == name else texts.RENAMED
            return name, template.format(name=name, old=known)
        if not name and asks_own_name(heard.text):
            answer = texts.YOUR_NAME.format(name=known) if known else texts.NAME_UNKNOWN
            return known, answer
        return name or known, None

    async def _tell_back(self, heard: IncomingMessage) -> str | None:
        """The answer to a question about the author, from what they told in this chat."""
        person, chat = heard.author_id, heard.key.chat_id
        if asks_for_everything(heard.text):
            newest = list(await self.facts.current(person, chat))[-MAX_TOLD:]
            return _told(newest) if newest else texts.NOTHING_TOLD
        if not asks_of_self(heard.text):
            return None
        known = await self.facts.recall(person, chat, heard.text, ANSWERS_FROM, strict=True)
        return _told(known) if known else texts.NOT_TOLD

    def _said(self, heard: IncomingMessage, past: Sequence[StoredMessage]) -> Said:
        """A message with the talk that it answers."""
        answers = bool(past) and past[-1].role == "assistant"
        own = (turn.content for turn in reversed(past) if turn.author_id == heard.author_id)
        return Said(
            heard.author_id,
            heard.key.chat_id,
            heard.message_id,
            heard.text,
            self.now(),
            past[-1].content if answers else "",
            next(own, ""),
        )

    async def _note_facts(self, said: Said, talk_id: int) -> None:
        """Keep what the author tells of themselves, unless they switched it off."""
        if not await self.remembers(said.person_id):
            return
        gone = await self.facts.hear(said)
        await self.old_talk.delete(said.person_id, said.chat_id, gone)
        await self.old_talk.keep(
            said.person_id,
            said.chat_id,
            said.message_id,
            said.text,
            said.said_at,
            talk_id,
        )

    async def _take_thanks(self, heard: IncomingMessage, last_answer: str) -> None:
        """A thank-you confirms the answer just before it."""
        pattern = await self.learning.last_shown(heard.key.chat_id)
        if pattern and pattern.answer == last_answer:
            await self.learning.vote(pattern.id, heard.author_id, 1)

    async def _recall(self, plan: AnswerPlan) -> AnswerPlan | None:
        """An answer that is known: written for him, confirmed by people, or by this person."""
        heard = plan.heard
        for match in await self.knowledge.confirmed(heard.text):
            if tells_more(heard.text, match.question):  # «у меня есть кот Бублик» has a name
                continue
            pattern = None
            if match.source == PATTERNS:
                pattern = (await self.learning.vet([match], heard.author_id)).get(match.id)
                if pattern is None:
                    continue
            if match.answer in plan.recent:
                return None
            return replace(plan, ready=match.answer, pattern=pattern)
        if heard.group:  # others would read it
            return None
        own = await self.learning.own(heard.author_id, heard.text)
        if own is None or own.answer in plan.recent or tells_more(heard.text, own.question):
            return None
        return replace(plan, ready=own.answer, pattern=own.id)

    async def _examples(self, heard: IncomingMessage) -> Sequence[Match]:
        found = await self.knowledge.examples(heard.text, self.settings.examples)
        allowed = await self.learning.vet(found, heard.author_id)
        return [match for match in found if match.source != PATTERNS or match.id in allowed]

    async def _ask_model(self, plan: AnswerPlan, past: Sequence[StoredMessage]) -> AnswerPlan:
        heard = plan.heard
        found = await self._examples(heard)
        prompt = prompts.Prompt(
            self.persona,
            self._question(plan),
            await self._facts(plan, past),
            [Exchange(match.question, match.answer) for match in found],
            [self._turn(turn.role, turn.content, turn.author_name, heard.group) for turn in past],
        )
        return replace(
            plan,
            messages=await prompts.fit(prompt, self.model, self._budget()),
            entries=[match.id for match in found if match.source == PATTERNS],
            others=sorted(
                {prompts.fold(turn.author_name) for turn in past if turn.author_name} - {NAME}
            ),
            learnable=not (heard.post or heard.pictures or heard.excerpts)
            and is_worth_searching(heard.text),
        )

    async def _facts(self, plan: AnswerPlan, past: Sequence[StoredMessage]) -> list[str]:
        heard = plan.heard
        facts = []
        if heard.post:
            post = heard.post
            channel, text = prompts.fold(post.channel), prompts.fold(post.text, 600)
            facts.append(prompts.POST.format(channel=channel, post=text))
        if summary := await self.summaries.get(heard.key):
            facts.append(prompts.SUMMARY.format(summary=prompts.fold(summary, 1500)))
        facts += await self._told_before(heard, past)
        if heard.group:
            facts.append(prompts.GROUP.format(name=prompts.quote(plan.speaker)))
        elif plan.name:
            facts.append(prompts.KNOWN.format(name=prompts.fold(plan.name)))
        else:
            facts.append(prompts.UNKNOWN)
        return [*facts, prompts.time_fact(self.now())]

    async def _told_before(
        self, heard: IncomingMessage, past: Sequence[StoredMessage]
    ) -> list[str]:
        """What the author told before that bears on the message: facts, and talk of long ago."""
        person, chat, now = heard.author_id, heard.key.chat_id, self.now()
        found = await self.facts.recall(person, chat, heard.text, BEARS_FROM)
        known = [fact for fact in found if fact.message_id != heard.message_id]
        shown = {heard.message_id, *(fact.message_id for fact in known)}
        shown |= {turn.source_id for turn in past if turn.source_id}
        old = await self.old_talk.find(person, chat, heard.text, MAX_OLD, shown, talk_of(heard.key))
        facts = [_dated(fact.text, fact.said_at, now) for fact in known]
        talk = [
            _dated(each.text, each.said_at, now) for each in old if each.score >= OLD_BEARS_FROM
        ]
        lines = [prompts.FACTS_TOLD.format(facts="; ".join(facts))] if facts else []
        lines += [prompts.OLD_TALK.format(talk="; ".join(talk))] if talk else []
        return lines + ([] if heard.group else await self._ask_back(heard))

    async def _ask_back(self, heard: IncomingMessage) -> list[str]:
        """Now and then, at a greeting: what has become of something the author told."""
        person, now = heard.author_id, self.now()
        facts = await self.facts.current(person, heard.key.chat_id)
        last = str(await self.switches.get(person, ASKED, "")).partition(" ")
        asked_at = datetime.fromisoformat(last[0]) if last[0] else None
        fact = fact_to_ask_of(heard.text, facts, now, asked_at, int(last[2] or 0))
        if fact is None:
            return []
        await once_settled(
            partial(self.switches.set, person, ASKED, f"{now.isoformat()} {fact.id}")
        )
        return [prompts.ASK_BACK.format(fact=_dated(fact.text, fact.said_at, now))]

    def _question(self, plan: AnswerPlan) -> Message:
        heard = plan.heard
        turn = self._turn("user", heard.text, plan.speaker, heard.group)
        content = heard.excerpts.add_to(turn.content)
        return replace(turn, content=content, attachments=heard.pictures)

    @property
    def room(self) -> int:
        """Characters of a document that a prompt takes, beside the talk."""
        return int(self._budget() * CHARACTERS_PER_TOKEN * DOCUMENT_SHARE)

    def _turn(self, role: str, content: str, speaker: str | None, group: bool) -> Message:
        if role == "assistant":
            return Message("assistant", content, name=NAME)
        if group and speaker:  # a chat template has no place for a name: the text carries it
            return Message("user", prompts.group_turn(speaker, content))
        return Message("user", content, name=prompts.INTERLOCUTOR)

    def _budget(self) -> int:
        room = self.model.context_length - self.settings.answer_tokens
        return min(self.settings.prompt_tokens, room)

    def _options(self) -> GenerationOptions:
        return GenerationOptions(
            temperature=self.settings.temperature,
            max_tokens=self.settings.answer_tokens,
        )


def talk_of(key: ConversationKey) -> int:
    """The talk that old messages belong to: a group has one, a private chat several."""
    return key.thread_id if key.chat_id > 0 else 0


async def _before_reading(
    stream: AsyncGenerator[Chunk, None], reader: ModelReader
) -> AsyncGenerator[Chunk, None]:
    """An answer, for which the reading in the background makes room."""
    async with reader.answering(), aclosing(stream):
        async for chunk in stream:
            yield chunk


async def _ready_stream(text: str) -> AsyncGenerator[Chunk, None]:
    yield AnswerBuilder(NAME).finish("stop", tail=text)


def _has_hieroglyphs(text: str) -> bool:
    return any("\u2e80" <= letter <= "\u9fff" or "\uac00" <= letter <= "\ud7af" for letter in text)


def _dated(text: str, said_at: datetime, now: datetime) -> str:
    return prompts.FACT.format(text=prompts.fold(text, MAX_FACT), age=prompts.age(said_at, now))


def _told(facts: Sequence[Fact]) -> str:
    lines = [
        (prompts.escape(prompts.fold(fact.text, MAX_FACT)), f"{fact.said_at:%d.%m.%Y}")
        for fact in facts
    ]
    if len(lines) == 1:
        return texts.TOLD_ONE.format(text=lines[0][0], day=lines[0][1])
    return texts.TOLD.format(
        facts="\n".join(texts.TOLD_LINE.format(text=text, day=day) for text, day in lines)
    )


def _day(moment: datetime) -> str:
    return f"{moment.astimezone():%d.%m.%Y %H:%M}"
