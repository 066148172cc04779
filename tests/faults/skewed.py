"""Be a process of the town whose clock is wrong: `python -m tests.faults.skewed SECONDS MODULE`.

Wall clocks alone are moved, as an operator or a broken NTP moves them; monotonic ones go on.
"""

import runpy
import sys
import time
from importlib import import_module
from types import SimpleNamespace

import time_machine

# gRPC's core reads the machine's own clock, and its Python part tells it deadlines as
# instants: both must look at one clock, as they do where a machine's clock is wrong.
GRPC = ("_channel", "_common", "_server", "_utilities", "_cython.cygrpc", "aio._utils")


def move(seconds: float) -> None:
    """Moves this process's clock by so many seconds; backwards when negative."""
    real = SimpleNamespace(**vars(time) | {"time": time_machine.escape_hatch.time.time})
    for name in GRPC:
        vars(import_module(f"grpc.{name}"))["time"] = real
    time_machine.travel(time.time() + seconds, tick=True).start()


def main() -> None:
    """Moves the clock, then becomes the module's `__main__`."""
    _, seconds, module = sys.argv
    sys.argv = [module]
    move(float(seconds))
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
