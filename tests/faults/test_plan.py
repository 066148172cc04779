"""A plan follows from its seed alone, and leaves nobody out."""

from collections import Counter
from itertools import islice

from tests.faults import plan
from tests.faults.plan import HOWS, KILL_EVERY_S
from tests.faults.points import all_points

NAMES = ("auth-1", "session-1", "world-1")
LINKS = (("gateway-1", "session-1"), ("session-1", "world-1"))


def test_the_same_seed_makes_the_same_plan() -> None:
    for seed in (1, 2):
        first, again = (list(islice(plan.kills(seed, NAMES), 50)) for _ in range(2))
        assert first == again
        assert plan.cuts(seed, LINKS, count=9, longest_s=5) == plan.cuts(
            seed, LINKS[::-1], count=9, longest_s=5
        )
        assert plan.repeated(seed, range(20)) == plan.repeated(seed, range(20))


def test_another_seed_makes_another_plan() -> None:
    first, second = (list(islice(plan.kills(seed, NAMES), 50)) for seed in (1, 2))

    assert first != second
    assert plan.restarts(1, NAMES, 9) != plan.restarts(2, NAMES, 9)


def test_everybody_is_killed_every_now_and_then() -> None:
    kills = list(islice(plan.kills(1, NAMES), 300))

    assert all(KILL_EVERY_S[0] <= kill.after_s <= KILL_EVERY_S[1] for kill in kills)
    assert min(Counter(kill.name for kill in kills).values()) > 50


def test_every_link_is_cut_in_every_way_and_one_of_them_for_long() -> None:
    cuts = plan.cuts(1, LINKS, count=2 * len(HOWS), longest_s=60)

    assert {(cut.link, cut.how) for cut in cuts} == {(link, how) for link in LINKS for how in HOWS}
    assert max(cut.seconds for cut in cuts) == 60
    assert min(cut.seconds for cut in cuts) >= 1


def test_rounds_of_restarts_leave_one_replica_of_each_kind() -> None:
    names = [f"{kind}-{number}" for kind in ("auth", "session") for number in (1, 2)]
    rounds = plan.restarts(1, names, 30)

    assert sum(map(len, rounds)) >= 30
    assert {name for each in rounds for name in each} == set(names)
    for number, each in enumerate(rounds):
        assert {name[-1] for name in each} == {str(number % 2 + 1)}


def test_every_process_lives_with_every_wrong_clock() -> None:
    skews = plan.skews(1, NAMES, (-60.0, 60.0), 6)

    assert {(skew.name, skew.seconds) for skew in skews} == {
        (name, seconds) for name in NAMES for seconds in (-60.0, 60.0)
    }


def test_every_delivery_is_repeated_one_to_five_times_in_another_order() -> None:
    told = plan.repeated(1, range(200))

    counts = Counter(told)
    assert set(counts) == set(range(200))
    assert set(counts.values()) == {1, 2, 3, 4, 5}
    assert told != sorted(told)


def test_the_points_are_found_where_services_and_gateway_reach_them() -> None:
    assert {"gateway.complete.after_call", "session.complete.before_commit"} <= set(all_points())
