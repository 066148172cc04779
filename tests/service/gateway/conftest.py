"""One gateway with actors behind it per test file."""

from collections.abc import Iterator

import httpx
import pytest

from tests.service.gateway.stage import Stage, staged


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("g")) as stage:
        yield stage


@pytest.fixture
def own_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage whose keys, logins and silence are one test's own."""
    with staged(tmp_path_factory.mktemp("g")) as stage:
        yield stage


@pytest.fixture
def player(stage: Stage) -> Iterator[httpx.Client]:
    with stage.player() as client:
        yield client


@pytest.fixture
def visitor(stage: Stage) -> Iterator[httpx.Client]:
    with stage.visitor() as client:
        yield client
