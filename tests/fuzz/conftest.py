"""One town under fuzz for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.fuzz.fuzzed import Fuzzed, fuzzed


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    with fuzzed(tmp_path_factory.mktemp("fuzzed") / "home") as there:
        yield there
