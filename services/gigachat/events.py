"""Server-sent events, as GigaChat writes them: each one is a line `data: {...}`."""

from __future__ import annotations

from services.gigachat.error_mapping import bad

# An event has kilobytes; so many bytes without an end are no stream of events.
MAX_EVENT = 8 * 1024 * 1024
DONE = b"[DONE]"


class EventDecoder:
    """Cuts a stream of bytes into the data of its events, wherever the packets were cut."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, packet: bytes) -> list[bytes]:
        """Take a packet; return the data of the events that it completes."""
        *lines, self._rest = (self._rest + packet).split(b"\n")
        if len(self._rest) > MAX_EVENT:
            raise bad("an event has no end")
        return [line[5:].strip() for line in lines if line.startswith(b"data:")]
