"""Loading native libraries while other threads run.

`import` holds the interpreter's lock while it waits for the system loader's. threadpoolctl
lists the loaded libraries by `dl_iterate_phdr`, which holds the loader's lock while its
callback waits for the interpreter's. A thread in each, and the process hangs for good: seen
when the encoder opened while torch was being imported. So libraries are listed without a
callback, and the slow lazy imports run one at a time.
"""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

_lock = threading.RLock()
_MAPS = Path("/proc/self/maps")


def loading() -> AbstractContextManager[bool]:
    """Hold this around a lazy import of native libraries: one thread imports at a time."""
    return _lock


def list_without_callback() -> None:
    """Let threadpoolctl find libraries in /proc/self/maps; elsewhere than Linux do nothing."""
    from threadpoolctl import ThreadpoolController

    if _MAPS.exists():
        ThreadpoolController._find_libraries_with_dl_iterate_phdr = _find_in_maps


def loaded_libraries() -> list[str]:
    """Paths of the shared libraries of this process."""
    fields = (line.split(maxsplit=5) for line in _MAPS.read_text("utf-8", "replace").splitlines())
    paths = (field[5] for field in fields if len(field) == 6)
    return list(dict.fromkeys(path for path in paths if ".so" in path))


def _find_in_maps(controller: Any) -> None:
    for path in loaded_libraries():
        controller._make_controller_from_path(path)
