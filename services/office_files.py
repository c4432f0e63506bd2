"""Check an archive of XML, as XLSX and DOCX are, before anything unpacks or parses it."""

from __future__ import annotations

import io
import zipfile

from services.sandbox import Refused

MAX_MEMBERS = 2000  # files inside
MAX_UNPACKED = 256 * 2**20
MAX_SHARED_STRINGS = 64 * 2**20
MAX_RATIO = 200  # times smaller than unpacked; sheets of real listings reach 40
RATIO_MATTERS_FROM = 2**20  # bytes

_PROLOGUE = 64 * 2**10  # bytes of an XML file that a DOCTYPE is looked for in


def check_archive(content: bytes, *, broken: str, bomb: str) -> None:
    """Refuse an archive that would unpack to too much, or that brings XML entities.

    `broken` and `bomb` are what the user is told.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise Refused(bomb)
            for member in members:
                _check_member(member, bomb)
            if sum(member.file_size for member in members) > MAX_UNPACKED:
                raise Refused(bomb)
            for member in members:
                if member.filename.endswith((".xml", ".rels")):
                    _check_prologue(archive, member, broken)
    except Refused:
        raise
    except Exception as error:
        raise Refused(broken) from error


def _check_member(member: zipfile.ZipInfo, bomb: str) -> None:
    """Check what the directory says; zipfile reads no byte more than `file_size`."""
    if member.flag_bits & 1:
        raise Refused("Файл под паролем: сними пароль и пришли снова.")
    size = member.file_size
    if "sharedStrings" in member.filename and size > MAX_SHARED_STRINGS:
        raise Refused(bomb)
    if size > RATIO_MATTERS_FROM and size > MAX_RATIO * max(1, member.compress_size):
        raise Refused(bomb)


def _check_prologue(archive: zipfile.ZipFile, member: zipfile.ZipInfo, broken: str) -> None:
    """Office writes no DOCTYPE; entities need one. Expat bounds what hides further below."""
    with archive.open(member) as file:
        start = file.read(_PROLOGUE).replace(b"\x00", b"").lower()  # UTF-16 as well
    if b"<!doctype" in start or b"<!entity" in start:
        raise Refused(broken)
