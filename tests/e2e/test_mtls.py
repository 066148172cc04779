"""The town over mTLS: every process with a certificate of its own, over TCP."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from services.kit.settings import PORTS
from services.kit.tls import Tls
from tests.e2e.opened import INHERITED, free_port
from tests.e2e.visitor import Visitor
from tests.service.peers import SECRET
from town.processes import Processes, Spec
from town.readiness import gateway_is_ready, service_is_ready

RUNNING = Path(__file__).parents[2] / "docs" / "running.md"

pytestmark = [
    pytest.mark.xdist_group("mtls"),
    pytest.mark.skipif(not shutil.which("openssl"), reason="the certificates are made by openssl"),
]


@dataclass(frozen=True)
class Town:
    """A town over mTLS, on databases of its own; `known` is what each process is told."""

    url: str
    known: Mapping[str, Mapping[str, str]]


@pytest.fixture(scope="module")
def town(
    new_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("mtls")
    certificates = made_as_documented(folder)
    ports = {name: free_port() for name in (*PORTS, "gateway")}
    told = told_to_all(folder, {service: new_database(service) for service in PORTS}, ports)
    known = {name: told | files_of(certificates / name) for name in ports}
    specs = [spec_of(name, ports[name], known[name], certificates / name) for name in ports]
    with Processes([specs], lambda name, line: print(f"{name}: {line}")) as processes:
        processes.open(check=lambda: None)
        yield Town(f"http://127.0.0.1:{ports['gateway']}", known)


def made_as_documented(folder: Path) -> Path:
    (recipe,) = re.findall(r"```sh\n(mkdir -p certificates.*?)```", RUNNING.read_text(), re.DOTALL)
    made = subprocess.run(
        ["bash", "-euc", recipe],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return folder / "certificates"


def told_to_all(home: Path, urls: Mapping[str, str], ports: Mapping[str, int]) -> dict[str, str]:
    told = {
        "NESRA_HOME": str(home),
        "NESRA_SECRET": SECRET,
        "NESRA_ENVIRONMENT": "development",
        "NESRA_SANDBOX": "1",
        "NESRA_PORT": str(ports["gateway"]),
    }
    for service in PORTS:
        told[f"NESRA_{service.upper()}_DATABASE_URL"] = urls[service]
        told[f"NESRA_{service.upper()}_LISTEN"] = f"127.0.0.1:{ports[service]}"
        told[f"NESRA_{service.upper()}_TARGET"] = f"dns:///localhost:{ports[service]}"
    return INHERITED | told


def files_of(folder: Path) -> dict[str, str]:
    files = {"CERTIFICATE": "tls.crt", "KEY": "tls.key", "CA": "ca.crt"}
    return {f"NESRA_TLS_{what}": str(folder / file) for what, file in files.items()}


def spec_of(name: str, port: int, env: Mapping[str, str], folder: Path) -> Spec:
    tls = Tls(folder / "tls.crt", folder / "tls.key", folder / "ca.crt")
    is_ready = (
        partial(gateway_is_ready, "127.0.0.1", port)
        if name == "gateway"
        else partial(service_is_ready, f"dns:///localhost:{port}", tls)
    )
    module = name if name == "gateway" else f"services.{name}"
    return Spec(name, (sys.executable, "-m", module), env, is_ready)


def test_a_first_day_is_played_as_over_plain_links(town: Town) -> None:
    visitor = Visitor(town.url)
    item = visitor.get("/api/items")[0]
    visitor.ok("POST", "/api/sandbox/grant", item_id=item["id"])

    completion = visitor.focus(25)

    assert (completion["exp_reward"], completion["settled"]) == (50, True)
    profile = visitor.get("/api/profile")
    assert profile["hero"] == completion["hero"]
    assert profile["worldState"] == completion["worldState"]
    assert profile["worldState"]["total_sessions_success"] == 1
    # A drop may stand beside it.
    assert item["id"] in [owned["id"] for owned in visitor.get("/api/inventory")]


def test_a_health_check_asks_with_the_certificate_of_its_process(town: Town) -> None:
    mine = town.known["world"]
    without = {name: value for name, value in mine.items() if not name.startswith("NESRA_TLS_")}

    assert [healthy("world", env) for env in (mine, without)] == [0, 1]


def healthy(name: str, env: Mapping[str, str]) -> int:
    command = [sys.executable, "-m", "town", "healthy", name]
    return subprocess.run(command, env=env, check=False, timeout=60).returncode
