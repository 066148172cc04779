"""Slips in the world service: a success that counts twice or on the wrong day, a room that falls."""

from tests.mutants.mutant import Mutant

_CLOCK = "tests/service/world/test_world_clock.py"
_CREDIT = "tests/service/world/test_world_credit.py"
_RACES = "tests/service/world/test_world_races.py"
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
