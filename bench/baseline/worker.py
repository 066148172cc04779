"""One of the monolith's workers, in a process of its own."""

import multiprocessing
import os
import socket
import threading

import uvicorn


def serve(port: int) -> None:
    """One worker, until SIGTERM or until whoever started it is gone.

    Its socket is its own, and the kernel deals connections out. At a common one whoever
    wakes first takes all connections that come at once, and the others idle.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    listening = socket.create_server(("127.0.0.1", port), reuse_port=True)
    config = uvicorn.Config(
        "bench.baseline.app:app",
        access_log=False,
        log_level="warning",
        # As the town: where requests arrive slowly, a client waits longer than the 5 s of uvicorn.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
    )
    uvicorn.Server(config).run(sockets=[listening])


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)
