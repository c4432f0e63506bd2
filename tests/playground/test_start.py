"""How a bot starts with its page."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.env import PROJECT_ROOT


@pytest.mark.slow
def test_the_address_comes_when_the_bot_is_ready(tmp_path: Path) -> None:
    """What fails before that isn't buried under an address that leads nowhere."""
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "HF_TOKEN": "hf_none"}
    command = [sys.executable, "main.py", "--bot", "hf_demo", "--playground", "--port", "0"]
    with subprocess.Popen(
        command, cwd=PROJECT_ROOT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Открой страницу" in line:
                break
        process.terminate()
    assert "Открой страницу: http://127.0.0.1:" in lines[-1]
    assert any("answers with" in line for line in lines)
