"""Slips in the auth service: a login that lives on, or dies without a reason."""

from tests.mutants.mutant import Mutant

_LOGINS = "tests/service/auth/test_auth_logins.py"
_OPERATORS = "tests/service/auth/test_auth_operators.py"
_PROCESS = "tests/service/auth/test_auth_process.py"
_ROTATION = "tests/service/auth/test_auth_rotation.py"
_WATCH = "tests/service/auth/test_auth_watch.py"

MUTANTS = (
    Mutant(
        name="refreshes of one login do not wait for each other",
        file="services/auth/store.py",
        before="    .with_for_update(of=refresh_family),\n",
        after="    ,\n",
        tests=("tests/service/auth/test_auth_races.py",),
    ),
    Mutant(
        name="a refresh whose answer was lost ends the login at once",
        file="services/auth/logins.py",
        before="                return self._repeated(login)",
        after="                return _reused(login.connection, login.family_id, now=login.now)",
        tests=(f"{_LOGINS}::test_a_refresh_repeated_within_the_grace_gives_the_newest_token",),
    ),
    Mutant(
        name="a link that sets a password goes to whatever address was typed",
        file="services/auth/postman.py",
        before="_Errand(user.email, issued(",
        after="_Errand(row.email, issued(",
        tests=("tests/service/auth/test_auth_recovery.py",),
    ),
    Mutant(
        name="a login that is refreshed never ends",
        file="services/auth/logins.py",
        before="min(login.now + rules.REFRESH_LIFETIME, login.since + rules.LOGIN_LIFETIME)",
        after="login.now + rules.REFRESH_LIFETIME",
        tests=(f"{_LOGINS}::test_refreshing_goes_on_for_180_days_at_most",),
    ),
    Mutant(
        name="looks at what ended do not overlap, and miss what was committed late",
        file="services/auth/rules.py",
        before="ENDED_OVERLAP = timedelta(seconds=5)",
        after="ENDED_OVERLAP = timedelta(seconds=0)",
        tests=(f"{_WATCH}::test_what_ends_late_within_a_long_transaction_is_told",),
    ),
    Mutant(
        name="who does not listen any more keeps its place",
        file="services/auth/watch.py",
        before="                self._listeners -= 1",
        after="                self._listeners -= 0",
        tests=(f"{_WATCH}::test_more_than_are_served_are_sent_away_until_somebody_leaves",),
    ),
    Mutant(
        name="who leaves waits for those who listen",
        file="services/auth/watch.py",
        before="            self._is_over = True",
        after="            self._is_over = False",
        tests=(f"{_PROCESS}::test_who_is_listened_to_leaves_in_time_all_the_same",),
    ),
    Mutant(
        name="a key signs as soon as it is made",
        file="services/auth/keys.py",
        before="        due = [one for one in held if one.signs_from <= now]",
        after="        due = list(held)",
        tests=(f"{_ROTATION}::test_every_replica_changes_over_at_the_same_time_of_the_database",),
    ),
    Mutant(
        name="a key is published no longer once it is retired",
        file="services/auth/rules.py",
        before="KEY_PUBLISHED_FOR = ENDED_MATTERS + CLOCK_LEEWAY * 2",
        after="KEY_PUBLISHED_FOR = ENDED_MATTERS * 0",
        tests=(f"{_ROTATION}::test_what_a_retired_key_signed_verifies_until_it_expires",),
    ),
    Mutant(
        name="what was thrown out verifies on",
        file="services/auth/key_store.py",
        before="        signing_key.c.revoked_at.is_(None),\n",
        after="",
        tests=(
            f"{_ROTATION}::test_keys_that_are_thrown_out_verify_nothing_and_a_new_one_signs_at_once",
        ),
    ),
    Mutant(
        name="replicas that rotate together make a key each",
        file="services/auth/keys.py",
        before="            if now < newest.renew_at:",
        after="            if now < newest.created_at:",
        tests=(f"{_ROTATION}::test_replicas_that_rotate_together_make_one_key",),
    ),
    Mutant(
        name="two superusers demote each other, and nobody is left",
        file="services/auth/operator_store.py",
        before="    .order_by(user.c.id)\n    .with_for_update(),\n",
        after="    .order_by(user.c.id),\n",
        tests=(f"{_OPERATORS}::test_of_two_superusers_who_demote_each_other_at_once_one_stays",),
    ),
    Mutant(
        name="a closed account stays logged in",
        file="services/auth/operators.py",
        before="    if user.is_active and not wanted.is_active:",
        after="    if wanted.is_active and not user.is_active:",
        tests=(f"{_OPERATORS}::test_a_closed_account_is_logged_out_everywhere_and_nobody_else_is",),
    ),
)
