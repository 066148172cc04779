"""Imports point one way: town above, services and gateway side by side, kit and protos below."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("auth", "session", "inventory", "world")
RULES = (
    "services.auth.rules",
    "services.inventory.rules",
    "services.session.rules",
    "services.session.events",
    "services.world.rules",
    "services.world.streak",
    "services.inventory.events",
    "services.inventory.shop",
    "services.inventory.events",
)
# What can drop and be bought: a simulation of the game needs the items as well as the rules.
CATALOGUE = ("services.inventory.catalogue_file",)
ACCOUNTS = tuple(
    f"services.auth.{name}" for name in ("failures", "operators", "passwords", "store")
)
# What each floor may import of the project; its own package always.
ALLOWED = {
    "protos": {"protos"},
    "services.kit": {
        "services.kit",
        "protos.failure",
        "protos.personal",
        "protos.audit",
        "protos.timeline",
    },
    **{f"services.{name}": {f"services.{name}", "services.kit", "protos"} for name in SERVICES},
    "gateway": {"gateway", "services.kit", "protos"},
    # Whoever recomputes or tells what the services decided must do it by their own rules, which
    # are pure: a second copy of a formula would be checked against nothing. Nothing else of a service.
    # And whoever opens and closes accounts must do it as auth itself does: ACCOUNTS.
    "town": {"town", "services.kit", "protos", *RULES, *CATALOGUE, *ACCOUNTS},
    "bench": {"bench", "town", "services.kit"},
}
# Within a service: a file may import those that stand further right.
ORDER = ("__main__", "service", "store", "tables")


@pytest.mark.parametrize("floor", sorted(ALLOWED))
def test_a_floor_imports_only_what_it_stands_on(floor: str) -> None:
    strangers = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in _files(floor)
        for name in _imports(path)
        if name.partition(".")[0] in {"protos", "services", "gateway", "town", "bench", "tests"}
        and not any(_within(name, allowed) for allowed in ALLOWED[floor])
    ]

    assert strangers == []


@pytest.mark.parametrize("service", SERVICES)
def test_the_rules_of_a_service_are_pure(service: str) -> None:
    rules = _with_its_own(f"services.{service}.rules")
    imported = [name for module in rules for name in _imports(_file(module))]
    foreign = [n for n in imported if n.partition(".")[0] not in sys.stdlib_module_names]
    impure = {"os", "time", "random", "secrets", "socket", "logging", "pathlib", "uuid"}

    assert [name for name in foreign if not any(_within(name, own) for own in rules)] == []
    assert impure.isdisjoint(imported)


@pytest.mark.parametrize("service", SERVICES)
def test_within_a_service_imports_point_to_the_ground(service: str) -> None:
    for place, name in enumerate(ORDER):
        above = {f"services.{service}.{upper}" for upper in ORDER[:place]}

        assert above.isdisjoint(_imports(ROOT / "services" / service / f"{name}.py")), name


def test_every_service_has_the_same_files() -> None:
    expected = {"__init__", "__main__", "service", "failures", "store", "rules", "tables"}

    for service in SERVICES:
        found = {path.stem for path in (ROOT / "services" / service).glob("*.py")}
        assert expected <= found, service


def test_the_walk_would_notice_a_wrong_import(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("def late():\n    from services.world import store\n")

    assert list(_imports(module)) == ["services.world", "services.world.store"]


def _with_its_own(module: str) -> list[str]:
    """A module, and what of its own package it imports, by whatever way."""
    package, found = module.rpartition(".")[0], [module]
    for each in found:
        found += [
            name
            for name in dict.fromkeys(_imports(_file(each)))
            if _within(name, package) and _file(name).exists() and name not in found
        ]
    return found


def _file(module: str) -> Path:
    return ROOT / f"{module.replace('.', '/')}.py"


def _files(floor: str) -> Iterator[Path]:
    for path in (ROOT / floor.replace(".", "/")).rglob("*.py"):
        if "_pb2" not in path.name:
            yield path


def _imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.") or package.startswith(f"{name}.")
