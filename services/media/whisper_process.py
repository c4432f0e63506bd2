"""The process that Whisper runs in: `python -m services.media.whisper_process`.

Decoding what people send and recognising it take seconds of the processor, and a bad file may
abort the process; neither may happen to a bot. The first line on stdin is a JSON object
(`Launch`); the answer on stdout is one too: {} or {"error": ...}. Then each recording is a line
of JSON with its size, followed by its bytes, and is answered by a line of JSON. When stdin
closes, because the parent closed it or died, the process exits.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

NICENESS = 5  # the event loop and answers under way come first


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    os.umask(0o077)
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # What a library prints must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    launch = json.loads(sys.stdin.buffer.readline())
    try:
        from services.media.whisper import Whisper

        engine = Whisper(launch["folder"], launch["threads"])
    except Exception as error:  # noqa: BLE001  whatever it is, the parent is told
        _answer(answers, {"error": f"{type(error).__name__}: {error}"})
        return
    _answer(answers, {})
    while line := sys.stdin.buffer.readline():
        job = json.loads(line)
        recording = sys.stdin.buffer.read(job["size"])
        try:
            result = engine.transcribe(recording, job["hints"], job["language"])
        except Exception as error:  # noqa: BLE001  the next recording may be a better one
            result = {"error": type(error).__name__}
        _answer(answers, result)


def _answer(answers: Any, result: dict[str, Any]) -> None:
    answers.write(json.dumps(result) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
