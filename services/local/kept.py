"""Keys and values of earlier conversations, kept for what may begin like them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from services.local.ragged import SequenceCache

SLACK = 16  # tokens at the end of an older state that aren't worth keeping it for


def common_prefix(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences have in common at their beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def longest_beginning(
    prompt: Sequence[int], caches: Iterable[SequenceCache]
) -> tuple[SequenceCache | None, int]:
    """The cache that begins most like the prompt, and for how many tokens."""
    best, length = None, 0
    for cache in caches:
        common = common_prefix(prompt, cache.tokens)
        if common > length:
            best, length = cache, common
    return best, length


class KeptCaches:
    """Finished sequences, the longest unused first to go."""

    def __init__(self) -> None:
        self._caches: list[SequenceCache] = []

    def __iter__(self) -> Iterator[SequenceCache]:
        return iter(self._caches)

    @property
    def size(self) -> int:
        return sum(cache.size for cache in self._caches)

    def keep(self, cache: SequenceCache) -> None:
        """Keep a sequence, in place of those that it continues."""
        length = len(cache.tokens)
        if not length:
            return
        if cache.capacity > length:
            cache = cache.copy(length, length)
        self._caches = [old for old in self._caches if not continues(cache, old)]
        self._caches.append(cache)

    def touch(self, cache: SequenceCache) -> None:
        """Note that a sequence was of use just now."""
        if cache in self._caches:
            self._caches.remove(cache)
            self._caches.append(cache)

    def shrink(self, limit: int) -> None:
        """Drop the longest unused until at most `limit` bytes remain."""
        while self._caches and self.size > limit:
            del self._caches[0]


def continues(cache: SequenceCache, old: SequenceCache) -> bool:
    """Whether `cache` serves whatever `old` could."""
    return common_prefix(cache.tokens, old.tokens) >= len(old.tokens) - SLACK
