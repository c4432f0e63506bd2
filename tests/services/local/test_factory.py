"""Which engine LOCAL_ENGINE chooses for which model, and GGUF files of a hub."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from hashlib import sha256
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from services.errors import ConfigError
from services.local import LocalModelSettings, factory
from services.local.factory import find_gguf

QWEN = "Qwen/Qwen2-1.5B-Instruct"
QWEN_FILE = "Qwen/Qwen2-1.5B-Instruct-GGUF:qwen2-1_5b-instruct-q4_k_m.gguf"
OTHER = "some/transformers-model"
COMMIT = "c0ffee" + "0" * 34


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


class Machine:
    """What is installed here, as the factory sees it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.has(gpu=False, llamacpp=True)

    def has(self, *, gpu: bool, llamacpp: bool) -> None:
        spec = ModuleSpec("xllamacpp", None) if llamacpp else None
        self._monkeypatch.setattr(factory, "find_spec", lambda _: spec)
        self._monkeypatch.setattr(factory, "has_gpu", lambda: gpu)


def chosen(model: str, engine: str = "auto", **settings: object) -> str | None:
    return find_gguf(LocalModelSettings(model=model, engine=engine, **settings))  # type: ignore[arg-type]


def test_auto_takes_the_gguf_sibling_on_a_processor(machine: Machine) -> None:
    assert chosen(QWEN) == QWEN_FILE
    assert chosen("Qwen/Qwen2.5-1.5B-Instruct") is not None
    assert chosen(OTHER) is None


def test_auto_takes_transformers_where_a_gpu_is(machine: Machine) -> None:
    machine.has(gpu=True, llamacpp=True)
    assert chosen(QWEN) is None
    assert chosen(QWEN, device="cpu") == QWEN_FILE
    assert chosen(QWEN, device="cuda:0") is None


def test_auto_takes_transformers_where_llamacpp_is_not_installed(machine: Machine) -> None:
    machine.has(gpu=False, llamacpp=False)
    assert chosen(QWEN) is None


@pytest.mark.parametrize("model", ["embedded", "/models/some.gguf", QWEN_FILE])
def test_a_gguf_runs_on_llamacpp_whatever_the_machine(machine: Machine, model: str) -> None:
    machine.has(gpu=True, llamacpp=True)
    assert chosen(model) == model
    assert chosen(model, "llamacpp") == model
    with pytest.raises(ConfigError, match="LOCAL_ENGINE=transformers"):
        chosen(model, "transformers")


def test_a_folder_is_no_hub_id(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / QWEN).mkdir(parents=True)
    assert chosen(QWEN) is None


def test_an_engine_that_is_named_is_taken(machine: Machine) -> None:
    assert chosen(QWEN, "transformers") is None
    machine.has(gpu=True, llamacpp=True)
    assert chosen(QWEN, "llamacpp") == QWEN_FILE
    with pytest.raises(ConfigError, match="GGUF"):
        chosen(OTHER, "llamacpp")


# --- the hub: huggingface_hub in a process of its own, for it reads HF_ENDPOINT when imported

FIND = "import sys; from services.local.gguf_files import find_file; print(find_file(sys.argv[1]))"


class Hub:
    """The part of the hub that a download needs: HEAD and GET of a file."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.downloads = 0
        app = web.Application()
        app.router.add_get("/{owner}/{name}/resolve/main/{file}", self._file)
        self.server = TestServer(app)
        self.address = ""

    async def __aenter__(self) -> Hub:
        await self.server.start_server()
        self.address = str(self.server.make_url("/")).rstrip("/")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.close()

    async def _file(self, request: web.Request) -> web.Response:
        headers = {"X-Repo-Commit": COMMIT}
        if request.match_info["owner"] == "gated":
            return web.Response(status=403, headers={**headers, "X-Error-Code": "GatedRepo"})
        if request.match_info["file"] != "tiny.gguf":
            return web.Response(status=404, headers={**headers, "X-Error-Code": "EntryNotFound"})
        self.downloads += request.method == "GET"
        headers["ETag"] = f'"{sha256(self.content).hexdigest()}"'
        return web.Response(body=self.content, headers=headers)

    async def find(self, gguf: str, home: Path) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "HF_ENDPOINT": self.address,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }
        return await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", FIND, gguf],
            env=environment,
            capture_output=True,
            text=True,
        )


async def test_a_file_of_the_hub_is_downloaded_once(tiny_gguf: Path, tmp_path: Path) -> None:
    hub = Hub(await asyncio.to_thread(tiny_gguf.read_bytes))
    async with hub:
        first = await hub.find("some/tiny-GGUF:tiny.gguf", tmp_path)
        again = await hub.find("some/tiny-GGUF:tiny.gguf", tmp_path)
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith(str(tmp_path))
    assert await asyncio.to_thread(Path(first.stdout.strip()).read_bytes) == hub.content
    assert again.stdout == first.stdout
    assert hub.downloads == 1
    without_network = await hub.find("some/tiny-GGUF:tiny.gguf", tmp_path)
    assert without_network.stdout == first.stdout


@pytest.mark.parametrize(
    ("gguf", "error", "content"),
    [
        ("some/tiny-GGUF:other.gguf", "ModelNotFound: local: some/tiny-GGUF:other.gguf", b"GGUF"),
        ("gated/tiny-GGUF:tiny.gguf", "AccessDenied: local: the model is gated", b"GGUF"),
        (
            "some/tiny-GGUF:tiny.gguf",
            "ConfigError: local: LOCAL_MODEL=some/tiny-GGUF:tiny.gguf",
            b"html",
        ),
    ],
)
async def test_what_the_hub_lacks_is_told(
    gguf: str, error: str, content: bytes, tmp_path: Path
) -> None:
    hub = Hub(content)
    async with hub:
        done = await hub.find(gguf, tmp_path)
    assert done.returncode == 1
    assert error in done.stderr


async def test_a_hub_that_is_away_names_the_embedded_model(tmp_path: Path) -> None:
    hub = Hub(b"GGUF")
    async with hub:
        pass
    done = await hub.find("some/tiny-GGUF:tiny.gguf", tmp_path)
    assert done.returncode == 1
    assert "LOCAL_MODEL=embedded" in done.stderr
