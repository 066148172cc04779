"""Where a scenario plays: a town, a crowd, a seed, and the judgement at the end."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults import checker, ledger
from tests.faults.checker import Violation, p99
from tests.faults.driver import Crowd, Driver, Load
from tests.faults.history import Event, ends_of
from tests.faults.patience import await_that
from tests.faults.tier import Tier
from tests.faults.town import Layout, Town, opened
from town.editions import numbers_of
from town.verify import as_json, drifts

# R7: after any fault everything heals within this.
HEALS_WITHIN_S = 30.0


@dataclass(slots=True)
class Scene:
    """One scenario under way. `figures` are what the table at the end shows of it."""

    tier: Tier
    seed: int
    town: Town
    crowd: Crowd
    folder: Path
    figures: dict[str, Any] = field(default_factory=dict)

    def load(self, **chosen: Any) -> Load:
        """A load by the crowd under the scene's seed; see Crowd.load."""
        return self.crowd.load(self.seed, **chosen)

    def judge(self, *loads: Load, only: Callable[[Violation], bool] = lambda _: True) -> None:
        """Waits until the town has healed; then nothing that was promised may be broken.

        Fails with everything that is broken. The histories are left behind.
        """
        self.town.heal()
        self.figures["healed_s"] = round(self._heals(), 2)
        found = [violation for load in loads for violation in self._judged(load) if only(violation)]
        found += [
            Violation("R1", f"gave up: {gave_up}") for load in loads for gave_up in load.gave_up
        ]
        self.figures |= _figures([event for load in loads for event in load.history.events])
        for number, load in enumerate(loads):
            load.history.write(self.folder / f"history-{self.seed}-{number}.jsonl")
        assert found == [], f"seed {self.seed}, histories in {self.folder}: {_first(found)}"
        verify(self.town)

    def _heals(self) -> float:
        """How long it takes until every process serves and nothing is on its way any more."""
        heals = await_that(
            lambda: self._not_ready() == [],
            within_s=HEALS_WITHIN_S,
            otherwise=lambda: f"not ready: {[self.town.last_words(n) for n in self._not_ready()]}",
        )
        left_s = HEALS_WITHIN_S - heals
        return heals + await_that(
            lambda: ledger.unsettled(self.town.databases) == 0,
            within_s=left_s,
            otherwise=lambda: f"unsettled: {ledger.unsettled(self.town.databases)}",
        )

    def _not_ready(self) -> list[str]:
        names = (*self.town.services, *self.town.gateways)
        return [name for name in names if not self.town.is_ready(name)]

    def _judged(self, load: Load) -> Sequence[Violation]:
        final = ledger.read(self.town.databases, load.player_ids)
        return checker.violations(load.history.events, final)


class Stages:
    """The towns of a test run, one at a time: another layout closes the one before."""

    def __init__(self, folder: Path, tier: Tier) -> None:
        self._folder = folder
        self._tier = tier
        self._driver = Driver()
        self._open: tuple[Layout, Any, Town, Crowd] | None = None
        self._count = 0

    def scene(self, layout: Layout, seed: int) -> Scene:
        """A scene in a town of that layout, open and in order."""
        if self._open is None or self._open[0] != layout:
            self.close_town()
            self._open_town(layout)
        assert self._open is not None
        _, _, town, crowd = self._open
        town.heal()
        town.await_all_ready()
        return Scene(self._tier, seed, town, crowd, self._folder)

    def close_town(self) -> None:
        """Closes the town that is open, if any."""
        if self._open is not None:
            self._open[1].__exit__(None, None, None)
            self._open = None

    def close(self) -> None:
        """Closes the town and ends the driver."""
        self.close_town()
        self._driver.close()

    def _open_town(self, layout: Layout) -> None:
        self._count += 1
        lent = opened(self._folder / f"town-{self._count}", layout)
        town = lent.__enter__()
        try:
            ports = {name: town.port_of(name) for name in town.gateways}
            crowd = Crowd(self._driver, ports, self._tier.players, pace=self._tier.pace)
        except BaseException:
            lent.__exit__(None, None, None)
            raise
        self._open = (layout, lent, town, crowd)


def verify(town: Town) -> None:
    """The operator's own check of all invariants over all databases is clear within 30 s (R7).

    Fails with every drift that it names.
    """
    found: list[str] = []

    def is_clear() -> bool:
        numbers = numbers_of(town.databases)
        found[:] = [as_json(drift) for drift in drifts(town.databases, numbers)]
        return found == []

    await_that(is_clear, within_s=HEALS_WITHIN_S, otherwise=lambda: "\n".join(found[:20]))


def _figures(events: Sequence[Event]) -> dict[str, Any]:
    """What a run was like, in numbers."""
    ends = list(ends_of(events))
    completes = [end for end in ends if end.operation == "complete"]
    paid = {end.session for end in completes if end.status == 200}
    return {
        "calls": len(ends),
        "statuses": {str(s): n for s, n in sorted(Counter(end.status for end in ends).items())},
        "paid": len(paid),
        "p99_s": round(p99([end.took_s for end in ends]), 3),
        "longest_s": round(max((end.took_s for end in ends), default=0.0), 3),
    }


def _first(found: Sequence[Violation]) -> str:
    kinds = Counter(violation.promise for violation in found)
    lines = [f"{len(found)} violations, {dict(kinds)}"]
    return "\n".join(lines + [f"{one.promise}: {one.what}"[:500] for one in found[:20]])
