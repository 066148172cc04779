"""What chance alone would bring."""

from math import sqrt

import pytest

from town.balance.luck import Luck, beside_chance, binomial, sessions_until_drop


def test_binomial_shares_make_one_and_stand_where_they_should() -> None:
    shares = binomial(50, 0.1)

    assert sum(shares) == pytest.approx(1)
    assert sum(k * share for k, share in enumerate(shares)) == pytest.approx(5)
    assert binomial(2, 0.5) == [0.25, 0.5, 0.25]


@pytest.mark.parametrize(("share", "sessions"), [(0.5, 7), (0.9, 22), (0.99, 44)])
def test_how_long_players_wait_for_a_first_drop(share: float, sessions: int) -> None:
    assert sessions_until_drop(share, 0.1) == sessions
    assert 1 - 0.9**sessions >= share > 1 - 0.9 ** (sessions - 1)


@pytest.mark.parametrize("chance", [0, 1])
def test_without_chance_there_is_nothing_to_wait_for(chance: float) -> None:
    with pytest.raises(ValueError, match="nobody waits"):
        sessions_until_drop(0.5, chance)


def test_far_from_the_expected_number_is_not_fair() -> None:
    fair, unfair = Luck({0.1: 10_000}, 1_050), Luck({0.1: 10_000}, 1_100)

    assert fair.sigmas == pytest.approx(50 / 30)
    assert (fair.is_fair, unfair.is_fair) == (True, False)


@pytest.mark.parametrize(("sessions", "drops", "chance"), [(0, 0, 0.1), (9, 0, 0.0), (9, 9, 1.0)])
def test_what_cannot_deviate_is_fair(sessions: int, drops: int, chance: float) -> None:
    assert Luck({chance: sessions}, drops).is_fair


def test_each_session_is_expected_to_drop_by_its_own_chance() -> None:
    both = Luck({0.1: 10_000, 0.5: 400}, 1_200)

    assert both.expected == pytest.approx(1_200)
    assert Luck({0.1: 10_000, 0.5: 400}, 1_231).sigmas == pytest.approx(31 / sqrt(900 + 100))


def test_what_was_counted_stands_beside_what_was_expected() -> None:
    rows = beside_chance({0: 20, 1: 50, 2: 30}, 2, 0.5)

    assert rows == [(0, 20, 25.0), (1, 50, 50.0), (2, 30, 25.0)]


def test_the_rows_end_where_nobody_is_left_but_keep_the_lucky_ones() -> None:
    assert beside_chance({1: 10}, 50, 0.1)[-1][0] < 15
    assert beside_chance({1: 10, 40: 1}, 50, 0.1)[-1][:2] == (40, 1)
