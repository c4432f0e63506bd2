"""Telegram handlers of Grisha."""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from dataclasses import replace

from aiogram import Bot, F, Router
from aiogram.enums import ChatMemberStatus, ChatType
from aiogram.filters import BaseFilter, Command, CommandObject, CommandStart
from aiogram.types import (
    CallbackQuery,
    ChatMemberUpdated,
    InlineKeyboardMarkup,
    Message,
    MessageReactionUpdated,
    ReactionTypeEmoji,
)

from bots.common import texts as common_texts
from bots.common.conversation import (
    Addressed,
    HasText,
    Matches,
    author_of,
    conversation_key,
    is_private,
    thread_key,
)
from bots.common.dispatcher import BotContext
from bots.common.forgetting import Forgetting
from bots.common.formatting import render
from bots.common.notices import send_aside, send_notice
from bots.common.replies import run_reply, send_reply, stream_reply
from bots.common.rights import may_decide
from bots.common.turns import Interrupted, Turns
from bots.grisha import keyboards, texts
from bots.grisha.assistant import Grisha
from bots.grisha.comments import Comments
from bots.grisha.keyboards import FactCallback, RatingCallback
from bots.grisha.messages import IncomingMessage, Post
from bots.grisha.prompts import escape, fold
from services.chat import Image
from services.errors import ServiceError
from services.media.documents.shelf import DocumentShelf
from services.storage import ConversationKey, PreferenceStore

logger = logging.getLogger(__name__)

QUIET = "quiet"
FACTS_ON_PAGE = 10
FACT_SHOWN = 200  # characters of a fact in /me
_ON, _OFF = frozenset(["on", "вкл", "да"]), frozenset(["off", "выкл", "нет"])
_LIKES = frozenset("👍❤🔥👏😁🎉🤩💯🙏👌😍🤣🏆🤝")
_DISLIKES = frozenset("👎💩🤮😡🤬🥱")


class Welcome(BaseFilter):
    """Passes private chats and, if groups are listed in the settings, only those groups."""

    async def __call__(self, event: Message | MessageReactionUpdated, grisha: Grisha) -> bool:
        groups = grisha.settings.groups
        return event.chat.type == ChatType.PRIVATE or not groups or event.chat.id in groups


class Talkative(BaseFilter):
    """Passes what is in private, and in groups that haven't told him to be quiet."""

    async def __call__(self, message: Message, chats: PreferenceStore) -> bool:
        return is_private(message) or not await chats.get(message.chat.id, QUIET, False)


class FromNamedChannel(BaseFilter):
    """Passes posts of the channels in the settings, as their discussion group sees them."""

    async def __call__(self, message: Message, grisha: Grisha) -> bool:
        channel = message.sender_chat
        return (
            bool(message.is_automatic_forward)
            and channel is not None
            and grisha.settings.names_channel(channel.id, channel.username)
        )


def create_router() -> Router:
    router = Router(name="grisha")
    router.message.filter(Welcome())
    router.message_reaction.filter(Welcome())
    router.message.register(on_post, FromNamedChannel())
    router.message.register(on_nothing, Matches(F.is_automatic_forward))
    router.message.register(on_removed, Matches(F.left_chat_member))
    router.message.register(on_start, CommandStart())
    router.message.register(on_help, Command("help"))
    router.message.register(on_me, Command("me"))
    router.message.register(on_forget, Command("forget"))
    router.message.register(on_reset, Command("reset"))
    router.message.register(on_memory, Command("memory"))
    router.message.register(on_stats, Command("stats"))
    router.message.register(on_quiet, Command("quiet"))
    router.message.register(on_talk, Command("talk"))
    router.message.register(on_web, Command("web"), Talkative())
    router.message.register(
        on_message, HasText(captions=True), Addressed(), Talkative(), flags={"gather": True}
    )
    router.edited_message.register(
        on_edited, HasText(captions=True), Addressed(), Talkative(), flags={"free": True}
    )
    router.callback_query.register(on_fact, FactCallback.filter(), flags={"free": True})
    router.callback_query.register(on_rating, RatingCallback.filter(), flags={"free": True})
    router.message_reaction.register(on_reaction)
    router.chat_member.register(on_member)
    return router


async def on_nothing(message: Message) -> None:
    """A post of another channel: it isn't addressed to him, whatever it mentions."""


async def on_start(message: Message, grisha: Grisha, comments: Comments, bot_name: str) -> None:
    key, _ = await _place(message, comments, bot_name)
    await send_reply(message, await grisha.greet(_heard(message, key, "")))


async def on_help(message: Message) -> None:
    await send_reply(message, texts.HELP)


async def on_me(message: Message, grisha: Grisha) -> None:
    text, markup = await _me(grisha, author_of(message).id, message.chat.id, 0)
    await send_reply(message, text, keyboard=markup)


