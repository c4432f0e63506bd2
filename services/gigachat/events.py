"""Decoder of server-sent events. GigaChat writes each one as a line `data: {...}`."""

from __future__ import annotations

from services.gigachat.error_mapping import bad

MAX_EVENT = 8 * 1024 * 1024  # bytes; a real event has a few kilobytes
DONE = b"[DONE]"


class EventDecoder:
    """Split a stream of packets into the data of its events."""

    def __init__(self) -> None:
        self._unfinished: list[bytes] = []  # pieces of a line without its end
        self._size = 0

    def feed(self, packet: bytes) -> list[bytes]:
        """Take a packet; return the data of the events that it completes."""
        head, newline, tail = packet.rpartition(b"\n")
        self._size = len(tail) + (0 if newline else self._size)
        if self._size > MAX_EVENT:
            raise bad("an event is longer than 8 MB")
        if not newline:
            self._unfinished.append(tail)
            return []
        lines = b"".join((*self._unfinished, head)).split(b"\n")
        self._unfinished = [tail]
        return [line[5:].strip() for line in lines if line.startswith(b"data:")]
