"""The compose file gives every process what its settings demand, and nothing that none of them knows."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.settings import GatewaySettings
from services.auth.__main__ import ELSEWHERE
from services.auth.settings import AuthSettings
from services.kit.settings import (
    PORTS,
    LinkSettings,
    ServiceSettings,
    TownSettings,
    WorkerSettings,
    database_urls,
    service_settings,
    target_of,
)
from town.serve import databases, derived

ROOT = Path(__file__).parents[2]
SECRET = "s" * 32

# Whom each process calls.
CALLS = {
    "auth": list(ELSEWHERE),
    "session": ["inventory", "world"],
    "inventory": [],
    "world": [],
    "worker": [],
    "gateway": list(PORTS),
}
# Whoever reads more than every process does.
SERVICES: dict[str, type[ServiceSettings]] = {"auth": AuthSettings}
SETTINGS: dict[str, type[TownSettings]] = {
    **SERVICES,
    "worker": WorkerSettings,
    "gateway": GatewaySettings,
}


class OneKeyOnce(yaml.SafeLoader):
    """As compose reads YAML, and unlike PyYAML: a key that is given twice is refused."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  # PyYAML's
        keys = [key.value for key, _ in node.value if key.value != "<<"]
        assert len(keys) == len(set(keys)), keys
        return super().construct_mapping(node, deep)


def compose(file: str = "docker-compose.yml") -> dict[str, Any]:
    text = (ROOT / file).read_text()
    return dict(yaml.load(text, OneKeyOnce)["services"])  # noqa: S506  # a SafeLoader


def environment(name: str) -> dict[str, str]:
    """Return what compose gives a process, with a secret as an operator would choose it."""
    given = {key: str(value) for key, value in compose()[name]["environment"].items()}
    return given | {"NESRA_SECRET": SECRET}


def chosen(value: str) -> str:
    """Return what compose makes of `${NAME:-default}` where NAME is not set."""
    return value.partition(":-")[2].removesuffix("}") if value.startswith("${") else value


def known(name: str) -> set[str]:
    """Return the variables that a process reads."""
    settings = SETTINGS.get(name, TownSettings)
    fields = {f"NESRA_{field.upper()}" for field in settings.model_fields}
    targets = {f"NESRA_{callee.upper()}_TARGET" for callee in CALLS[name]}
    database = set() if name == "gateway" else {"NESRA_DATABASE_URL"}
    return fields | targets | database | {f"NESRA_{name.upper()}_METRICS_LISTEN"}


@pytest.mark.parametrize("name", PORTS)
def test_a_service_has_all_that_its_settings_demand(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in environment(name).items():
        monkeypatch.setenv(key, chosen(value))
    for key, value in derived(name).items():
        monkeypatch.setenv(key, value)

    settings = service_settings(name, SERVICES.get(name, ServiceSettings))

    assert settings.environment == "production"
    assert not settings.sandbox
    assert f"//nesra_{name}:" in settings.database_url
    assert settings.database_url.endswith(f"@postgres:5432/nesra_{name}")


def test_the_gateway_has_all_that_its_settings_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in environment("gateway").items():
        monkeypatch.setenv(key, chosen(value))

    settings = GatewaySettings()  # type: ignore[call-arg]  # read from the environment

    assert settings.environment == "production"
    assert not settings.sandbox
    assert settings.public_url == "http://localhost:8000"


def test_the_worker_has_all_that_its_settings_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in environment("worker").items():
        monkeypatch.setenv(key, chosen(value))
    for name in databases("worker"):
        for key, value in derived(name).items():
            monkeypatch.setenv(key, value)

    settings = WorkerSettings()

    assert settings.environment == "production"
    # The one folder that it may write to.
    assert settings.beat.parent == Path("/tmp")  # noqa: S108  # of the container
    for name, url in database_urls(PORTS).items():
        assert url.endswith(f"@postgres:5432/nesra_{name}")


@pytest.mark.parametrize("name", CALLS)
def test_a_process_is_told_nothing_that_it_does_not_read(name: str) -> None:
    given = {key for key in environment(name) if key.startswith("NESRA_")}

    assert given <= known(name)


@pytest.mark.parametrize("name", CALLS)
def test_a_process_finds_everybody_whom_it_calls(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in environment(name).items():
        monkeypatch.setenv(key, value)

    found = {callee: target_of(callee) for callee in CALLS[name]}

    assert found == {callee: f"dns:///{callee}:{PORTS[callee]}" for callee in CALLS[name]}


@pytest.mark.parametrize("name", PORTS)
def test_a_service_cannot_come_as_the_superuser(name: str) -> None:
    assert not any("POSTGRES_PASSWORD" in value for value in environment(name).values())


def test_every_process_of_the_town_is_there_and_asked_for_its_health() -> None:
    services = compose()

    assert set(services) == {*CALLS, "postgres", "migrate"}
    for name in CALLS:
        assert services[name]["command"] == ["serve", name]
        assert services[name]["healthcheck"]["test"] == ["CMD", "nesra", "healthy", name]


def test_each_starts_only_when_those_before_it_are_ready() -> None:
    waits = {
        name: {other: wait["condition"] for other, wait in service.get("depends_on", {}).items()}
        for name, service in compose().items()
    }

    assert waits["migrate"] == {"postgres": "service_healthy"}
    for name in (*PORTS, "worker"):
        assert waits[name] == {"migrate": "service_completed_successfully"}
    assert waits["gateway"] == dict.fromkeys(PORTS, "service_healthy")


def test_nothing_but_the_gateway_can_be_reached_from_outside() -> None:
    assert [name for name, service in compose().items() if "ports" in service] == ["gateway"]


def test_over_mtls_every_process_is_given_files_of_its_own_and_is_told_nothing_else() -> None:
    over_mtls = compose("docker-compose.mtls.yml")

    # The worker has links to its databases alone.
    assert set(over_mtls) == set(CALLS) - {"worker"}
    for name in over_mtls:
        assert set(over_mtls[name]["environment"]) == {
            f"NESRA_{field.upper()}" for field in LinkSettings.model_fields
        }
        assert over_mtls[name]["volumes"] == [f"./certificates/{name}:/certificates:ro"]
