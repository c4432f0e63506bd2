"""Clean what a small model says: tokens of templates, labels, loops, stray hieroglyphs.

The text is cut into segments (a sentence, a line, or 120 characters without an end);
a segment is shown when it is whole. So a stream comes out as the same text whatever its
pieces were, and a loop or a cut sentence is noticed before anybody has read it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from bots.grisha.familiar import familiar
from services.chat import Chunk

LONGEST = 160  # characters without a sentence end that are waited for
CUT = 120  # where a longer one is cut, back to a space
_RUSSIAN = 0.8  # share of letters in a line of prose
COMMENT_SENTENCES = 2
SAME = 3  # a sentence said as often as this is a loop

_SEGMENT = re.compile(r"```|\n|[.!?…]+[\"»)]*(?=\s)")
_ENDS = re.compile(
    r"<\|(?:im_end|endoftext|eot_id|end)\|>|<end_of_turn>|</s>|<eos>|\[/INST\]"
    r"|<\|im_start\|>(?:user|system)|<start_of_turn>user"
)
_TOKENS = re.compile(
    r"<\|im_start\|>assistant|<start_of_turn>model|<\|[^|>\n]{0,40}\|>|<(?:start_of_turn|bos|pad|unk|s)>|\[INST\]|</?think>|<<SYS>>|<</SYS>>"
)
_PLACEHOLDER = re.compile(r"(?:,?\s*)(?:\[(?:ИМЯ|имя|Имя|NAME|name)\]|\{(?:имя|name)\}|<имя>)")
_FOREIGN = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]+")
_ROLES = ("user", "assistant", "system", "пользователь", "ассистент", "собеседник", "человек")
_WORD_LOOP = re.compile(r"\b(\w+)((?:[,\s]+\1\b){2})(?:[,\s]+\1\b)+", re.IGNORECASE)
_HYPHEN_LOOP = re.compile(r"\b(\w+-)\1{4,}(\w*)", re.IGNORECASE)
_LETTER_LOOP = re.compile(r"(\w)\1{9,}")
_PHRASE_LOOP = re.compile(r"(?P<phrase>\b[^\n]{4,60}?)(?:[,;]?\s*(?P=phrase)){2,}", re.IGNORECASE)
# What instruct models add to every answer: an offer of service says nothing.
_OFFER = re.compile(
    r"\W*(?:(?:привет|здравствуйте?|конечно|хорошо|рад\w*)\W+)?"
    r"(?:а\s+)?(?:чем|как)\s+(?:ещё\s+)?(?:я\s+)?(?:могу|можем|можно)\s+"
    r"(?:я\s+)?(?:(?:тебе|вам|сегодня|ещё)\s+){0,2}(?:помочь|быть\s+полезен)\b[^.!?]*[.!?…]*\s*"
    r"|\W*(?:если|когда)\s+у\s+(?:тебя|вас)\s+(?:есть|будут|появятся|возникнут|остались)\b"
    r"[^.!?]{0,40}\b(?:вопрос(?:ы|ов)|помощь)\b[^.!?]*[.!?…]*\s*"
    r"|\W*не\s+стесняйся?(?:тесь)?\s+(?:спрашивать|обращаться|задавать)\b[^.!?]*[.!?…]*\s*",
    re.IGNORECASE,
)
# And how they begin, whatever was asked.
_EAGER = re.compile(r"\s*конечно(?:\s+же)?[,!]\s+(?=\w+(?:\W+\w+){2})", re.IGNORECASE)
_MAKERS = r"(?:qwen|alibaba|tongyi|openai|chat\s?gpt|gemma|llama|yandexgpt)"
_CLAIM = re.compile(
    rf"\b(?:я|меня|мой|моя)\b[^.!?]{{0,80}}\b{_MAKERS}|\b{_MAKERS}\b[^.!?]{{0,60}}\bменя\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?…][\"»)]*\s*$")


@dataclass(slots=True)
class AnswerCleaner:
    """Cleans one answer: `feed` returns what may be shown, `finish` the rest.

    `name` is the speaker's own label, `others` are labels at which somebody else's turn
    begins, `person` fills «[ИМЯ]». `foreign` keeps hieroglyphs, `on_ty` turns «вы» into «ты».
    """

    name: str = "Гриша"
    others: Sequence[str] = ()
    person: str | None = None
    foreign: bool = False
    on_ty: bool = False
    ended: bool = False
    _buffer: str = ""
    _shown: str = ""
    _code: bool = False
    _fence: str = ""  # of code, or of prose: the line after it will tell
    _prose_fence: bool = False
    _line_start: bool = True
    _said: Counter[str] = field(default_factory=Counter)
    _last: str = ""
    _offered: str = ""

    def feed(self, text: str) -> str:
        """Take a piece of the answer; return what is settled by now."""
        if self.ended:
            return ""
        self._buffer += text
        clean = ""
        while not self.ended and (segment := self._next()):
            clean += self._segment(segment)
        return self._show(clean)

    def finish(self, *, cut: bool = False) -> str:
        """The rest. `cut`: the model wasn't done, so an unfinished sentence is dropped."""
        rest, self._buffer = self._buffer, ""
        if self.ended or not rest:
            return self._show("")
        clean = self._segment(rest).rstrip()
        self.ended = True
        if not self._shown and not clean:
            return self._show(self._offered.strip())  # better than no answer
        if cut and not self._code and not _SENTENCE_END.search(clean):
            if _SENTENCE_END.search(self._shown):
                return ""
            clean += "…"
        return self._show(clean)

    def _next(self) -> str:
        """The next whole segment with the space after it, or nothing yet."""
        match = _SEGMENT.search(self._buffer, 0, LONGEST)
        if match and match.end() < len(self._buffer):
            end = match.end()
        elif len(self._buffer) > LONGEST:
            end = self._buffer.rfind(" ", 0, CUT) + 1 or CUT
        else:
            return ""
        segment, self._buffer = self._buffer[:end], self._buffer[end:]
        return segment

    def _show(self, clean: str) -> str:
        if not self._shown:
            clean = clean.lstrip()
        self._shown += clean
        return clean

    def _segment(self, text: str) -> str:
        end = _ENDS.search(text)
        if end:
            text, self.ended = text[: end.start()], True
        text = _TOKENS.sub("", text)
        at_line_start, self._line_start = self._line_start, text.endswith("\n") or not text
        if text.endswith("```"):
            return self._at_fence(text)
        if self._fence and not self._fence.endswith("\n"):
            self._fence += text  # the language
            return ""
        if self._fence:
            fence, self._fence = self._fence, ""
            if not _is_prose(fence, text):
                return fence + text
            self._code, self._prose_fence = False, True
        if self._code:
            return text
        if at_line_start:
            text = self._without_label(text)
        text = self._in_character(self._without_garbage(text))
        if self.on_ty:
            text = familiar(text)
        return text if self._is_news(text) else ""

    def _at_fence(self, text: str) -> str:
        """A fence opens, or closes; around prose both are dropped."""
        if self._prose_fence:
            self._prose_fence = False
            return text.removesuffix("```")
        if self._code:
            fence, self._fence, self._code = self._fence, "", False
            return fence + text
        self._code, self._fence = True, "```"
        return text.removesuffix("```")

    def _without_label(self, text: str) -> str:
        """Drop «Гриша:» before a line; end at somebody else's turn."""
        label, colon, rest = text.partition(":")
        speaker = label.strip(' *_"«»#').lower()
        if not colon or len(label) > 40:
            return text
        if speaker in (self.name.lower(), "assistant", "ассистент"):
            return rest.lstrip(" *_")
        if speaker in _ROLES or speaker in [other.lower() for other in self.others if other]:
            self.ended = True
            return ""
        return text

    def _in_character(self, text: str) -> str:
        """Drop an offer of service; he is himself, whatever model speaks for him."""
        if _OFFER.fullmatch(text):
            self._offered = self._offered or text
            return ""
        if not self._said and (eager := _EAGER.match(text)):
            text = text[eager.end()].upper() + text[eager.end() + 1 :]
        if not _CLAIM.search(text):
            return text
        ending = text[len(text.rstrip()) :]
        return f"Я {self.name}, чат-бот.{ending}"

    def _without_garbage(self, text: str) -> str:
        text = _PLACEHOLDER.sub(f", {self.person}" if self.person else "", text)
        if not self.foreign:
            text = re.sub(r" {2,}", " ", _FOREIGN.sub("", text)) if _FOREIGN.search(text) else text
        text = _WORD_LOOP.sub(r"\1\2", text)
        text = _HYPHEN_LOOP.sub(r"\1\1\2", text)
        text = _LETTER_LOOP.sub(r"\1\1\1", text)
        return _PHRASE_LOOP.sub(_once, text)

    def _is_news(self, text: str) -> bool:
        """False for a sentence that goes round and round; refrains of a poem are news."""
        key = " ".join(re.findall(r"\w+", text.lower()))
        if not key:
            return True
        self._said[key] += 1
        again, self._last = key == self._last and " " in key, key
        looping = self._said[key] > SAME and " " in key
        self.ended = self.ended or looping
        return not looping and not (again and self._said[key] >= SAME)


