"""Slips in the auth service: a login that lives on, or dies without a reason."""

from tests.mutants.mutant import Mutant

_LOGINS = "tests/service/auth/test_auth_logins.py"

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
)
