"""A model's words on the facts: one or two sentences that the guard has let through."""

from __future__ import annotations

import asyncio
import logging
import re

from bots.real_estate.guard import NumberGuard
from bots.real_estate.prompts import BY_DOCUMENT, COMMENT, TALK, VOICES
from bots.real_estate.texts import NOT_IN_DOCUMENT
from bots.real_estate.wording import lead
from services.chat import ChatModel, GenerationOptions, Message
from services.errors import ServiceError
from services.loading import refused_while_loading
from services.media.documents.excerpts import Excerpts

logger = logging.getLogger(__name__)

TIMEOUT = 20.0
LONGEST_COMMENT = 400
_SAYS_SOMETHING = re.compile(r"[^\W\d_]{2}")  # small models answer with a lone «-» or «1.» at times
_COMMENT_OPTIONS = GenerationOptions(temperature=0.7, max_tokens=120)
_TALK_OPTIONS = GenerationOptions(temperature=0.5, max_tokens=500)


class Voice:
    """Asks the model for words; what the guard rejects, or what comes late, is dropped."""

    def __init__(self, model: ChatModel, *, timeout: float = TIMEOUT) -> None:
        self._model = model
        self._timeout = timeout
        self.guard = NumberGuard()

    async def comment(self, style: str, facts: str, request: str) -> str | None:
        """A sentence or two on `facts`; None unless the guard lets them through."""
        asked = f"Запрос: {request}\n\nОтвет:\n{facts}"
        with refused_while_loading():  # the facts are out: words that come late are of no use
            words = await self._ask(COMMENT.format(voice=VOICES[style]), asked, _COMMENT_OPTIONS)
        if not words or len(words) > LONGEST_COMMENT:
            return None
        return words if self.guard.allows(words, (facts, request)) else None

    async def talk(self, style: str, request: str) -> str:
        """An answer to what is neither a search nor a valuation."""
        words = await self._ask(TALK.format(voice=VOICES[style]), request, _TALK_OPTIONS)
        if words and self.guard.allows(words, (request,)):
            return words
        return lead("help", style)

    async def answer_by(self, style: str, request: str, excerpts: Excerpts) -> str:
        """An answer to a question about a document, with the place that it leans on."""
        asked = excerpts.add_to(request)
        words = await self._ask(BY_DOCUMENT.format(voice=VOICES[style]), asked, _TALK_OPTIONS)
        if words and self.guard.allows(words, (asked,)):
            return f"{words}\n\n{excerpts.sources(words)}".strip()
        return NOT_IN_DOCUMENT

    async def _ask(self, system: str, text: str, options: GenerationOptions) -> str:
        messages = (Message("system", system), Message("user", text))
        try:
            completion = await asyncio.wait_for(
                self._model.complete(messages, options), self._timeout
            )
        except (TimeoutError, ServiceError) as error:
            logger.warning("the template speaks: %s", type(error).__name__)
            return ""
        words = completion.text.strip()
        return words if _SAYS_SOMETHING.search(words) else ""
