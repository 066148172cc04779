"""Who is harmed, when and how: pure functions of the seed, so that a run can be repeated."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

Delivery = TypeVar("Delivery")
How = Literal["hole towards server", "hole towards client", "cut", "reset", "slow"]
HOWS: tuple[How, ...] = ("hole towards server", "hole towards client", "cut", "reset", "slow")
BLOWS = ("fast", "immediate", "backend")

# From one kill to the next (R1).
KILL_EVERY_S = (2.0, 5.0)
MOST_REPEATS = 5


@dataclass(frozen=True, slots=True)
class Kill:
    """A process dies so many seconds after the one before it."""

    after_s: float
    name: str


@dataclass(frozen=True, slots=True)
class Cut:
    """A link is harmed for so long."""

    link: tuple[str, str]
    how: How
    seconds: float


@dataclass(frozen=True, slots=True)
class Skew:
    """A process lives with a clock that is so far ahead."""

    name: str
    seconds: float


def kills(seed: int, names: Sequence[str]) -> Iterator[Kill]:
    """Kills without an end."""
    rng = random.Random(seed)
    while True:
        yield Kill(rng.uniform(*KILL_EVERY_S), rng.choice(list(names)))


def cuts(seed: int, links: Sequence[tuple[str, str]], *, count: int, longest_s: float) -> list[Cut]:
    """So many cuts, spread evenly over links and kinds; most are short, one is as long as allowed."""
    rng = random.Random(seed)
    every = [(link, how) for link in sorted(links) for how in HOWS]
    rng.shuffle(every)
    chosen = [every[n % len(every)] for n in range(count)]
    seconds = [min(longest_s, 1.0 + rng.expovariate(0.5)) for _ in chosen]
    seconds[rng.randrange(count)] = longest_s
    return [Cut(link, how, each_s) for (link, how), each_s in zip(chosen, seconds, strict=True)]


def restarts(seed: int, names: Sequence[str], count: int) -> list[list[str]]:
    """So many restarts, in rounds: the first replicas of all, then the second ones, and so on.

    A round restarts three processes or more together, at most one replica of each kind.
    """
    rng = random.Random(seed)
    replicas = sorted({name.rpartition("-")[2] for name in names})
    rounds: list[list[str]] = []
    while count > sum(map(len, rounds)):
        replica = replicas[len(rounds) % len(replicas)]
        these = [name for name in names if name.endswith(f"-{replica}")]
        rounds.append(rng.sample(these, rng.randint(min(3, len(these)), len(these))))
    return rounds


def skews(seed: int, names: Sequence[str], seconds: Sequence[float], count: int) -> list[Skew]:
    """So many wrong clocks, spread evenly over processes and distances."""
    rng = random.Random(seed)
    every = [Skew(name, ahead) for name in sorted(names) for ahead in seconds]
    rng.shuffle(every)
    return [every[n % len(every)] for n in range(count)]


def repeated(seed: int, deliveries: Sequence[Delivery]) -> list[Delivery]:
    """Each delivery 1 to 5 times, all in shuffled order."""
    rng = random.Random(seed)
    told = [one for one in deliveries for _ in range(rng.randint(1, MOST_REPEATS))]
    rng.shuffle(told)
    return told
