"""Tokens to text while they come: whole characters only, up to a stop string."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers.decoders import DecodeStream
    from transformers import PreTrainedTokenizerFast


def new_decoder() -> DecodeStream:
    from tokenizers.decoders import DecodeStream

    return DecodeStream(skip_special_tokens=True)


class AnswerText:
    """The text of one answer, as it may be shown.

    Held back: white space that may turn out to be the end, and what may be the beginning
    of a stop string. White space around the answer is dropped.
    """

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self._stop = tuple(text for text in stop if text)
        self._held = ""
        self._started = False
        self.stopped = False

    def take(self, piece: str) -> str:
        """What may be shown now; sets `stopped` when a stop string is complete."""
        text = self._held + piece
        if not self._started:
            text = text.lstrip()
            self._started = bool(text)
        # A stop string may itself begin with the white space that was just dropped:
        # an answer can't end before its first letter, so that one is passed over.
        end = min((at for stop in self._stop if (at := text.find(stop)) >= 0), default=-1)
        if end >= 0:
            self.stopped = True
            self._held = ""
            return text[:end].rstrip()
        ready = self._ready_length(text)
        self._held = text[ready:]
        return text[:ready]

    def finish(self) -> str:
        """What was held back, when no more comes."""
        rest, self._held = self._held.rstrip(), ""
        return rest

    def _ready_length(self, text: str) -> int:
        """How much of the text can no longer belong to a stop string or the last white space."""
        ready = len(text.rstrip())
        for stop in self._stop:
            for length in range(min(len(stop) - 1, len(text)), 0, -1):
                if text.endswith(stop[:length]):
                    ready = min(ready, len(text) - length)
                    break
        return len(text[:ready].rstrip())


class Loop:
    """Notices that an answer says the same thing over and over, as small models come to do."""

    TIMES = 4
    LENGTHS = range(16, 200)  # characters of what is repeated
    LETTERS = 6  # different ones in it: laughter and the rules of a table are no loops
    SENTENCE = 40  # characters of a sentence that isn't said TIMES times by chance
    LONGEST = 400  # of a sentence that is compared whole

    def __init__(self) -> None:
        self._tail = ""
        self._sentence = ""
        self._said: Counter[str] = Counter()

    def closes(self, piece: str) -> bool:
        """Whether the answer, with this piece at its end, has repeated itself TIMES times."""
        self._tail = (self._tail + piece)[-self.TIMES * self.LENGTHS.stop :]
        return self._says_again(piece) or any(map(self._repeats, self.LENGTHS))

    def _says_again(self, piece: str) -> bool:
        """Whether a sentence has just been said once more, with others in between."""
        *ended, rest = re.split(r"[.!?…\n]", self._sentence + piece)
        self._sentence = rest[-self.LONGEST :]
        long = [one.strip().lower() for one in ended if len(one.strip()) >= self.SENTENCE]
        self._said.update(long)
        return any(self._said[one] >= self.TIMES for one in long)

    def _repeats(self, length: int) -> bool:
        said = self._tail[-length:]
        if not self._tail.endswith(said, 0, -length) or not self._tail.endswith(said * self.TIMES):
            return False
        return len({letter for letter in said.lower() if letter.isalpha()}) >= self.LETTERS


class TextStream(AnswerText):
    """The text of an answer whose tokens are decoded here; holds back unfinished characters."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, stop: Sequence[str] = ()) -> None:
        super().__init__(stop)
        self._tokenizer = tokenizer.backend_tokenizer
        self._decoder = new_decoder()

    def feed(self, token: int) -> str:
        """Take the next token."""
        piece = self._decode(token)
        return self.take(piece) if piece else ""

    def _decode(self, token: int) -> str | None:
        try:
            return self._decoder.step(self._tokenizer, token)
        except Exception:  # noqa: BLE001 - it has no class of its own
            # Bytes that make no character spoil the whole run of byte tokens, with characters
            # that were shown already. They are dropped, and the text goes on after them.
            self._decoder = new_decoder()
            return self._decoder.step(self._tokenizer, token)
