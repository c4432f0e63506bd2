"""Real servers for tests and load: PostgreSQL and Redis of their own, on loopback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

START_TIMEOUT = 30.0

S = TypeVar("S", bound="Server")


class Absent(Exception):
    """The program isn't installed; the message says what to install."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server(ABC):
    """A process that listens on loopback; it can be killed and started again on its data.

    `with` starts it in a temporary folder and removes that at the end.
    """

    def __init__(self, user: str | None = None) -> None:
        self.port = free_port()
        self.data = Path(tempfile.mkdtemp(prefix="server-"))
        if user:
            shutil.chown(self.data, user)
        self._as_user = _as_user(user)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self: S) -> S:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.data)

    @abstractmethod
    def command(self) -> list[str]:
        """What starts the server."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it takes connections already."""

    def start(self) -> None:
        log = self.data / "log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*self._as_user, *self.command()],
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl+C isn't for it
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop(signal.SIGKILL)
                raise RuntimeError(log.read_text("utf-8")[-2000:])
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT makes both servers close their connections and leave at once."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.send_signal(how)
        self._process.wait(START_TIMEOUT)
        self._process = None


class Postgres(Server):
    """A fresh cluster without passwords; `url` is that of its database `postgres`."""

    def __init__(self) -> None:
        self._programs = _postgres_programs()
        super().__init__("postgres" if os.getuid() == 0 else None)  # it refuses to run as root
        options = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"]
        initdb = [str(self._programs / "initdb"), *options, f"--pgdata={self.data / 'cluster'}"]
        subprocess.run([*self._as_user, *initdb, "--no-sync"], check=True, capture_output=True)

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def command(self) -> list[str]:
        options = [
            "listen_addresses=127.0.0.1",
            "fsync=off",
            f"unix_socket_directories={self.data}",
        ]
        flags = [flag for option in options for flag in ("-c", option)]
        program, cluster = self._programs / "postgres", self.data / "cluster"
        return [str(program), "-D", str(cluster), "-p", str(self.port), *flags]

    def answers(self) -> bool:
        probe = [str(self._programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(probe, check=False).returncode == 0


class Redis(Server):
    """A Redis that keeps an append-only file, as a careful operator's does."""

    def __init__(self) -> None:
        self._program = shutil.which("redis-server")
        if self._program is None:
            raise Absent("redis-server is not installed (apt-get install redis-server)")
        super().__init__()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        options = f"--bind 127.0.0.1 --port {self.port} --appendonly yes --dir {self.data}".split()
        return [str(self._program), *options, "--save", ""]

    def answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def _postgres_programs() -> Path:
    """Debian keeps the server's programs outside of PATH."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    raise Absent("PostgreSQL is not installed (apt-get install postgresql)")


def _as_user(name: str | None) -> list[str]:
    if name is None:
        return []
    import pwd  # absent on Windows, where the tests of servers are skipped

    user = pwd.getpwnam(name)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]
