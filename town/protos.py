"""Generating the code of the contract between processes: `python -m town.protos`."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def generate(out: Path) -> None:
    """Write the code of every contract below `out`, at the place that its import statement names.

    Raises subprocess.CalledProcessError when a contract cannot be compiled; protoc has said why by then.
    """
    contracts = sorted(str(file.relative_to(ROOT)) for file in ROOT.glob("protos/*/v1/*.proto"))
    outputs = (f"--{kind}_out={out}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc"))
    protoc = [sys.executable, "-m", "grpc_tools.protoc", "--proto_path=.", *outputs, *contracts]
    subprocess.run(protoc, cwd=ROOT, env=_with_our_plugins(), check=True)


def _with_our_plugins() -> dict[str, str]:
    """Return the environment in which protoc finds the plugins that stand beside our Python."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    return os.environ | {"PATH": path}


if __name__ == "__main__":
    generate(ROOT)
