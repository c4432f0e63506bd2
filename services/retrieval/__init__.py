"""Find what was said in a similar situation: dialogues by meaning, spelling to settle ties.

A row of the database is a question, its answer and a vector of both; `DialogueIndex`
keeps the vectors in memory and grows after each commit. `encoder` makes the vectors,
`vectors` searches them, `lexical` searches words where no encoder is to be had.
"""

from services.retrieval.encoder import Encoder, SentenceEncoder, open_encoder
from services.retrieval.index import DialogueIndex, Exchange, Match

__all__ = ["DialogueIndex", "Encoder", "Exchange", "Match", "SentenceEncoder", "open_encoder"]
