"""What Grisha says, and what he keeps of it; knows nothing of Telegram."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bots.grisha import prompts, texts
from bots.grisha.cleaning import AnswerCleaner, clean_stream
from bots.grisha.config import GrishaSettings
from bots.grisha.knowledge import PATTERNS, Knowledge, is_worth_searching
from bots.grisha.learning import Learning, is_thanks
from bots.grisha.names import extract_name
from bots.grisha.people import SummaryStore, UserMemory
from bots.grisha.prompts import NAME
from services.chat import (
    AnswerBuilder,
    ChatModel,
    Chunk,
    GenerationOptions,
    Message,
    warm_up,
)
from services.errors import ServiceError
from services.retrieval import Exchange
from services.storage import ConversationKey, HistoryStore, StoredMessage

logger = logging.getLogger(__name__)

HISTORY_MESSAGES = 20
SUMMARISE_FROM = 10  # turns that fell out of the history before a summary is worth its cost
SUMMARY_CONTEXT = 8192  # tokens; smaller models get a summary wrong more often than right

_ASKS_OWN_NAME = re.compile(
    r"как\s+(?:же\s+)?меня\s+зовут|(?:помнишь|знаешь|забыл|назови|скажи|какое)\s+(?:ли\s+)?"
    r"(?:ты\s+)?мо[её]\s+имя|мо[её]\s+имя\s+(?:помнишь|знаешь|забыл)|^\W*кто\s+я(?:\s+так\w+)?\W*$",
    re.IGNORECASE,
)
_HOW = re.compile(r"(?:как|тебя)\b", re.IGNORECASE)
_CALLED = re.compile(r"\b(?:зовут|звать|имя)", re.IGNORECASE)
_RETURNED = re.compile(r"\bа\s+(?:тебя|ты|тво[её])\b|\bкак\s+(?:тебя\s+)?зовут", re.IGNORECASE)
_BUSINESS = 6  # words beside the name make a message more than an introduction


@dataclass(frozen=True, slots=True)
class Post:
    """The channel post that a thread is about."""

    channel: str
    text: str


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """A message to Grisha. `group` tells that others are listening."""

    key: ConversationKey
    text: str
    author_id: int
    author_name: str
    message_id: int
    group: bool = False
    post: Post | None = None


@dataclass(frozen=True, slots=True)
class AnswerPlan:
    """How he is going to answer: with ready words, or with the model on these messages."""

    heard: IncomingMessage
    speaker: str
    ready: str | None = None
    messages: Sequence[Message] = ()
    recent: Sequence[str] = ()
    entries: Sequence[int] = ()
    pattern: int | None = None
    name: str | None = None
    others: Sequence[str] = ()
    learnable: bool = False


@dataclass(frozen=True, slots=True)
class Grisha:
    """The character over a model, with his memory, knowledge and what he learned."""

    model: ChatModel
    history: HistoryStore
    users: UserMemory
    summaries: SummaryStore
    knowledge: Knowledge
    learning: Learning
    settings: GrishaSettings
    persona: str
    now: Callable[[], datetime] = field(default=lambda: datetime.now().astimezone())

    # --- answering -------------------------------------------------------------------

    async def plan(self, heard: IncomingMessage) -> AnswerPlan:
        """Decide how to answer; no model is asked yet."""
        await self.users.see(heard.author_id, heard.key.chat_id)
        past = await self.history.recent(heard.key, HISTORY_MESSAGES)
        said = [turn.content for turn in past if turn.role == "assistant"]
        name, ready = await self._meet(heard, said[-1] if said else "")
        plan = AnswerPlan(
            heard, name or heard.author_name, ready=ready, recent=said[-5:], name=name
        )
        if ready:
            return plan
        if is_thanks(heard.text) and said:
            await self._take_thanks(heard, said[-1])
        known = await self.knowledge.confirmed(heard.text)
        if known and known.answer not in plan.recent:
            pattern = await self.learning.of_entry(known.id)
            return AnswerPlan(
                heard, plan.speaker, known.answer, recent=plan.recent, entries=[known.id],
                pattern=pattern,
            )  # fmt: skip
        return await self._ask_model(plan, past)

    def answer(self, plan: AnswerPlan) -> AsyncGenerator[Chunk, None]:
        """Stream the answer, cleaned."""
        if plan.ready:
            return _ready_stream(plan.ready)
        heard = plan.heard
        cleaner = AnswerCleaner(
            NAME, (plan.speaker, *plan.others), plan.name, foreign=_has_hieroglyphs(heard.text)
        )
        return clean_stream(self.model.stream(plan.messages, self._options()), cleaner)

    async def remember(self, plan: AnswerPlan, answer: str) -> int | None:
        """Keep the exchange; return the number of the pattern or candidate that it showed."""
        if not answer.strip():
            return None
        heard = plan.heard
        await self.history.append(
            heard.key,
            StoredMessage("user", heard.text, heard.author_id, plan.speaker, heard.message_id),
            StoredMessage("assistant", answer, author_name=NAME, source_id=heard.message_id),
        )
        await self.learning.used(plan.entries)
        if plan.pattern or not plan.learnable:
            return plan.pattern
        return await self.learning.consider(
            Exchange(heard.text.strip(), answer.strip()),
            heard.author_id,
            plan.recent,
            await self.users.names(),
        )

    async def comment(self, post: Post) -> str:
        """A comment on a channel post; empty when the model said nothing of worth."""
        text = prompts.COMMENT.format(channel=post.channel, post=post.text)
        examples = await self.knowledge.examples(post.text, self.settings.examples)
        prompt = prompts.Prompt(
            self.persona,
            Message("user", text, name=post.channel),
            [prompts.time_fact(self.now())],
            [Exchange(match.question, match.answer) for match in examples],
        )
        messages = await prompts.fit(prompt, self.model, self._budget())
        done = await self.model.complete(messages, self._options())
        cleaner = AnswerCleaner(NAME, (post.channel,), foreign=_has_hieroglyphs(post.text))
        comment = cleaner.feed(done.text) + cleaner.finish(cut=done.finish_reason == "length")
        return comment.strip()

    async def record_unprompted(self, key: ConversationKey, text: str) -> None:
        """Keep what he said unasked."""
        await self.history.append(key, StoredMessage("assistant", text, author_name=NAME))

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

    # --- memory ------------------------------------------------------------------------

    async def greet(self, heard: IncomingMessage) -> str:
        """What he says on /start."""
        await self.users.see(heard.author_id, heard.key.chat_id)
        name = await self.users.name_of(heard.author_id)
        greeting = texts.START_KNOWN.format(name=name) if name else texts.START
        await self.record_unprompted(heard.key, greeting)
        return greeting

    async def reset(self, key: ConversationKey) -> None:
        await self.history.clear(key)
        await self.summaries.clear(key)

    async def forget(self, user_id: int) -> None:
        """Delete everything that is kept of a user."""
        await self.learning.forget(user_id)
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

    async def describe_learning(self) -> str:
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
        return text

    async def summarise(self, key: ConversationKey) -> None:
        """Fold the turns that fell out of the history into a summary, if the model can."""
        if not self.settings.summaries or self.model.context_length < SUMMARY_CONTEXT:
            return
        turns, until = await self.summaries.unsummarised(key, HISTORY_MESSAGES)
        if len(turns) < SUMMARISE_FROM:
            return
        before = await self.summaries.get(key)
        talk = "\n".join(f"{turn.author_name or turn.role}: {turn.content[:500]}" for turn in turns)
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
        asked = asked_for_name(last_answer)
        name = extract_name(heard.text, asked=asked)
        if name and name != known:
            await self.users.set_name(heard.author_id, name)
        if name and is_introduction(heard.text, name):
            if known is None:
                return name, texts.GREETING.format(name=name)
            template = texts.GREETING_AGAIN if known == name else texts.RENAMED
            return name, template.format(name=name, old=known)
        if not name and asks_own_name(heard.text):
            answer = texts.YOUR_NAME.format(name=known) if known else texts.NAME_UNKNOWN
            return known, answer
        return name or known, None

    async def _take_thanks(self, heard: IncomingMessage, last_answer: str) -> None:
        """A thank-you confirms the answer just before it."""
        pattern = await self.learning.last_shown(heard.key.chat_id)
        if pattern and pattern.answer == last_answer:
            await self.learning.vote(pattern.id, heard.author_id, 1)

    async def _ask_model(self, plan: AnswerPlan, past: Sequence[StoredMessage]) -> AnswerPlan:
        heard = plan.heard
        found = await self.knowledge.examples(heard.text, self.settings.examples)
        prompt = prompts.Prompt(
            self.persona,
            self._turn("user", heard.text, plan.speaker, heard.group),
            await self._facts(plan),
            [Exchange(match.question, match.answer) for match in found],
            [self._turn(turn.role, turn.content, turn.author_name, heard.group) for turn in past],
        )
        return AnswerPlan(
            heard,
            plan.speaker,
            messages=await prompts.fit(prompt, self.model, self._budget()),
            recent=plan.recent,
            entries=[match.id for match in found if match.source == PATTERNS],
            name=plan.name,
            others=sorted({turn.author_name for turn in past if turn.author_name} - {NAME}),
            learnable=heard.post is None and is_worth_searching(heard.text),
        )

    async def _facts(self, plan: AnswerPlan) -> list[str]:
        heard = plan.heard
        facts = []
        if heard.post:
            post = heard.post
            facts.append(prompts.POST.format(channel=post.channel, post=post.text[:600]))
        if summary := await self.summaries.get(heard.key):
            facts.append(prompts.SUMMARY.format(summary=summary))
        if heard.group:
            facts.append(prompts.GROUP.format(name=plan.speaker))
        elif plan.name:
            facts.append(prompts.KNOWN.format(name=plan.name))
        else:
            facts.append(prompts.UNKNOWN)
        return [*facts, prompts.time_fact(self.now())]

    def _turn(self, role: str, content: str, speaker: str | None, group: bool) -> Message:
        if role == "assistant":
            return Message("assistant", content, name=NAME)
        if group and speaker:  # a chat template has no place for a name: the text carries it
            return Message("user", f"{speaker}: {content}")
        return Message("user", content, name=prompts.INTERLOCUTOR)

    def _budget(self) -> int:
        room = self.model.context_length - self.settings.answer_tokens
        return min(self.settings.prompt_tokens, room)

    def _options(self) -> GenerationOptions:
        return GenerationOptions(
            temperature=self.settings.temperature,
            max_tokens=self.settings.answer_tokens,
        )


async def _ready_stream(text: str) -> AsyncGenerator[Chunk, None]:
    yield AnswerBuilder(NAME).finish("stop", tail=text)


def asks_own_name(text: str) -> bool:
    """Whether the author asks for their own name: «как меня зовут?»."""
    return bool(_ASKS_OWN_NAME.search(text))


def asked_for_name(answer: str) -> bool:
    """Whether an answer asks for the name: «А тебя как зовут?»."""
    for statement in re.split(r"[.!]", answer):
        for question in statement.split("?")[:-1]:
            how = _HOW.search(question)
            if how and _CALLED.search(question, how.end()):
                return True
    return False


def is_introduction(text: str, name: str) -> bool:
    """Whether a message is there to introduce its author, and for nothing else."""
    beside = len(text.split()) - len(name.split())
    return beside <= _BUSINESS and ("?" not in text or bool(_RETURNED.search(text)))


def _has_hieroglyphs(text: str) -> bool:
    return any("\u2e80" <= letter <= "\u9fff" or "\uac00" <= letter <= "\ud7af" for letter in text)


def _day(moment: datetime) -> str:
    return f"{moment.astimezone():%d.%m.%Y %H:%M}"
