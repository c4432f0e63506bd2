"""Function calls: the arguments are written under the function's JSON schema.

Where the choice is the model's ("auto"), it is asked first, also under a schema, which function
it needs: `choice_of` makes a function of that question.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from services.chat import FunctionCall, FunctionSpec, GenerationOptions, Message

INSTRUCTION = (
    "Вызови функцию {name}: {description}\n"
    "Ответь только JSON-объектом с её аргументами. Схема аргументов:\n{schema}"
)

CHOICE = "choose_function"
NO_FUNCTION = "none"
CHOOSE = (
    "говорит, какая функция нужна, чтобы ответить на последнее сообщение. Нужна та, которую об "
    f"этом прямо просят; для беседы и общих вопросов — {NO_FUNCTION}. Функции:\n{{functions}}"
)


def leaves_choice(options: GenerationOptions) -> bool:
    """Whether the model decides itself if it calls a function."""
    return bool(options.functions) and options.function_call in (None, "auto")


def choice_of(options: GenerationOptions) -> GenerationOptions:
    """Options that make the model name the function it needs."""
    functions = options.functions
    names = [*(function.name for function in functions), NO_FUNCTION]
    listed = "\n".join(f"{function.name}: {function.description}" for function in functions)
    parameters = {
        "type": "object",
        "properties": {"function": {"enum": names}},
        "required": ["function"],
        "additionalProperties": False,
    }
    choice = FunctionSpec(CHOICE, CHOOSE.format(functions=listed), parameters)
    return GenerationOptions(
        temperature=0.0, max_tokens=100, functions=(choice,), function_call=CHOICE
    )


def chosen(call: FunctionCall | None) -> str:
    """The name of the function that the model chose; NO_FUNCTION for none."""
    return str(call.arguments.get("function", NO_FUNCTION)) if call else NO_FUNCTION


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
