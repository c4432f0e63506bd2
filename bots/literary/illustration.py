"""An illustration of a text, by a model whose service draws."""

from __future__ import annotations

from bots.literary.prompts import ILLUSTRATE
from services.chat import ChatModel, GeneratedFile, GenerationOptions, Message, file_content
from services.errors import BadResponse, ContentRejected
from services.web import require_tool

_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF")  # JPEG, PNG, WebP
MAX_TEXT = 3000  # characters of the text that the picture is drawn from


async def illustrate(model: ChatModel, text: str) -> bytes:
    """A picture to a text. Raises ServiceError: ToolMissing where the service doesn't draw."""
    require_tool(model, "image_generate")
    options = GenerationOptions(tools=("image_generate",), function_call="image_generate")
    request = Message("user", ILLUSTRATE.format(text=text[:MAX_TEXT]))
    completion = await model.complete([request], options)
    picture = next((file for file in completion.files if _is_picture(file)), None)
    if picture is None:  # it answers in words when it doesn't want to draw this
        raise ContentRejected("the answer has no picture", service="gigachat")
    content = await file_content(model, picture)
    if not content.startswith(_PICTURES):
        raise BadResponse("the file is not a picture", service="gigachat")
    return content


def _is_picture(file: GeneratedFile) -> bool:
    return file.target == "image" or file.mime.startswith("image/") or not file.mime
