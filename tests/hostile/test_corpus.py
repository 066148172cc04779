"""The corpus of bad requests, every case at every call that it fits, at a real town."""

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest

from tests.contract.log_canary import leaks, logs_in
from tests.e2e.opened import Town
from tests.hostile.belongings import Resident, TownsAuth
from tests.hostile.cases import FILES, cases
from tests.hostile.document import Operation
from tests.hostile.judging import code_of, complaints
from tests.hostile.planning import SECRET, Caller, Planner
from tests.hostile.wire import replies

pytestmark = pytest.mark.xdist_group("hostile")
# The first of what may be a great many of one kind.
SHOWN = 100


@pytest.fixture
def planner(town: Town, calls: list[Operation], operator: Resident, ada: Resident) -> Planner:
    """Sends as an operator, who gets past every question but the one that is asked."""
    auth = TownsAuth(town.home)
    # Accounts, as operators change them, are other people's.
    ids = {**operator.ids, "user_id": ada.user["id"]}
    refresh = operator.tokens["refresh_token"]
    # Of a login of its own: where a logout gets through, nobody else is shut out.
    return Planner(Caller(town.url, auth.token(operator.user["id"]), refresh, ids, auth), calls)


@pytest.fixture(scope="module", autouse=True)
def before(operator: Resident, ada: Resident) -> dict[str, object]:
    """What both players had before the first bad request."""
    return {"operator": operator.state(), "ada": ada.state()}


@pytest.mark.parametrize("file", FILES)
def test_bad_requests_are_refused_by_name_and_not_echoed(
    town: Town, planner: Planner, file: str, record_property: Callable[[str, object], None]
) -> None:
    # A logout that gets through shuts nobody out who is still to ask.
    requests = sorted(planner.requests(file), key=lambda bad: "/logout" in bad.call)

    answers = asyncio.run(replies(town.url, (bad.ask for bad in requests)))

    wrong: dict[str, list[str]] = {}
    for bad, answer in zip(requests, answers, strict=True):
        for complaint in complaints(bad, answer):
            wrong.setdefault(f"{bad.case.id}: {complaint}", []).append(bad.call)
    told = ", ".join(f"{code} {n}" for code, n in Counter(map(code_of, answers)).most_common())
    again = sum(answer.tries - 1 for answer in answers)
    counts = f"{file}: {len(cases(file))} cases, {len(requests)} requests, {again} again: {told}"
    record_property("counted", counts)
    shown = [f"{what} at {len(where)}: {where[0]}" for what, where in wrong.items()]
    assert not shown, "\n".join([f"{len(shown)} complaints", *shown[:SHOWN]])


def test_nothing_has_changed(operator: Resident, ada: Resident, before: dict[str, object]) -> None:
    assert {"operator": operator.state(), "ada": ada.state()} == before


def test_no_log_tells_a_secret_that_was_sent(town: Town) -> None:
    logs = logs_in(town.home)

    told = [leak for log in logs for leak in leaks(log)]
    said = [log for log in logs if SECRET + "0000" in log.read_text(errors="replace").lower()]

    assert logs
    assert (told, said) == ([], [])
