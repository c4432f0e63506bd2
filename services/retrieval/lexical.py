"""Full-text search without an encoder: SQLite's FTS5 over stems."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from services.retrieval.spelling import words_of

_STEM = 5  # letters; on short Russian questions as accurate as a Snowball stemmer
_STOP_WORDS = frozenset(
    words_of("и в на не что как а то это я ты мы вы он она они с у о к по за из же ли бы ну да так")
)


def stems(text: str) -> list[str]:
    """First letters of each word, stop words left out unless there are no others."""
    words = words_of(text)
    return [word[:_STEM] for word in words if word not in _STOP_WORDS] or words


class LexicalIndex:
    """Full-text index of texts by id, in memory, rebuilt at each start."""

    def __init__(self, texts: Iterable[tuple[int, str]] = ()) -> None:
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._database.execute("CREATE VIRTUAL TABLE texts USING fts5(stems, tokenize='unicode61')")
        self.add(texts)

    def add(self, texts: Iterable[tuple[int, str]]) -> None:
        self._database.executemany(
            "INSERT INTO texts (rowid, stems) VALUES (?, ?)",
            ((number, " ".join(stems(text))) for number, text in texts),
        )

    def nearest(self, query: str, count: int) -> list[int]:
        """Ids of the texts nearest by BM25, best first."""
        wanted = " OR ".join(f'"{stem}"' for stem in dict.fromkeys(stems(query)))
        if not wanted:
            return []
        found = self._database.execute(
            "SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY rank LIMIT ?", (wanted, count)
        )
        return [number for (number,) in found]

    def close(self) -> None:
        self._database.close()
