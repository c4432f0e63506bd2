"""Telegram in a local page: a Bot API server and a chat page, for trying bots without a token.

`Playground` is the server; `playground.person("Аня").private` is a person's view of a chat.
"""

from playground.bot_api import ApiCall
from playground.limits import RateLimits
from playground.params import Upload
from playground.people import Answer, Conversation, NotAllowed, Person, Sound
from playground.server import Playground

__all__ = [
    "Answer",
    "ApiCall",
    "Conversation",
    "NotAllowed",
    "Person",
    "Playground",
    "RateLimits",
    "Sound",
    "Upload",
]
