"""Find what was said in a similar situation: dialogues by meaning, spelling to settle ties.

A row of the database is a question, its answer and a vector of both. `index` is what an
index promises; `memory` keeps the vectors in this process, `postgres` leaves them in the
database. `encoder` makes the vectors, `vectors` compares them, `lexical` searches words
where no encoder is to be had.
"""

from services.retrieval.config import RetrievalSettings
from services.retrieval.encoder import Encoder, SentenceEncoder, open_encoder
from services.retrieval.factory import open_index
from services.retrieval.in_memory import MemoryIndex
from services.retrieval.index import DialogueIndex, Exchange, Match
from services.retrieval.postgres import PostgresIndex

__all__ = [
    "DialogueIndex",
    "Encoder",
    "Exchange",
    "Match",
    "MemoryIndex",
    "PostgresIndex",
    "RetrievalSettings",
    "SentenceEncoder",
    "open_encoder",
    "open_index",
]
