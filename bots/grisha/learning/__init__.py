"""Learned answers: which exchanges may be learned, who confirmed them, whom they reach.

`rules` decides without a database, `tables` declares the rows, `store` keeps and counts them.
"""

from bots.grisha.learning.rules import is_safe, is_sound, is_thanks
from bots.grisha.learning.store import Learning, Stats
from bots.grisha.learning.tables import PatternRow, Status

__all__ = ["Learning", "PatternRow", "Stats", "Status", "is_safe", "is_sound", "is_thanks"]
