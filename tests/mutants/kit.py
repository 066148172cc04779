"""Slips in the plumbing: an answer before the commit, a batch that fails as one, a drain that drops."""

from tests.mutants.mutant import Mutant

_BATCHES = "tests/service/kit/test_kit_batches.py"
_ACCESS = "tests/service/test_rpc_access.py"
_BREAKER = "tests/unit/kit/test_kit_breaker.py"
_CALLERS = "tests/unit/kit/test_kit_callers.py"
_CALLS = "tests/service/kit/test_kit_calls.py"
_DATABASE = "tests/service/kit/test_kit_database.py"
_DRAIN = "tests/service/kit/test_kit_drain.py"
_ERASURE = "tests/service/personal/test_personal_erasure.py"
_EXPORT = "tests/service/personal/test_personal_export.py"
_JOBS = "tests/service/kit/test_kit_jobs.py"
_WORKER = "tests/service/kit/test_kit_worker.py"
_RACES = "tests/service/personal/test_personal_races.py"
_REFUSALS = "tests/service/gateway/test_gateway_refusals.py"
_SWEEPER = "tests/unit/kit/test_kit_sweeper.py"
_TLS = "tests/service/kit/test_kit_tls.py"

MUTANTS = (
    Mutant(
        name="a transaction is none: what was done before it broke stays",
        file="services/kit/database.py",
        before="            with connection.transaction():",
        after="            with suppress():",
        tests=(f"{_DATABASE}::test_what_a_transaction_did_is_gone_when_it_raises",),
    ),
    Mutant(
        name="the answer comes before the commit reached the disk",
        file="services/kit/database.py",
        before='        "timezone=UTC",\n',
        after='        "timezone=UTC",\n        "synchronous_commit=off",\n',
        tests=(f"{_DATABASE}::test_a_commit_is_on_the_disk_before_it_is_answered",),
    ),
    Mutant(
        name="the answer comes whether or not the commit succeeded",
        file="services/kit/database.py",
        before="            with connection.transaction():\n"
        "                if _mood.is_hurried:\n"
        "                    connection.execute(_BRIEF_LOCK_WAIT)\n"
        "                return work(connection)",
        after="            answer = None\n"
        "            with suppress(psycopg.Error), connection.transaction():\n"
        "                if _mood.is_hurried:\n"
        "                    connection.execute(_BRIEF_LOCK_WAIT)\n"
        "                answer = work(connection)\n"
        "            return answer",
        tests=(f"{_DATABASE}::test_a_commit_that_is_lost_is_unavailable_and_not_tried_again",),
    ),
    Mutant(
        name="a transaction whose commit may have succeeded is done again",
        file="services/kit/database.py",
        before="_AGAIN = (errors.SerializationFailure, errors.DeadlockDetected)",
        after="_AGAIN = (psycopg.OperationalError,)",
        tests=(f"{_DATABASE}::test_a_commit_that_is_lost_is_unavailable_and_not_tried_again",),
    ),
    Mutant(
        name="a deadlock is not tried again",
        file="services/kit/database.py",
        before="_AGAIN = (errors.SerializationFailure, errors.DeadlockDetected)",
        after="_AGAIN = (errors.SerializationFailure,)",
        tests=(f"{_DATABASE}::test_transactions_that_deadlock_are_tried_again_and_both_succeed",),
    ),
    Mutant(
        name="a server that never answers is waited for",
        file="services/kit/database.py",
        before='**{"timeout": ANSWER_WITHIN_S} | kwargs)',
        after="**kwargs)",
        tests=(f"{_DATABASE}::test_a_server_that_takes_a_statement_and_never_answers_is_given_up",),
        hangs_after_s=60.0,
    ),
    Mutant(
        name="one locked item fails its whole batch",
        file="services/kit/batches.py",
        before="    return [failure] if len(items) == 1 else list(_singly(work, items))",
        after="    return [failure] * len(items)",
        tests=(f"{_BATCHES}::test_a_locked_item_fails_alone_and_may_be_tried_again",),
    ),
    Mutant(
        name="the items of a held up batch wait a second each for their locks",
        file="services/kit/batches.py",
        before="    with hurried():\n",
        after="    if True:\n",
        tests=(f"{_BATCHES}::test_items_of_a_batch_that_was_held_up_are_tried_in_a_hurry",),
    ),
    Mutant(
        name="an open breaker lets everybody try at once",
        file="services/kit/breaker.py",
        before="        self._closed_until = self._clock() + OPEN_S\n        return True",
        after="        return True",
        tests=(f"{_BREAKER}::test_an_open_one_lets_one_call_a_second_try",),
    ),
    Mutant(
        name="calls go to a replica that calls itself unhealthy",
        file="services/kit/client.py",
        before='        "healthCheckConfig": {"serviceName": ""},\n',
        after="",
        tests=(f"{_CALLS}::test_calls_go_only_to_replicas_that_call_themselves_healthy",),
    ),
    Mutant(
        name="a service that leaves does not say so to who watches its health",
        file="services/kit/server.py",
        before="    state.enter_graceful_shutdown()\n",
        after="",
        tests=(_DRAIN,),
    ),
    Mutant(
        name="a service that leaves cuts off the calls that it had accepted",
        file="services/kit/server.py",
        before="    server.stop(DRAIN_S).wait()",
        after="    server.stop(None).wait()",
        tests=(_DRAIN,),
    ),
    Mutant(
        name="a token for one service opens all",
        file="services/kit/callers.py",
        before='options={"require": _REQUIRED}',
        after='options={"require": _REQUIRED, "verify_aud": False}',
        tests=(_CALLERS,),
    ),
    Mutant(
        name="every service of the town may call every method",
        file="services/kit/callers.py",
        before="        if self._caller(header) not in self._callers[method]:",
        after="        if not self._caller(header):",
        tests=(_CALLERS,),
    ),
    Mutant(
        name="a service token may be signed as it likes",
        file="services/kit/callers.py",
        before='algorithms=["HS256"]',
        after='algorithms=["HS256", "HS512"]',
        tests=(_ACCESS,),
    ),
    Mutant(
        name="a call does its work before anybody asks who calls",
        file="services/kit/server.py",
        before="                self._callers.check(method, header)\n"
        "                _require_waiting(context)\n"
        "                # Read here and not before: what a stranger sends is not worth it.\n"
        "                return handler.unary_unary(handler.request_deserializer(request), context)",
        after="                answer = handler.unary_unary(handler.request_deserializer(request), context)\n"
        "                self._callers.check(method, header)\n"
        "                return answer",
        tests=(_ACCESS,),
    ),
    Mutant(
        name="a service in production tells its methods to everybody",
        file="services/kit/server.py",
        before="    if not is_production:\n        names",
        after="    if True:\n        names",
        tests=(_ACCESS,),
    ),
    Mutant(
        name="a method lists nobody who may call it",
        file="services/world/service.py",
        before='    "SetClock": frozenset({"gateway"}),\n',
        after="",
        tests=(_ACCESS,),
    ),
    Mutant(
        name="who shows no certificate is let in",
        file="services/kit/listening.py",
        before="require_client_authentication=tls.ca is not None",
        after="require_client_authentication=False",
        tests=(_TLS,),
    ),
    Mutant(
        name="a renewed certificate is shown although its key is another's",
        file="services/kit/listening.py",
        before="            pem.require_usable()\n",
        after="",
        tests=(_TLS,),
    ),
    Mutant(
        name="a bug in one step ends the sweeping for ever",
        file="services/kit/sweeper.py",
        before="            except Exception:",
        after="            except LookupError:",
        tests=(_SWEEPER,),
    ),
    Mutant(
        name="a job may run twice at a time",
        file="services/kit/queue.py",
        before="task: Any = self._app.task(name=name, queue=name, lock=name)",
        after="task: Any = self._app.task(name=name, queue=name)",
        tests=(f"{_JOBS}::test_run_by_several_hands_at_once_a_job_never_runs_twice_at_a_time",),
    ),
    Mutant(
        name="what a dead worker had in hand stays with it",
        file="services/kit/queue.py",
        before="            await self.take_up()\n",
        after="",
        tests=(
            f"{_JOBS}::test_what_a_dead_worker_had_in_hand_is_taken_up_also_by_who_came_before_it_was_missed",
        ),
        hangs_after_s=30.0,
    ),
    Mutant(
        name="a worker that could not record what became of a job holds it for ever",
        file="services/kit/queue.py",
        before="                task.add_done_callback(self._heard)\n",
        after="                pass\n",
        tests=(
            f"{_JOBS}::test_whose_outcome_could_not_be_recorded_runs_again_and_another_versions_jobs_wait_for_it",
        ),
        hangs_after_s=30.0,
    ),
    Mutant(
        name="a clock that was set back is not noticed",
        file="services/kit/queue.py",
        before="        if abs(self._seen - last) > JUMP_S:",
        after="        if self._seen - last > JUMP_S:",
        tests=(f"{_JOBS}::test_ticks_go_on_when_a_clock_that_was_a_day_ahead_is_set_right",),
        hangs_after_s=30.0,
    ),
    Mutant(
        name="a worker that is told to end while its database is away goes on",
        file="services/kit/worker.py",
        before="    while not stopping.is_set():\n",
        after="    while True:\n",
        tests=(
            f"{_WORKER}::test_a_worker_runs_what_is_due_outlives_its_database_and_ends_also_without_it",
        ),
    ),
    Mutant(
        name="a job goes on although its worker is to end",
        file="services/kit/jobs.py",
        before="            if self._stopping.is_set() or time",
        after="            if time",
        tests=(f"{_JOBS}::test_a_worker_that_is_to_end_stops_a_job_after_the_page_in_hand",),
    ),
    Mutant(
        name="a job that keeps failing seems to have failed once",
        file="services/kit/runs.py",
        before='changed["failures"] = _run.c.failures + 1',
        after='changed["failures"] = 1',
        tests=(f"{_JOBS}::test_failures_are_counted_until_a_run_succeeds_and_told_by_name_alone",),
    ),
    Mutant(
        name="a call that ran out of time counts as a bug, though it may have been done",
        file="services/kit/errors.py",
        before="    grpc.StatusCode.DEADLINE_EXCEEDED,\n",
        after="",
        tests=(f"{_REFUSALS}::test_a_hung_service_is_unavailable_within_3_seconds",),
    ),
    Mutant(
        name="an export ends with its first page",
        file="services/kit/personal.py",
        before="        while self._next and len(page) == PAGE:",
        after="        while self._next and not page:",
        tests=(f"{_EXPORT}::test_ten_thousand_sessions_come_whole_and_in_order",),
    ),
    Mutant(
        name="erasing ends with its first page",
        file="services/kit/personal.py",
        before="        while rows := self._erase.run(",
        after="        if rows := self._erase.run(",
        tests=(f"{_ERASURE}::test_ten_thousand_sessions_are_erased_whole",),
    ),
    Mutant(
        name="erasing is no transaction: what was done before it broke stays",
        file="services/kit/personal.py",
        before="            rows = self._database.transact("
        "lambda c: self._held.erase(c, request.user_id))",
        after="            with self._database.read() as connection:\n"
        "                rows = self._held.erase(connection, request.user_id)",
        tests=(
            f"{_RACES}::test_a_session_that_starts_in_between_keeps_everything_until_the_next_try",
        ),
    ),
    Mutant(
        name="of what happened at one instant, a page of a timeline begins with what the last one ended",
        file="services/kit/timeline.py",
        before="*where, place < before)",
        after="*where, place <= before)",
        tests=("tests/service/kit/test_kit_timeline.py",),
    ),
)
