"""What chance alone would bring, to hold the drops against."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil, comb, log, sqrt

# Chance goes further than that from what is expected once in 370 times.
SIGMAS = 3.0


def binomial(trials: int, chance: float) -> list[float]:
    """Return the probabilities of 0, 1, … `trials` successes."""
    return [comb(trials, k) * chance**k * (1 - chance) ** (trials - k) for k in range(trials + 1)]


def sessions_until_drop(share: float, chance: float) -> int:
    """Return after how many sessions such a share of players has had a first drop. Raises ValueError without chance."""
    if not 0 < chance < 1:
        message = f"with a chance of {chance} nobody waits, or everybody for ever"
        raise ValueError(message)
    return max(1, ceil(log(1 - share) / log(1 - chance)))


@dataclass(frozen=True, slots=True)
class Luck:
    """Drops that were counted: `sigmas` is how far from the expected number, in standard deviations.

    `sessions` are counted by the chance with which they could drop.
    """

    sessions: Mapping[float, int]
    drops: int

    @property
    def expected(self) -> float:
        """The number that chance brings on average."""
        return sum(count * chance for chance, count in self.sessions.items())

    @property
    def sigmas(self) -> float:
        """0 where nothing can deviate."""
        spread = sqrt(sum(n * chance * (1 - chance) for chance, n in self.sessions.items()))
        return (self.drops - self.expected) / spread if spread else 0.0

    @property
    def is_fair(self) -> bool:
        """Whether chance may well have brought it."""
        return abs(self.sigmas) <= SIGMAS


def beside_chance(
    counted: Mapping[int, int], trials: int, chance: float
) -> list[tuple[int, int, float]]:
    """Return, by number of drops, how many players had it and how many chance lets expect.

    Up to where neither has anybody: less than a twentieth of a player counts as nobody.
    """
    players = sum(counted.values())
    expected = [players * share for share in binomial(trials, chance)]
    return _until_nobody([(k, counted.get(k, 0), expected[k]) for k in range(trials + 1)])


def _until_nobody(rows: Iterable[tuple[int, int, float]]) -> list[tuple[int, int, float]]:
    listed = list(rows)
    while listed and listed[-1][1] == 0 and listed[-1][2] < 1 / 20:
        listed.pop()
    return listed
