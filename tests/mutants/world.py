"""Slips in the world service: a success that counts twice or on the wrong day, a room that falls."""

from tests.mutants.mutant import Mutant

_CLOCK = "tests/service/world/test_world_clock.py"
_ENDINGS = "tests/service/world/test_world_endings.py"
_CREDIT = "tests/service/world/test_world_credit.py"
_LIVES = "tests/unit/world/test_world_lives.py"
_OPERATORS = "tests/service/world/test_world_operators.py"
_RACES = "tests/service/world/test_world_races.py"
_STORIES = "tests/service/world/test_world_stories.py"
_ZONES = "tests/service/world/test_world_zones.py"

MUTANTS = (
    Mutant(
        name="worlds are not locked before they grow",
        file="services/world/store.py",
        before="_WORLDS.with_for_update(of=world_state)",
        after="_WORLDS",
        tests=(f"{_RACES}::test_thirty_sessions_at_once_all_count_and_upgrade_each_room_once",),
    ),
    Mutant(
        name="no unique key keeps a session from counting twice",
        file="services/world/migrations/versions/0001_a_new_town.py",
        before='"user_id", "session_id", name=op.f("credited_session_pkey")',
        after='"user_id", "session_id", "credited_at", name=op.f("credited_session_pkey")',
        tests=(f"{_RACES}::test_the_database_itself_refuses_a_second_record_of_a_session",),
    ),
    Mutant(
        name="a session that counts already counts again",
        file="services/world/crediting.py",
        before="for key, ends_at in ends.items() if key not in known}",
        after="for key, ends_at in ends.items()}",
        tests=(
            f"{_CREDIT}::test_telling_a_session_again_answers_the_same_rooms_and_the_world_of_now",
        ),
    ),
    Mutant(
        name="a success counts on the day on which it was delivered",
        file="services/world/crediting.py",
        before="    fresh = {key: ends_at for key",
        after="    fresh = {key: now for key",
        tests=(f"{_CREDIT}::test_dates_in_a_row_make_a_streak_that_a_gap_ends",),
    ),
    Mutant(
        name="a success counts on the date in UTC, not on the player's",
        file="services/world/streak.py",
        before="    return instant.astimezone(_zone(timezone)).date()",
        after="    return instant.date()",
        tests=(f"{_ZONES}::test_a_session_counts_in_the_zone_at_its_end",),
    ),
    Mutant(
        name="a date that comes late does not fill its gap",
        file="services/world/streak.py",
        before="        known is not None and day <= known\n",
        after="        known is not None and day < known - 7 * _DAY\n",
        tests=(f"{_CREDIT}::test_a_late_success_fills_the_gap",),
    ),
    Mutant(
        name="a missed date ends a streak though a freeze covers it at the read",
        file="services/world/streak.py",
        before="missed(through, today) <= freezes.held(world.freeze_days)",
        after="missed(through, today) <= 0",
        tests=(_STORIES, _LIVES),
    ),
    Mutant(
        name="a freeze is never spent",
        file="services/world/rules.py",
        before="else freeze_days - missed * self.every_days",
        after="else freeze_days",
        tests=(_LIVES,),
    ),
    Mutant(
        name="more freezes are held than may be",
        file="services/world/rules.py",
        before="        return min(freeze_days + 1, self.every_days * self.held_at_most)",
        after="        return freeze_days + 1",
        tests=(_LIVES,),
    ),
    Mutant(
        name="a bridge adds to the streak",
        file="services/world/streak.py",
        before="    for day in sorted(counting | dates.bridges):",
        after="    counting |= dates.bridges\n    for day in sorted(counting):",
        tests=(_LIVES, _ZONES),
    ),
    Mutant(
        name="a session takes the operator's word off a restored date",
        file="services/world/store.py",
        before="""        # What an operator restored stays so, whatever becomes of the session.
        where=credited_date.c.kind == BRIDGE,
""",
        after="",
        tests=(f"{_OPERATORS}::test_a_restored_date_stays_restored_when_a_session_ends_on_it",),
    ),
    Mutant(
        name="a date of the future is restored",
        file="services/world/worlds.py",
        before="if any(not 0 <= (today - day).days <= RESTORABLE_DAYS for day in days):",
        after="if any((today - day).days > RESTORABLE_DAYS for day in days):",
        tests=(_OPERATORS,),
    ),
    Mutant(
        name="a flight skips the date on which it arrives as well",
        file="services/world/streak.py",
        before="for n in range((new - old).days)]",
        after="for n in range((new - old).days + 1)]",
        tests=(_ZONES, _LIVES),
    ),
    Mutant(
        name="a date that comes late begins anew behind a streak that the job ended",
        file="services/world/streak.py",
        before="    if world.ended_on is not None:\n        return True\n",
        after="",
        tests=(_ENDINGS, _LIVES),
    ),
    Mutant(
        name="a flight west does not find the streak again that the job ended",
        file="services/world/worlds.py",
        before="if skipped or world.ended_on is not None:",
        after="if skipped:",
        tests=(_ENDINGS, _LIVES),
    ),
    Mutant(
        name="the job ends a streak on the date that can still keep it",
        file="services/world/streak.py",
        before="is_over = world.day_streak > 0 and shown(world, today=today, freezes=freezes) == 0",
        after="is_over = world.day_streak > 0 and world.streak_through != today",
        tests=("tests/unit/town/test_invariants.py",),
    ),
    Mutant(
        name="the job ends streaks by the date in UTC",
        file="services/world/endings.py",
        before="today=streak.local_date(now, world.timezone), freezes",
        after="today=now.date(), freezes",
        tests=(_ENDINGS, _LIVES),
    ),
    Mutant(
        name="a room falls when the rules take its level away",
        file="services/world/rules.py",
        before="upgrade.level > getattr(after, column)",
        after="upgrade.level != getattr(after, column)",
        tests=("tests/unit/world/test_world_rules.py",),
    ),
    Mutant(
        name="the streak is shown by the local clock",
        file="services/world/worlds.py",
        before="            return store.read_worlds(connection, users)",
        after="            return store.read_worlds(connection, users)[0], datetime.now().astimezone()",
        tests=(f"{_CLOCK}::test_a_streak_is_shown_by_the_clock_of_the_database",),
    ),
)
