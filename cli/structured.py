"""Answers in JSON by a schema: describe it, check them, and say what is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from cli.answers import first_code_block
from cli.shell import Problem
from services.decoding import decode

MAX_PROBLEMS = 5  # told of one answer
_TYPES: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "string": {"type": "string"},
    "int": {"type": "integer"},
    "integer": {"type": "integer"},
    "float": {"type": "number"},
    "number": {"type": "number"},
    "bool": {"type": "boolean"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
}
_FIELD = re.compile(r"(?P<name>[\w-]+)(?P<optional>\?)?(?:\s*:\s*(?P<type>\S.*))?")
_LIST = re.compile(r"list\[(\w+)\]|(\w+)\[\]")
_INSTRUCTION = (
    "Ответь только одним значением JSON, без пояснений и без Markdown, "
    "строго по этой схеме JSON Schema:\n{schema}"
)
_BEGINNING = _INSTRUCTION.partition(",")[0]
_AGAIN = "Это не подходит: {problems}. Пришли исправленный JSON, только его, по той же схеме."


def read_schema(text: str) -> dict[str, Any]:
    """A schema from a file, from JSON, or from «name: str, rooms: int». Raises Problem."""
    path = Path(text)
    if text.lstrip().startswith("{"):
        return _parsed(text, "--schema")
    if path.suffix.lower() == ".json" or _is_file(path):
        try:
            return _parsed(decode(path.read_bytes()), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise Problem(f"схему {path} не прочитать: {error}") from error
    return _short(text)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long for a name
        return False


def _parsed(text: str, source: str) -> dict[str, Any]:
    import jsonschema

    try:
        schema = json.loads(text)
        if not isinstance(schema, dict):
            raise Problem(f"{source}: схема — это объект JSON")
        jsonschema.validators.validator_for(schema).check_schema(schema)
    except (ValueError, RecursionError) as error:
        raise Problem(f"{source}: это не JSON ({error})") from error
    except jsonschema.SchemaError as error:
        raise Problem(f"{source}: это не схема JSON Schema: {error.message}") from error
    return schema


def _short(text: str) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    required = []
    for part in filter(str.strip, re.split(r"[,\n]", text)):
        match = _FIELD.fullmatch(part.strip())
        kind = _type(match["type"] or "str") if match else None
        if match is None or kind is None:
            raise Problem(
                f"--schema: непонятно «{part.strip()}». Нужно «имя: тип» через запятую, типы: "
                f"{', '.join(_TYPES)}, list[тип]; «имя?: тип» — необязательное. Или файл .json"
            )
        properties[match["name"]] = kind
        if not match["optional"]:
            required.append(match["name"])
    if not properties:
        raise Problem("--schema пуста: нужно «имя: тип» через запятую или файл .json")
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _type(text: str) -> dict[str, Any] | None:
    text = text.strip()
    if match := _LIST.fullmatch(text):
        items = _TYPES.get(match[1] or match[2])
        return items and {"type": "array", "items": items}
    return _TYPES.get(text)


def instruction(schema: dict[str, Any]) -> str:
    """The part of the system text that asks for JSON by the schema."""
    return _INSTRUCTION.format(schema=json.dumps(schema, ensure_ascii=False))


def without_instruction(system: str | None) -> str:
    """The system text of an earlier question without the instruction for a schema."""
    return (system or "").partition(_BEGINNING)[0].strip()


def correction(problems: str) -> str:
    """The message that asks for another answer in place of one that doesn't fit."""
    return _AGAIN.format(problems=problems)


def check(text: str, schema: dict[str, Any]) -> tuple[Any, str]:
    """The value in an answer, and what is wrong with it: an empty string when nothing is."""
    import jsonschema  # a quarter of a second of start

    try:
        value = _value(text)
    except (ValueError, RecursionError):
        return None, "это не JSON"
    validator = jsonschema.validators.validator_for(schema)(schema)
    problems = [
        f"{error.json_path}: {_russian(error)}"
        for error, _ in zip(validator.iter_errors(value), range(MAX_PROBLEMS), strict=False)
    ]
    return value, "; ".join(problems)


def _value(text: str) -> Any:
    """The JSON of an answer, also when it stands in a code block or among words."""
    candidates = [text, first_code_block(text) or ""]
    if match := re.search(r"[\[{]", text):
        end = max(text.rfind("}"), text.rfind("]"))
        candidates.append(text[match.start() : end + 1])
    for candidate in candidates:
        try:
            return json.loads(candidate, parse_constant=_refuse)
        except ValueError:
            continue
    raise ValueError("no JSON")


def _refuse(constant: str) -> Any:
    raise ValueError(constant)  # NaN and Infinity aren't JSON


def _russian(error: Any) -> str:
    """A validation error in Russian."""
    wanted = json.dumps(error.validator_value, ensure_ascii=False)
    texts = {
        "type": f"нужен тип {wanted}",
        "required": f"нет обязательного поля из {wanted}",
        "additionalProperties": "лишние поля",
        "enum": f"нужно одно из {wanted}",
        "const": f"нужно {wanted}",
        "minimum": f"нужно не меньше {wanted}",
        "maximum": f"нужно не больше {wanted}",
        "minItems": f"нужно элементов не меньше {wanted}",
        "maxItems": f"нужно элементов не больше {wanted}",
        "pattern": f"нужна строка по образцу {wanted}",
    }
    return texts.get(error.validator, f"нарушено {error.validator}: {wanted}")