def _is_prose(fence: str, line: str) -> bool:
    """Whether a fence names no language, and Russian words follow it."""
    letters = [letter for letter in line if letter.isalpha()]
    russian = sum("а" <= letter.lower() <= "я" for letter in letters)
    return fence.strip("`\n ") in ("", "text", "markdown") and russian > _RUSSIAN * len(letters)


def _once(match: re.Match[str]) -> str:
    """One of the repeated phrases, unless they are single words (those are counted apart)."""
    phrase = match["phrase"]
    return phrase if " " in phrase.strip() else match.group()


def clean_answer(text: str, *, cut: bool = False, name: str = "Гриша", **options: object) -> str:
    """Clean a whole answer; the same as a stream of it."""
    cleaner = AnswerCleaner(name=name, **options)  # type: ignore[arg-type]
    return (cleaner.feed(text) + cleaner.finish(cut=cut)).rstrip()


def brief(text: str, sentences: int = COMMENT_SENTENCES) -> str:
    """The first sentences of a text, up to a list or a second paragraph; none lead up to a list."""
    paragraph = text.strip().partition("\n")[0]
    ends = [match.end() for match in _SEGMENT.finditer(f"{paragraph} ")]
    short = paragraph[: ends[sentences - 1]] if len(ends) >= sentences else paragraph
    return "" if short.endswith(":") else short


async def clean_stream(
    stream: AsyncGenerator[Chunk, None], cleaner: AnswerCleaner
) -> AsyncGenerator[Chunk, None]:
    """The stream with its text cleaned; the model is freed as soon as the answer has ended."""
    text = ""
    async with aclosing(stream):
        async for chunk in stream:
            clean = cleaner.feed(chunk.text)
            done = chunk.completion
            if done is None:
                text += clean
                if clean:
                    yield Chunk(clean)
                continue
            clean += cleaner.finish(cut=done.finish_reason == "length")
            yield Chunk(clean, replace(done, text=text + clean))
