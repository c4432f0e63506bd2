"""Server-sent events, as GigaChat writes them: each one is a line `data: {...}`."""

from __future__ import annotations

from codecs import getincrementaldecoder

from services.gigachat.failures import bad

# An event has kilobytes; so many characters without an end are no stream of events.
MAX_EVENT = 8 * 1024 * 1024
DONE = "[DONE]"

_Utf8 = getincrementaldecoder("utf-8")


class EventDecoder:
    """Cuts a stream of bytes into the data of its events, wherever the packets were cut."""

    def __init__(self) -> None:
        self._utf8 = _Utf8(errors="replace")
        self._rest = ""

    def feed(self, packet: bytes) -> list[str]:
        """Take a packet; return the data of the events that it completes."""
        *lines, self._rest = (self._rest + self._utf8.decode(packet)).split("\n")
        if len(self._rest) > MAX_EVENT:
            raise bad("an event has no end")
        return [line[5:].strip() for line in lines if line.startswith("data:")]
