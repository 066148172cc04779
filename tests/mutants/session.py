"""Slips in the session service: a reward that is lost, paid twice or too early."""

from tests.mutants.mutant import Mutant

_CLOCK = "tests/service/session/test_session_clock.py"
_EXPORT = "tests/service/personal/test_personal_export.py"
_ERASING = "tests/service/personal/test_personal_races.py"
_PLAY = "tests/service/session/test_session_play.py"
_RACES = "tests/service/session/test_session_races.py"
_SETTLE = "tests/unit/session/test_session_settle.py"
_SETTLING = "tests/service/session/test_session_settling.py"
_STORE = "tests/service/session/test_session_store.py"
_RULES = "tests/unit/session/test_session_rules.py"
_EVENTS = "tests/unit/session/test_session_events.py"
_RECEIPTS = "tests/unit/session/test_session_receipts.py"
_SEASONS = "tests/service/town/test_town_seasons.py"

# In place of the import of the database's.
_LOCAL_CLOCK = """
from datetime import UTC, datetime


def database_now(_: object) -> datetime:
    return datetime.now(UTC)


"""

MUTANTS = (
    Mutant(
        name="an export foretells the drop of a pending session",
        file="services/session/personal.py",
        before="case((session.c.status != PENDING, session.c.seed))",
        after="session.c.seed",
        tests=(f"{_EXPORT}::test_no_secret_is_exported",),
    ),
    Mutant(
        name="a hero is erased before its sessions, which completions lock first",
        file="services/session/personal.py",
        before="locked_first=(idempotency_key, session, hero)",
        after="locked_first=(idempotency_key, hero, session)",
        tests=(f"{_ERASING}::test_erasing_waits_for_a_completion_and_holds_nothing_that_it_needs",),
    ),
    Mutant(
        name="a completion does not lock its session",
        file="services/session/completion_store.py",
        before="    .with_for_update(of=[session, hero]),\n",
        after="    ,\n",
        tests=(f"{_RACES}::test_sixty_parallel_completes_pay_once_with_equal_answers",),
    ),
    Mutant(
        name="heroes are not locked before they grow",
        file="services/session/player_store.py",
        before="_HEROES.with_for_update(of=hero)",
        after="_HEROES",
        tests=(f"{_RACES}::test_parallel_gifts_all_arrive",),
    ),
    Mutant(
        name="completing is no transaction: every statement commits, and lets go of its locks",
        file="services/session/sessions.py",
        before="        outcomes = self._database.transact("
        "lambda connection: self._complete(connection, keys))",
        after="        with self._database.read() as connection:\n"
        "            outcomes = self._complete(connection, keys)",
        tests=(f"{_RACES}::test_gifts_that_meet_a_completion_all_arrive",),
    ),
    Mutant(
        name="a session that occurs twice in a batch is paid twice",
        file="services/session/sessions.py",
        before="before = sessions.get(key)",
        after="before = {row.key: row for row, _ in locked}.get(key)",
        tests=(f"{_PLAY}::test_a_batch_is_answered_in_its_order_and_each_item_alone",),
    ),
    Mutant(
        name="no unique key keeps a player to one pending session",
        file="services/session/migrations/versions/0001_a_new_town.py",
        before='        ["user_id"],\n        unique=True,',
        after='        ["user_id"],\n        unique=False,',
        tests=(f"{_RACES}::test_thirty_parallel_starts_open_one",),
    ),
    Mutant(
        name="a final status can be overwritten",
        file="services/session/store.py",
        before="        session.c.id == row.c.id,\n        session.c.status == PENDING,",
        after="        session.c.id == row.c.id,",
        tests=(
            f"{_STORE}::test_a_final_status_is_never_changed",
            f"{_STORE}::test_a_completion_never_changes_a_final_status",
        ),
    ),
    Mutant(
        name="a repeated completion is refused until its effects are settled",
        file="services/session/sessions.py",
        before='        if row.status == "success":\n            return _Completed',
        after='        if row.status == "success" and row.settled_at is not None:\n'
        "            return _Completed",
        tests=(f"{_SETTLING}::test_completing_again_settles_what_was_left",),
    ),
    Mutant(
        name="completing goes by the local clock",
        file="services/session/sessions.py",
        before="locked, now = completion_store.lock(connection, keys)",
        after="locked, now = completion_store.lock(connection, keys)[0], datetime.now().astimezone()",
        tests=(_CLOCK,),
    ),
    Mutant(
        name="starting goes by the local clock",
        file="services/session/sessions.py",
        before="        nows = {",
        after="        now = datetime.now().astimezone()\n        nows = {",
        tests=(_CLOCK,),
    ),
    Mutant(
        name="looking and cancelling go by the local clock",
        file="services/session/sessions.py",
        before="self._player_now(heroes.get(user_id), database_now(connection))",
        after="self._player_now(heroes.get(user_id), datetime.now().astimezone())",
        tests=(_CLOCK,),
    ),
    Mutant(
        name="the grace before the end is minutes, not seconds",
        file="services/session/rules.py",
        before="_span(self.early_grace_seconds)",
        after="_span(self.early_grace_seconds * 60)",
        tests=(_RULES,),
    ),
    Mutant(
        name="the dice are rolled at completion, not by the seed of the start",
        file="services/session/sessions.py",
        before="dropped=luck.roll < chance",
        after="dropped=secrets.randbelow(rules.ROLLS) < chance",
        tests=(f"{_PLAY}::test_a_session_drops_when_its_proof_says_so_and_only_then",),
    ),
    Mutant(
        name="an event is judged at completion, not by the start of the session",
        file="services/session/sessions.py",
        before="        event = self._event(row.started_at)\n",
        after="        event = self._event(ended_at)\n",
        tests=(
            f"{_SEASONS}::test_a_session_into_the_season_pays_without_it_and_one_out_of_it_with_it",
        ),
    ),
    Mutant(
        name="an event still runs at the instant of its end",
        file="services/session/events.py",
        before="return self.starts_at <= at < self.ends_at",
        after="return self.starts_at <= at <= self.ends_at",
        tests=(
            _EVENTS,
            f"{_SEASONS}::test_the_window_begins_with_its_first_instant_and_ends_before_its_last",
        ),
    ),
    Mutant(
        name="an event does not run yet at the instant of its start",
        file="services/session/events.py",
        before="return self.starts_at <= at < self.ends_at",
        after="return self.starts_at < at < self.ends_at",
        tests=(
            _EVENTS,
            f"{_SEASONS}::test_the_window_begins_with_its_first_instant_and_ends_before_its_last",
        ),
    ),
    Mutant(
        name="the drop is rolled against another chance than the proof shows",
        file="services/session/sessions.py",
        before="            drop_chance=chance,\n",
        after="            drop_chance=self._rules.drop_chance,\n",
        tests=(
            f"{_SEASONS}::test_a_session_into_the_season_pays_without_it_and_one_out_of_it_with_it",
        ),
    ),
    Mutant(
        name="the odds go by the town's clock, not the player's",
        file="services/session/sessions.py",
        before="self._now_of(connection, user_id) if user_id else database_now(connection)",
        after="database_now(connection)",
        tests=(f"{_SEASONS}::test_the_odds_are_those_of_a_session_that_this_player_starts_now",),
    ),
    Mutant(
        name="a receipt tells what the rules did not pay",
        file="services/session/receipts.py",
        before="    if rules.reward(paid.minutes, numbers, event) != paid.reward:\n",
        after="    if rules.reward(paid.minutes, numbers, event) is None:\n",
        tests=(_RECEIPTS,),
    ),
    Mutant(
        name="an item is not chosen by the dice that the proof shows",
        file="services/session/receivers.py",
        before="luck=rules.luck(row.seed, row.id).choice",
        after="luck=row.seed[:16]",
        tests=(f"{_PLAY}::test_the_proof_reveals_the_seed_that_was_committed_to",),
    ),
    Mutant(
        name="a paid session does not enter the outbox",
        file="services/session/sessions.py",
        before="            settle_after=now + FIRST_SWEEP,\n",
        after="",
        tests=(f"{_SETTLING}::test_with_world_away_the_reward_is_paid_and_settled_later",),
    ),
    Mutant(
        name="a completion fails for want of what the hero wears",
        file="services/session/receivers.py",
        before="drops.answer.wardrobes} if drops and drops.answer else {}",
        after="drops.answer.wardrobes}",
        tests=(f"{_SETTLING}::test_what_is_worn_is_unknown_while_inventory_is_away",),
    ),
    Mutant(
        name="a session is marked before world and inventory applied it",
        file="services/session/settle.py",
        before="is_settled=credit is not None and drop_is_done,",
        after="is_settled=True,",
        tests=(f"{_SETTLING}::test_with_world_away_the_reward_is_paid_and_settled_later",),
    ),
    Mutant(
        name="a session is marked though its drop was not given",
        file="services/session/settle.py",
        before="is_settled=credit is not None and drop_is_done,",
        after="is_settled=credit is not None,",
        tests=(f"{_SETTLING}::test_with_inventory_away_the_drop_comes_later",),
    ),
    Mutant(
        name="a mark that fails fails the completion",
        file="services/session/marks.py",
        before="        except Failure as failure:",
        after="        except ZeroDivisionError as failure:",
        tests=(_SETTLE,),
    ),
    Mutant(
        name="what waits at the end is not marked",
        file="services/session/marks.py",
        before="            self._is_running = False\n        self._mark_waiting()",
        after="            self._is_running = False",
        tests=("tests/unit/session/test_session_marks.py",),
    ),
    Mutant(
        name="a later mark overwrites what the first one brought",
        file="services/session/outbox.py",
        before="conditions = [of_users(table.c.user_id), table.c.settled_at.is_(None)]",
        after="conditions = [of_users(table.c.user_id)]",
        tests=(f"{_STORE}::test_the_first_mark_of_a_session_stays",),
    ),
    Mutant(
        name="two sweepers lease the same session",
        file="services/session/outbox.py",
        before="table.c.settle_attempts == these.c.settle_attempts - 1",
        after="table.c.settle_attempts <= these.c.settle_attempts",
        tests=(f"{_SETTLING}::test_two_sweepers_at_once_never_work_on_the_same_session",),
    ),
    Mutant(
        name="a refusal counts after the lease was lost",
        file="services/session/outbox.py",
        before="table.c.settle_attempts == these.c.settle_attempts,",
        after="table.c.settle_attempts >= these.c.settle_attempts,",
        tests=(f"{_SETTLING}::test_a_refusal_counts_only_while_the_lease_holds",),
    ),
    Mutant(
        name="the queue is due by the local clock",
        file="services/session/outbox.py",
        before="from services.kit.clock import database_now\n",
        after=_LOCAL_CLOCK,
        tests=(_CLOCK,),
    ),
    Mutant(
        name="no answer counts as a refusal, until the delivery is dead",
        file="services/session/receivers.py",
        before="            return {}, {}\n",
        after="            return {}, {row.key: Unavailable.reason for row in self._rows}\n",
        tests=(f"{_SETTLING}::test_a_delivery_that_nobody_answers_is_never_dead",),
    ),
    Mutant(
        name="a dead delivery is given up one refusal too early",
        file="services/session/settle.py",
        before="    if after.settle_refusals >= REFUSALS:",
        after="    if after.settle_refusals >= REFUSALS - 1:",
        tests=(
            f"{_SETTLING}::test_a_delivery_that_is_refused_ten_times_is_dead_and_not_tried_again",
        ),
    ),
    Mutant(
        name="settling takes no heed of the caller's deadline",
        file="services/session/service.py",
        before="remaining(context, at_most=SETTLE_S)",
        after="SETTLE_S",
        tests=(f"{_SETTLING}::test_settling_takes_no_longer_than_the_caller_waits",),
    ),
    Mutant(
        name="sessions time out by the local clock",
        file="services/session/timeouts.py",
        before="from services.kit.clock import database_now\n",
        after=_LOCAL_CLOCK,
        tests=(_CLOCK,),
    ),
    Mutant(
        name="a level takes one EXP more than its threshold",
        file="services/session/rules.py",
        before="    while exp >= exp_to_next(level, rules):",
        after="    while exp > exp_to_next(level, rules):",
        tests=(f"{_RULES}::test_a_level_is_reached_with_the_last_point_of_its_threshold",),
    ),
    Mutant(
        name="gifts need no sandbox, unless an operator gives them",
        file="services/session/players.py",
        before="        if warrant is None:\n            self._require_sandbox()",
        after="        if warrant:\n            self._require_sandbox()",
        tests=("tests/service/session/test_session_operators.py",),
    ),
    Mutant(
        name="sessions that were given up count in the statistics",
        file="services/session/statistics.py",
        before="        session.c.status == SUCCESS,",
        after="        session.c.ended_at.is_not(None),",
        tests=("tests/service/session/test_session_statistics.py",),
    ),
    Mutant(
        name="a session that begins before the first date and ends on it is not counted",
        file="services/session/statistics.py",
        before="before_all(stretches[0].begins_at - LONGEST)",
        after="before_all(stretches[0].begins_at)",
        tests=("tests/service/session/test_session_statistics.py",),
    ),
)
