"""From what people write to what they want: rules that need no model, and a model's help."""

from bots.real_estate.understanding.gazetteer import load_gazetteer
from bots.real_estate.understanding.reading import Turn, read_turn

__all__ = ["Turn", "load_gazetteer", "read_turn"]