async def on_fact(callback: CallbackQuery, callback_data: FactCallback, grisha: Grisha) -> None:
    """Delete a fact of whoever presses the button, or turn the page."""
    message = callback.message
    if not isinstance(message, Message):
        await callback.answer(texts.FACT_GONE)
        return
    person = callback.from_user.id
    if callback_data.id:
        own = await grisha.facts_of(person, message.chat.id)
        fact = next((fact for fact in own if fact.id == callback_data.id), None)
        if fact is None:
            await callback.answer(texts.FACT_GONE)
            return
        await grisha.delete_fact(person, fact)
    elif not is_own_answer(message, person):
        await callback.answer()
        return
    text, markup = await _me(grisha, person, message.chat.id, callback_data.page)
    await callback.answer(texts.FACT_DELETED if callback_data.id else None)
    shown = render(text)
    await message.edit_text(shown.text, entities=list(shown.entities), reply_markup=markup)


async def on_memory(message: Message, command: CommandObject, grisha: Grisha) -> None:
    """/memory on, /memory off; without a word it tells which."""
    person, choice = author_of(message).id, (command.args or "").strip().lower()
    if choice in _ON | _OFF:
        await grisha.switch_memory(person, on=choice in _ON)
    on = await grisha.remembers(person)
    await send_reply(message, texts.MEMORY_ON if on else texts.MEMORY_OFF)


async def on_edited(
    message: Message, grisha: Grisha, comments: Comments, bot: Bot, bot_name: str
) -> None:
    text = message.text or message.caption or ""
    key, post = await _place(message, comments, bot_name)
    await grisha.heard_edited(_heard(message, key, await _without_mention(text, bot), post))


