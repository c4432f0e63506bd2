"""Search dialogues by meaning; the similarity of spelling breaks ties.

A row of the database is a question, its answer and a vector of both. `index` defines the
interface and the rows; `in_memory` keeps the vectors in this process, `postgres` in the database.
`encoder` makes vectors, `vectors` compares them, `lexical` searches by words where no encoder is
installed.
"""

from services.retrieval.config import RetrievalSettings
from services.retrieval.encoder import Encoder, QueryEncoder, SentenceEncoder, open_encoder
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
    "QueryEncoder",
    "RetrievalSettings",
    "SentenceEncoder",
    "open_encoder",
    "open_index",
]
