"""The standard health service, which watchers that leave can not hang."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from grpc_health.v1 import health


class Health(health.HealthServicer):  # type: ignore[misc]  # the library is untyped
    """As the library's, but what follows on a watcher's end does not wait on the server's own thread.

    A telling holds the lock until the server's one event thread has seen it sent. The
    library takes the same lock on that thread when a watcher's connection ends: both
    then wait for each other for ever, and with them every call to the process.
    """

    def __init__(self) -> None:
        super().__init__()
        self._leaving = ThreadPoolExecutor(1, thread_name_prefix="health")

    def _on_close_callback(self, send: Callable[[Any], None], service: str) -> Callable[[], None]:
        leave = super()._on_close_callback(send, service)

        def soon() -> None:
            self._leaving.submit(leave)

        return soon
