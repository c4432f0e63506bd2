"""What Grisha knows of people: facts in their own words.

`reading` judges a message sentence by sentence: what is said of the speaker, what is only a
question, a quotation, a joke or somebody else's life. `kinds` says what a sentence is about,
`holding` which of older facts no longer hold, `recall` which bear on a question, `store` keeps
them, `memory` puts these together.
"""

from bots.grisha.facts.asking import asks_for_everything, asks_of_self, tells_more
from bots.grisha.facts.memory import FactMemory, Said
from bots.grisha.facts.store import Fact, FactStore

__all__ = [
    "Fact",
    "FactMemory",
    "FactStore",
    "Said",
    "asks_for_everything",
    "asks_of_self",
    "tells_more",
]
