"""From what people write to what they want: rules that need no model, and a model's help."""

from bots.real_estate.understanding.follow_ups import FollowUp
from bots.real_estate.understanding.gazetteer import load_gazetteer
from bots.real_estate.understanding.reading import ParsedMessage, read_turn

__all__ = ["FollowUp", "ParsedMessage", "load_gazetteer", "read_turn"]
