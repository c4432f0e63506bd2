"""The process that llama.cpp runs in: `python -m services.local.llama_process`.

Loading holds the interpreter for seconds, and a bad file may abort the process; neither may
happen to a bot. The parent writes one line of JSON (`Launch`) to stdin and reads one line
from stdout: the address of the server, or the reason why there is none. When stdin closes,
because the parent closed it or died, the process exits.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    os.umask(0o077)
    # Threads that wait for work sleep instead of spinning. Set before OpenMP is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    launch = json.loads(sys.stdin.readline())
    try:
        server = start_server(launch)
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent is told
        answer = {"error": f"{type(error).__name__}: {error}"}
    else:
        answer = {"address": server.listening_address}
    print(json.dumps(answer), flush=True)  # noqa: T201
    if "address" in answer:
        sys.stdin.read()
    os._exit(0)  # without waiting for answers under way: nobody reads them any more


def start_server(launch: dict[str, Any]) -> Any:
    """Load the model and serve it on a free port of the loopback interface."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = launch["model"]
    params.n_parallel = launch["slots"]
    params.n_ctx = launch["slots"] * launch["context"]
    params.cpuparams.n_threads = launch["threads"]
    params.cpuparams_batch.n_threads = launch["threads"]
    params.cpuparams.poll = params.cpuparams_batch.poll = 0
    # A small batch: a long prompt holds the others' next token up for one batch at most.
    params.n_batch = params.n_ubatch = launch["batch"]
    params.cache_ram_mib = 0  # which slot serves whom is decided by the parent
    params.fit_params = False  # the numbers above are meant
    params.n_threads_http = launch["slots"] + 8
    params.port = 0
    params.api_keys = [launch["key"]]
    params.ui = False
    params.verbosity = 1
    params.endpoint_slots = True
    params.slot_save_path = launch["prefixes"]
    # Eight bits for keys and values take half the memory and cost no quality that shows; a model
    # whose heads don't divide into blocks of 32 can't have them.
    params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_Q8_0
    try:
        return xllamacpp.Server(params)
    except RuntimeError:
        params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F16
        return xllamacpp.Server(params)


if __name__ == "__main__":
    main()
