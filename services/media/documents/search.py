"""Find the passages of documents that a question is about, by words and by meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.media.documents.document import Document
from services.media.documents.excerpts import Excerpts, names_document
from services.media.documents.passages import Passage, cut
from services.retrieval.encoder import Encoder, Vectors
from services.retrieval.lexical import LexicalIndex, stems

MAX_WHOLE = 24_000  # characters; a longer text is searched, whatever the model could take
MAX_EXCERPTS = 9_000  # characters of what was found
HEADING = 40  # characters of a passage's name and place
ENCODED = 400  # passages by words that are compared by meaning, of a long document
RARE_LETTERS = 4  # shorter words say nothing of what a question is about
_ENCODED_CHARACTERS = 500  # of a passage; a vector of more tells less
_BY_MEANING = 50  # passages that are ranked by meaning
_RANK_WEIGHT = 8.0  # how soon a rank stops to matter


def find_excerpts(
    documents: Sequence[SearchedDocument], question: str, room: int, encoder: Encoder | None
) -> Excerpts:
    """Whole documents where they fit into `room` characters, else their best passages.

    Blocks: some milliseconds, seconds at the first question to a long document.
    """
    passages = [passage for document in documents for passage in document.passages]
    if sum(len(passage.text) + HEADING for passage in passages) <= min(room, MAX_WHOLE):
        return Excerpts(tuple(passages), whole=True)
    return _find(documents, question, min(room, MAX_EXCERPTS), encoder)


def is_about(documents: Sequence[SearchedDocument], question: str) -> bool:
    """Whether a question names a document or shares a rare word with one; small talk doesn't."""
    return names_document(question) or _share_words(documents, question)


@dataclass(slots=True)
class SearchedDocument:
    """A document cut into passages, with the vectors of those that were compared."""

    passages: list[Passage]
    words: LexicalIndex
    vectors: dict[int, Vectors]

    @classmethod
    def of(cls, document: Document) -> SearchedDocument:
        passages = cut(document)
        return cls(passages, LexicalIndex((n, it.text) for n, it in enumerate(passages)), {})

    def ranked(self, question: str, encoder: Encoder | None) -> list[tuple[float, int]]:
        """The passages by words and by meaning, those first that are near in both."""
        by_words = self.words.nearest(question, ENCODED)
        scores: dict[int, float] = dict.fromkeys(range(len(self.passages)), 0.0)
        for rank, number in enumerate(by_words):
            scores[number] += 1 / (_RANK_WEIGHT + rank)
        if encoder:
            for rank, number in enumerate(self._by_meaning(question, by_words, encoder)):
                scores[number] += 1 / (_RANK_WEIGHT + rank)
        return sorted(((score, -number) for number, score in scores.items() if score), reverse=True)

    def _by_meaning(self, question: str, by_words: list[int], encoder: Encoder) -> list[int]:
        few = len(self.passages) <= ENCODED
        numbers = list(range(len(self.passages))) if few else by_words
        missing = [number for number in numbers if number not in self.vectors]
        texts = [self.passages[number].text[:_ENCODED_CHARACTERS] for number in missing]
        self.vectors |= zip(missing, encoder.encode(texts), strict=True)
        if not numbers:
            return []
        vectors = np.stack([self.vectors[number] for number in numbers])
        order = np.argsort(-(vectors @ encoder.encode([question])[0]), kind="stable")
        return [numbers[at] for at in order[:_BY_MEANING]]


def _share_words(documents: Sequence[SearchedDocument], question: str) -> bool:
    """Whether a longer word of the question stands in few passages of a document."""
    words = [stem for stem in set(stems(question)) if len(stem) >= RARE_LETTERS]
    for document in documents:
        few = max(2, len(document.passages) // 5)
        for word in words:
            if 0 < len(document.words.nearest(word, few + 1)) <= few:
                return True
    return False


def _find(
    documents: Sequence[SearchedDocument], question: str, room: int, encoder: Encoder | None
) -> Excerpts:
    """The best passages of all documents that fit, in the order of the text."""
    ranked = [
        (score, place, -minus)
        for place, document in enumerate(documents)
        for score, minus in document.ranked(question, encoder)
    ]
    ranked.sort(key=lambda item: (-item[0], -item[1], item[2]))
    chosen: set[tuple[int, int]] = set()
    for _, place, number in ranked:
        size = len(documents[place].passages[number].text) + HEADING
        if size <= room:
            room -= size
            chosen.add((place, number))
    if not chosen:  # a question without a word of the text: its beginning tells what it is
        chosen = {(place, 0) for place, document in enumerate(documents) if document.passages}
    return Excerpts(tuple(documents[place].passages[number] for place, number in sorted(chosen)))
