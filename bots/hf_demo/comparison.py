"""Ask several models the same question at once; no Telegram here."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial

from bots.hf_demo import prompts
from bots.hf_demo.models import ModelShelf
from services.chat import Message
from services.dialogue import HISTORY_MESSAGES
from services.errors import ServiceError
from services.storage import ConversationKey, HistoryStore
from services.timing import Measurement, as_they_finish, measured


async def compare(
    shelf: ModelShelf, names: Sequence[str], messages: Sequence[Message]
) -> AsyncGenerator[tuple[str, Measurement | ServiceError], None]:
    """Ask all models; yield each name with its answer or error, in order of finishing."""

    async def ask(name: str) -> Measurement:
        return await measured(shelf.open(name), messages, prompts.OPTIONS)

    calls = [partial(ask, name) for name in names]
    async with aclosing(as_they_finish(calls, ServiceError)) as finished:
        async for number, result in finished:
            yield names[number], result


async def conversation_up_to(
    history: HistoryStore, key: ConversationKey, source: int | None = None
) -> list[Message] | None:
    """The prompt that ended with the user's message `source`, or with the last one."""
    turns = list(await history.recent(key, HISTORY_MESSAGES))
    while turns and not (turns[-1].role == "user" and source in (None, turns[-1].source_id)):
        turns.pop()
    if not turns:
        return None
    return [
        Message("system", prompts.SYSTEM),
        *(Message(turn.role, turn.content) for turn in turns),
    ]
