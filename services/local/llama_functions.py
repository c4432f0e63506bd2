"""Function calls: the arguments are written under the function's JSON schema."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from services.chat import FunctionSpec, GenerationOptions, Message

INSTRUCTION = (
    "Вызови функцию {name}: {description}\n"
    "Ответь только JSON-объектом с её аргументами. Схема аргументов:\n{schema}"
)


def forced_function(options: GenerationOptions) -> FunctionSpec | None:
    """The function that the answer has to call, if any."""
    return next((one for one in options.functions if one.name == options.function_call), None)


def with_function(messages: Sequence[Message], function: FunctionSpec) -> list[Message]:
    """The conversation with the function explained in its system message."""
    instruction = INSTRUCTION.format(
        name=function.name,
        description=function.description,
        schema=json.dumps(function.parameters, ensure_ascii=False),
    )
    first, *rest = messages
    if first.role == "system":
        return [replace(first, content=f"{first.content.strip()}\n\n{instruction}"), *rest]
    return [Message("system", instruction), *messages]


def written_arguments(text: str) -> Mapping[str, Any] | None:
    """The arguments as the model wrote them; None when they were cut off."""
    try:
        arguments = json.loads(text)
    except ValueError:
        return None
    return arguments if isinstance(arguments, dict) else None