async def _me(
    grisha: Grisha, person: int, chat_id: int, page: int
) -> tuple[str, InlineKeyboardMarkup | None]:
    """What is known of a person: the facts of this chat only, a page of them."""
    text = await grisha.describe_user(person)
    facts = await grisha.facts_of(person, chat_id)
    if not facts:
        return text + texts.FORGET_ALL, None
    pages = -(-len(facts) // FACTS_ON_PAGE)
    page = min(page, pages - 1)
    first = page * FACTS_ON_PAGE
    shown = dict(enumerate(facts[first : first + FACTS_ON_PAGE], first + 1))
    lines = [
        texts.FACT.format(
            number=number, text=escape(fold(fact.text, FACT_SHOWN)), day=f"{fact.said_at:%d.%m.%Y}"
        )
        for number, fact in shown.items()
    ]
    which = texts.FACTS_PAGE.format(page=page + 1, pages=pages) if pages > 1 else ""
    text += texts.FACTS.format(page=which, facts="\n".join(lines))
    numbers = {number: fact.id for number, fact in shown.items()}
    return text, keyboards.facts(numbers, page, pages)


def is_own_answer(message: Message, person: int) -> bool:
    """Whether a message of the bot answers this person, or stands in their private chat."""
    asked = message.reply_to_message
    return is_private(message) or bool(asked and asked.from_user and asked.from_user.id == person)


async def on_forget(message: Message, forgetting: Forgetting) -> None:
    await forgetting.forget(author_of(message).id)
    await send_reply(message, texts.FORGOTTEN)


async def on_reset(
    message: Message,
    bot: Bot,
    grisha: Grisha,
    comments: Comments,
    documents: DocumentShelf,
    bot_name: str,
) -> None:
    if not await may_decide(message, bot):
        await send_aside(message, common_texts.RESET_BY_ADMINS)
        return
    key, _ = await _place(message, comments, bot_name)
    await grisha.reset(key)
    await documents.clear(conversation_key(bot_name, message))
    await send_reply(message, texts.RESET)


async def on_stats(message: Message, grisha: Grisha, context: BotContext) -> None:
    """How much he learned; to operators, in private, also what waits for their approval."""
    operator = is_private(message) and author_of(message).id in context.settings.admin_ids
    await send_reply(message, await grisha.describe_learning(operator=operator))


async def on_quiet(message: Message, bot: Bot, chats: PreferenceStore) -> None:
    await _switch(message, bot, chats, quiet=True)


async def on_talk(message: Message, bot: Bot, chats: PreferenceStore) -> None:
    await _switch(message, bot, chats, quiet=False)


async def on_message(
    message: Message,
    text: str,
    grisha: Grisha,
    comments: Comments,
    documents: DocumentShelf,
    turns: Turns,
    bot: Bot,
    bot_name: str,
    pictures: tuple[Image, ...] = (),
) -> None:
    key, post = await _place(message, comments, bot_name)
    heard = _heard(message, key, await _without_mention(text, bot), post)
    async with turns.turn(key) as turn:
        talk = conversation_key(bot_name, message)
        excerpts = await documents.about(talk, heard.text, grisha.room, relevant=True)
        heard = replace(heard, excerpts=excerpts, pictures=pictures)
        plan = await run_reply(message, turn, grisha.plan(heard), action=None)
        reply = await stream_reply(
            message, grisha.answer(plan), turn, footer=lambda done: excerpts.sources(done.text)
        )
        shown = reply.messages[-1]
        text = reply.text if reply.completion else ""
        if await grisha.remember(plan, text, shown.message_id) and is_private(message):
            await shown.edit_reply_markup(reply_markup=keyboards.rating())
        with suppress(Interrupted):  # the question is answered: a summary may come another time
            await turn.run(grisha.summarise(key))


async def on_web(
    message: Message,
    command: CommandObject,
    grisha: Grisha,
    comments: Comments,
    turns: Turns,
    bot_name: str,
) -> None:
    """Look something up; where the model can't, the error says what is missing."""
    question = (command.args or "").strip()
    if not question:
        await send_notice(message, texts.WEB_EMPTY)
        return
    key, post = await _place(message, comments, bot_name)
    async with turns.turn(key) as turn:
        heard = _heard(message, key, question, post)
        plan = await run_reply(message, turn, grisha.plan_search(heard), action=None)
        reply = await stream_reply(message, grisha.answer(plan), turn)
        await grisha.remember(plan, reply.text if reply.completion else "")


async def on_post(
    message: Message, grisha: Grisha, comments: Comments, turns: Turns, bot_name: str
) -> None:
    """Comment on a channel's post; when the model fails he is silent and the log says so."""
    text = (message.text or message.caption or "").strip()
    channel = message.sender_chat
    if channel is None or not text:
        return
    key = ConversationKey(bot_name, message.chat.id, message.message_id)
    post = Post(channel.title or "", text)
    await comments.note(key, post)
    if len(text) < grisha.settings.comment_min_length or not await comments.may_comment(key):
        return
    try:
        async with turns.turn(key) as turn:
            comment = await turn.run(grisha.comment(post))
    except ServiceError as error:
        logger.warning("no comment on message %d: %s", message.message_id, type(error).__name__)
        return
    if not comment:
        logger.warning("no comment on message %d: the model said nothing", message.message_id)
    elif await comments.claim(key):
        await send_reply(message, comment)
        await grisha.record_unprompted(key, comment)


async def on_rating(callback: CallbackQuery, callback_data: RatingCallback, grisha: Grisha) -> None:
    message = callback.message
    value = 1 if callback_data.value > 0 else -1
    if message is None or not await grisha.rate(
        message.chat.id, message.message_id, callback.from_user.id, value
    ):
        await callback.answer(texts.VOTE_STALE)
        return
    await callback.answer(texts.LIKED if value > 0 else texts.DISLIKED)
    if isinstance(message, Message):
        await message.edit_reply_markup(reply_markup=None)


async def on_reaction(event: MessageReactionUpdated, grisha: Grisha) -> None:
    """A reaction under an answer counts as a vote; taking it back takes the vote back."""
    voter = event.user or event.actor_chat
    if voter is None:
        return
    emojis = {
        reaction.emoji.rstrip("\ufe0f")
        for reaction in event.new_reaction
        if isinstance(reaction, ReactionTypeEmoji)
    }
    value = -1 if emojis & _DISLIKES else int(bool(emojis & _LIKES))
    await grisha.rate(event.chat.id, event.message_id, voter.id, value)


async def on_member(event: ChatMemberUpdated, grisha: Grisha) -> None:
    """An admin banned somebody, or let them in again: their votes count accordingly."""
    user_id, status = event.new_chat_member.user.id, event.new_chat_member.status
    if status == ChatMemberStatus.KICKED:
        await grisha.ban(user_id, event.chat.id)
    elif event.old_chat_member.status == ChatMemberStatus.KICKED:
        await grisha.unban(user_id, event.chat.id)


async def on_removed(message: Message, grisha: Grisha) -> None:
    """An admin removed a member: seen also where the bot isn't told of bans."""
    gone = message.left_chat_member
    if gone and message.from_user and gone.id != message.from_user.id:
        await grisha.ban(gone.id, message.chat.id)


async def _place(
    message: Message, comments: Comments, bot_name: str
) -> tuple[ConversationKey, Post | None]:
    """The line of talk that a message belongs to, and the post that it is about."""
    thread = thread_key(bot_name, message)
    post = await comments.post_of(thread)
    return (thread, post) if post else (conversation_key(bot_name, message), None)


def _heard(
    message: Message, key: ConversationKey, text: str, post: Post | None = None
) -> IncomingMessage:
    author = author_of(message)
    group = not is_private(message)
    return IncomingMessage(
        key,
        text,
        author.id,
        author.name,
        message.message_id,
        group,
        post,
        forwarded=message.forward_origin is not None,
    )


async def _without_mention(text: str, bot: Bot) -> str:
    """The message without «@grisha_bot,»: who is addressed is known."""
    me = await bot.me()
    plain = re.sub(rf"@{re.escape(me.username or '')}\b[\s,:—-]*", "", text, flags=re.IGNORECASE)
    return plain.strip() or text


async def _switch(message: Message, bot: Bot, chats: PreferenceStore, *, quiet: bool) -> None:
    if is_private(message):
        await send_reply(message, texts.GROUPS_ONLY)
    elif await may_decide(message, bot):
        await chats.set(message.chat.id, QUIET, quiet)
        await send_reply(message, texts.QUIET if quiet else texts.TALK)
    else:
        await send_aside(message, common_texts.ADMINS_ONLY)
