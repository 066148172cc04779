"""The lint over what is really sent can fail."""

from pathlib import Path

import pytest

from tests.contract.statement_lint import statements, violations


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("SELECT hero.gold FROM hero WHERE hero.user_id = ANY ($1::UUID[])", []),
        ("SELECT hero.gold FROM hero", ["hero without its players"]),
        ("SELECT hero.gold FROM hero JOIN unnest($1) AS given ON hero.user_id = given.user_id",
         ["hero without its players"]),
        ("SELECT hero.id FROM hero WHERE hero.user_id = ANY ($1) FOR UPDATE SKIP LOCKED",
         ["skips locked players"]),
        ("UPDATE session SET ended_at=clock_timestamp() WHERE session.user_id = $1::UUID",
         ["a volatile function in a change"]),
        ("UPDATE hero SET user_id=$1 WHERE hero.user_id = $2", ["a changed player"]),
        ("SELECT pg_advisory_xact_lock(1)", ["an advisory lock"]),
        ("SELECT session.id FROM session WHERE session.user_id = ANY ($1) AND session.id = ANY ($2)",
         ["two arrays for pairs"]),
    ],
)  # fmt: skip
def test_a_planted_violation_is_named(statement: str, broken: list[str]) -> None:
    assert violations("nesra_session", statement) == broken


LOG = """\
2026-03-01 12:00:00.000 UTC [1] postgres@nesra_world/nesra LOG:  execute <unnamed>: SELECT 1
\tFROM hero
2026-03-01 12:00:00.000 UTC [1] postgres@nesra_world/nesra LOG:  statement: BEGIN
2026-03-01 12:00:00.000 UTC [1] postgres@nesra_world/ LOG:  statement: SELECT 2
2026-03-01 12:00:00.000 UTC [1] postgres@nesra_world/nesra LOG:  execute _pg3_1: SELECT 1 FROM hero
2026-03-01 12:00:00.000 UTC [2] LOG:  checkpoint starting: time
"""


def test_the_log_gives_each_statement_of_the_services_once(tmp_path: Path) -> None:
    log = tmp_path / "postgres.log"
    log.write_text(LOG)

    assert list(statements(log, application="nesra")) == [("nesra_world", "SELECT 1 FROM hero")]
