"""Names in Russian introductions: «меня зовут …», «я — …», «зови меня …», «это …».

`introductions` goes through the sentences of a message, `phrases` recognises the wording,
`reading` reads the name in its place, `morphology` asks the dictionary for cases, `tokens`
splits text, `words` holds the word lists.
"""

from bots.grisha.names.introductions import extract_name
from bots.grisha.names.morphology import is_name

__all__ = ["extract_name", "is_name"]
