"""What `nesra jobs` says of jobs, and which one it means."""

from datetime import UTC, datetime, timedelta

import pytest

from services.kit.jobs import Job
from services.kit.runs import Run
from town.failures import CannotOpen
from town.jobs import told, whose

NOON = datetime(2031, 5, 14, 12, tzinfo=UTC)
RUN = Run(
    job="timeouts",
    started_at=NOON,
    ended_at=NOON + timedelta(milliseconds=250),
    succeeded_at=NOON,
    done=1234,
    failures=0,
    failed_at=None,
    error="",
)


def test_a_run_is_told_in_words() -> None:
    assert told(None) == "-"
    assert told(RUN) == "did 1,234 in 0.25 s"
    failed = RUN._replace(failures=2, failed_at=NOON, error="UNAVAILABLE")
    assert told(failed) == "failed 2 times since 2031-05-14 12:00: UNAVAILABLE"
    assert told(failed._replace(succeeded_at=None)) == "failed 2 times: UNAVAILABLE"


def test_a_job_is_found_by_its_name_and_where_several_have_one_by_its_service() -> None:
    assert whose("streaks", None) == "world"
    assert whose("forget_runs", "auth") == "auth"
    for name, service, sentence in (
        ("nothing", None, "There is no job nothing: `nesra jobs list` has all."),
        ("streaks", "auth", "There is no job streaks of auth: `nesra jobs list` has all."),
        (
            "forget_runs",
            None,
            "Several services have a job forget_runs: choose by --service from auth, session, ",
        ),
    ):
        with pytest.raises(CannotOpen, match=sentence):
            whose(name, service)


def test_the_next_tick_is_told_in_utc_whatever_zone_the_database_speaks() -> None:
    quarter = Job("streaks", "*/15 * * * *", lambda: iter([]))

    due = quarter.next_after(NOON.astimezone(None) + timedelta(minutes=1))

    assert due == NOON + timedelta(minutes=15)
    assert due.utcoffset() == timedelta(0)
