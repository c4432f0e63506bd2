"""Receive updates: record each one before it can be lost, and handle it exactly once.

Telegram forgets updates as soon as the next getUpdates names a higher offset, or as the
webhook is answered. So every update is written to the inbox first (`journal`), whether it
comes by `polling` or by the webhook of `bots.common.web`; what a crash leaves unfinished is
run again (`recovery`). `pastes` puts a long text back together that clients send as several
messages, `albums` gathers pictures that are sent as one. `intake` is the middleware that
applies these steps to one update.
"""

from bots.common.intake.albums import Album, Albums
from bots.common.intake.intake import Intake
from bots.common.intake.journal import Journal
from bots.common.intake.pastes import Pastes

__all__ = ["Album", "Albums", "Intake", "Journal", "Pastes"]
