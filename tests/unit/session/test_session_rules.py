"""The pure rules of sessions."""

import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kit.rulesfile import BadRules, load
from services.kit.settings import RULES
from services.session import rules
from services.session.play import SHAPE
from services.session.rules import Growth, Rules, Verdict

NUMBERS, VERSION = load(RULES, SHAPE)
ENDS = datetime(2026, 3, 1, 12, tzinfo=UTC)

levels = st.integers(1, 300)
heroes = levels.flatmap(lambda n: st.builds(Growth, st.just(n), st.integers(0, n * 100 - 1)))


@pytest.mark.parametrize(
    ("after_end", "expected"),
    [
        (timedelta(seconds=-2, microseconds=-1), Verdict.TOO_EARLY),
        (timedelta(seconds=-2), Verdict.IN_TIME),
        (timedelta(0), Verdict.IN_TIME),
        (timedelta(hours=24), Verdict.IN_TIME),
        (timedelta(hours=24, microseconds=1), Verdict.TOO_LATE),
    ],
)
def test_the_window_is_inclusive_on_both_sides(after_end: timedelta, expected: Verdict) -> None:
    assert rules.verdict(ENDS, now=ENDS + after_end, rules=NUMBERS) is expected


def test_twenty_five_minutes_pay_fifty_exp_and_twenty_five_gold() -> None:
    assert rules.reward(25, NUMBERS, None) == rules.Reward(exp=50, gold=25)


def test_a_new_hero_with_360_exp_is_level_3_with_60_left() -> None:
    assert rules.grown(Growth(1, 0), 360, NUMBERS) == Growth(3, 60)


@pytest.mark.parametrize(
    ("exp", "hero"), [(99, Growth(1, 99)), (100, Growth(2, 0)), (300, Growth(3, 0))]
)
def test_a_level_is_reached_with_the_last_point_of_its_threshold(exp: int, hero: Growth) -> None:
    assert rules.grown(Growth(1, 0), exp, NUMBERS) == hero


@given(heroes, st.integers(0, 50_000))
def test_level_up_carries_every_point_over(hero: Growth, exp: int) -> None:
    after = rules.grown(hero, exp, NUMBERS)

    assert _total(after) == _total(hero) + exp
    assert 0 <= after.exp < rules.exp_to_next(after.level, NUMBERS)


@given(heroes, st.integers(0, 5_000), st.integers(0, 5_000))
def test_growing_twice_is_growing_once_by_the_sum(hero: Growth, first: int, second: int) -> None:
    at_once = rules.grown(hero, first + second, NUMBERS)

    assert rules.grown(rules.grown(hero, first, NUMBERS), second, NUMBERS) == at_once


@given(st.binary(min_size=32, max_size=32), st.uuids())
def test_the_roll_is_what_anyone_computes_from_the_seed(seed: bytes, session: object) -> None:
    digest = hmac.new(seed, str(session).encode(), hashlib.sha256).digest()

    luck = rules.luck(seed, str(session))

    assert luck.roll == int.from_bytes(digest[:8], "big") % 10_000
    assert luck.choice == digest[8:24]
    assert rules.commitment(seed) == hashlib.sha256(seed).digest()


def test_about_one_roll_in_ten_drops() -> None:
    rolls = [rules.luck(hashlib.sha256(b"%d" % n).digest(), "s").roll for n in range(10_000)]

    drops = sum(roll < NUMBERS.drop_chance for roll in rolls)

    assert 850 <= drops <= 1_150


def test_equal_files_have_equal_versions(tmp_path: Path) -> None:
    copy = tmp_path / "rules.toml"
    copy.write_bytes(RULES.read_bytes())
    changed = tmp_path / "changed.toml"
    changed.write_bytes(RULES.read_bytes() + b"# another year\n")

    assert load(copy, SHAPE).version == VERSION
    assert load(changed, SHAPE).version != VERSION


@pytest.mark.parametrize(
    ("line", "replacement", "named"),
    [
        ("drop_chance = 1000", "drop_chance = 10001", "drop_chance must be from 0"),
        ("drop_chance = 1000", 'drop_chance = "1000"', "session.drop_chance"),
        ("drop_chance = 1000", "", "session.drop_chance"),
        ("drop_chance = 1000", "drop_chance = 1000\nluck = 7", "session.luck"),
        (
            'name = "Deep reading"',
            'name = "Deep reading"\nmood = "calm"',
            "session.starters.0.mood",
        ),
        ("minimum_minutes = 5", "minimum_minutes = 500", "minimum_minutes must be"),
        ("exp_per_level = 100", "exp_per_level = 0", "exp_per_level must be"),
        ("completable_hours = 24", "completable_hours = -1", "completable_hours"),
        ("[session]", "[sessions]", "session.minimum_minutes is missing"),
        ("[session]", "[session", "line 4: "),
    ],
)
def test_bad_rules_are_named(tmp_path: Path, line: str, replacement: str, named: str) -> None:
    bad = tmp_path / "rules.toml"
    bad.write_text(RULES.read_text().replace(line, replacement, 1))

    with pytest.raises(BadRules, match=named.replace("[", r"\[")):
        load(bad, SHAPE)


numbers_of_any_game = st.builds(
    replace,
    st.just(NUMBERS),
    exp_per_level=st.sampled_from([50, 100, 101]),
    exp_per_minute=st.integers(0, 9),
    drop_chance=st.integers(0, 10_000),
)


@given(numbers_of_any_game, numbers_of_any_game, st.integers(0, 100_000))
def test_accepted_rules_lower_no_level_and_what_lowers_one_is_refused(
    old: Rules, new: Rules, exp: int
) -> None:
    hero = rules.grown(Growth(1, 0), exp, old)
    # By the sum of what was earned, as whoever recomputes it sees it.
    recomputed = rules.grown(Growth(1, 0), exp, new)

    if not rules.losses(old, new):
        assert rules.grown(hero, 0, new) == recomputed == hero
    if recomputed.level < hero.level:
        assert rules.losses(old, new)


@pytest.mark.parametrize("exp_per_level", [99, 101])
def test_another_exp_per_level_is_refused_with_a_sentence(exp_per_level: int) -> None:
    (sentence,) = rules.losses(NUMBERS, replace(NUMBERS, exp_per_level=exp_per_level))

    assert sentence.startswith(f"exp_per_level must stay 100: by {exp_per_level} the levels")


def test_everything_else_may_change() -> None:
    other = replace(
        NUMBERS,
        minimum_minutes=1,
        maximum_minutes=240,
        exp_per_minute=1,
        gold_per_minute=0,
        early_grace_seconds=0,
        completable_hours=1,
        drop_chance=0,
        maximum_active_tasks=1,
        starters=(),
    )

    assert rules.losses(NUMBERS, other) == ()


def _total(hero: Growth) -> int:
    """All exp that a hero ever got (reliability I2)."""
    return 50 * hero.level * (hero.level - 1) + hero.exp
