"""Tests that share something costly, such as a town, run in one worker."""

import pytest


@pytest.mark.xdist_group("a group")
def test_a_group_of_tests_is_known_to_whoever_distributes_them(
    request: pytest.FixtureRequest,
) -> None:
    is_distributed = getattr(request.config.option, "loadgroup", False)

    assert not is_distributed or request.node.nodeid.endswith("@a group")
