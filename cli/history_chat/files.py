"""Export a session to a Markdown file and import one."""

from __future__ import annotations

import re
from pathlib import Path

from cli.answers import save
from cli.history_chat.markdown import NotASession, from_markdown, is_session, to_markdown
from cli.history_chat.sessions import Session
from cli.shell import Problem
from services.decoding import decode

_NOT_IN_NAMES = re.compile(r'[<>:"/\\|?*\x00-\x1f.]+')
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)$", re.IGNORECASE)  # Windows' own names
NAME_LENGTH = 60


def default_name(session: Session) -> Path:
    """A name that any system takes, from the session's title."""
    name = _NOT_IN_NAMES.sub(" ", session.title)[:NAME_LENGTH].strip() or "сессия"
    return Path(f"{name}_.md" if _DEVICES.match(name) else f"{name}.md")


def export(session: Session, name: str) -> Path:
    """Write the session to the file of this name, or of its title. Raises Problem."""
    path = Path(name).expanduser() if name else default_name(session)
    if not _may_write(path):
        raise Problem(f"файл {path} уже есть, и это не сессия: назови другой — /export ФАЙЛ")
    save(path, to_markdown(session))
    return path


def _may_write(path: Path) -> bool:
    """Whether nothing of somebody else's would be lost."""
    try:
        return is_session(path.read_bytes()[:64].decode("utf-8-sig", "replace"))
    except OSError:  # not there; or `save` will tell why not
        return True


def load(name: str) -> Session:
    """Read a new session from a file that `export` wrote. Raises Problem."""
    if not name:
        raise Problem("какой файл? /import ФАЙЛ — тот, что записал /export")
    path = Path(name).expanduser()
    try:
        return from_markdown(decode(path.read_bytes()))
    except OSError as error:
        raise Problem(f"файл {path} не прочитать: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise Problem(f"файл {path} — не текст") from error
    except NotASession as error:
        raise Problem(f"{path} — не сессия из /export: {error}") from error
