"""Pictures that people send, scaled to what models take."""

from __future__ import annotations

import io
from collections.abc import Sequence

from services import sandbox
from services.chat import ChatModel, GenerationOptions, Image, Message

MAX_BYTES = 20 * 2**20
MAX_PIXELS = 60_000_000
MAX_SIDE = 1280  # of what is sent; models scale larger ones down themselves, and bill them
QUALITY = 85
DESCRIPTION_TOKENS = 300
MAX_SECONDS = 15.0
MEGABYTES = 768

TOO_LARGE = "Картинка слишком большая. Пришли её поменьше, до 20 МБ и 60 мегапикселей."
BROKEN = "Эту картинку не получилось открыть: файл повреждён."

_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM")
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")


class PictureRefused(Exception):
    """A picture that isn't taken; the text is one line for the user."""


def is_picture(content: bytes) -> bool:
    """Whether a file is a picture, by how it begins."""
    webp = content[:4] == b"RIFF" and content[8:12] == b"WEBP"
    return webp or content.startswith(_SIGNATURES)


async def describe(model: ChatModel, pictures: Sequence[Image], instruction: str) -> str:
    """Have a model describe pictures in text that can be kept. Raises ServiceError."""
    asked = Message("user", instruction, attachments=tuple(pictures))
    options = GenerationOptions(temperature=0, max_tokens=DESCRIPTION_TOKENS)
    return (await model.complete([asked], options)).text.strip()


async def read_picture(content: bytes) -> Image:
    """A picture as JPEG of at most MAX_SIDE, upright and without its metadata.

    It is decoded in a process that is killed when its time is over. Raises PictureRefused.
    """
    if len(content) > MAX_BYTES:
        raise PictureRefused(TOO_LARGE)
    try:
        return await sandbox.run(_scale, content, seconds=MAX_SECONDS, megabytes=MEGABYTES)
    except sandbox.Refused as error:
        raise PictureRefused(str(error)) from None
    except sandbox.SandboxError as error:
        raise PictureRefused(BROKEN if error.reason == "crash" else TOO_LARGE) from error


def _scale(content: bytes) -> Image:
    from PIL import Image as Pillow
    from PIL import ImageOps

    Pillow.MAX_IMAGE_PIXELS = None  # the header is checked here, before a pixel is decoded
    with Pillow.open(io.BytesIO(content), formats=_FORMATS) as opened:
        if opened.width * opened.height > MAX_PIXELS:
            raise sandbox.Refused(TOO_LARGE)
        opened.draft("RGB", (2 * MAX_SIDE, 2 * MAX_SIDE))
        picture = ImageOps.exif_transpose(opened)
        picture.thumbnail((MAX_SIDE, MAX_SIDE))
        if picture.mode != "RGB":  # what is transparent becomes white
            paper = Pillow.new("RGBA", picture.size, "white")
            picture = Pillow.alpha_composite(paper, picture.convert("RGBA")).convert("RGB")
    scaled = io.BytesIO()
    picture.save(scaled, "JPEG", quality=QUALITY)
    return Image(scaled.getvalue(), "image/jpeg", picture.width, picture.height)
