"""Slips with the rules: paid by one edition and recorded by another, used and not kept, lowered."""

from tests.mutants.mutant import Mutant

_BOOK = "tests/service/kit/test_kit_rulebook.py"
_FILE = "tests/unit/kit/test_kit_rulesfile.py"
_SESSION = "tests/unit/session/test_session_rules.py"
_TOWN = "tests/service/town/test_town_rules.py"
_WORLD = "tests/unit/world/test_world_rules.py"
_INVARIANTS = "tests/unit/town/test_invariants.py"
_UNDER_LOAD = f"{_TOWN}::test_rules_are_swapped_twenty_times_under_load_without_an_error"

MUTANTS = (
    Mutant(
        name="new rules are used before they are kept",
        file="services/kit/rulebook.py",
        before="            self._database.transact(\n",
        after="            self._made = self._make(Edition(rules, file.version))\n"
        "            self._database.transact(\n",
        tests=(f"{_BOOK}::test_a_reload_waits_for_a_database_that_is_away",),
    ),
    Mutant(
        name="rules are used and never kept",
        file="services/kit/editions.py",
        before="        self._use.run(",
        after="        _ = dict(",
        tests=(f"{_BOOK}::test_an_edition_is_kept_before_anybody_decides_with_it",),
    ),
    Mutant(
        name="the new version is recorded for what the old rules pay",
        file="services/kit/rulebook.py",
        before="            self._file = file\n",
        after="            self._file, rules = file, self._first.bound(self._shape)\n",
        tests=(_UNDER_LOAD,),
    ),
    Mutant(
        name="a receipt tells what the rules in use would pay",
        file="services/session/__main__.py",
        before="(found := book.under(version))",
        after="(found := book.current())",
        tests=(_UNDER_LOAD,),
    ),
    Mutant(
        name="verify recomputes rewards without the event that ran",
        file="town/invariants.py",
        before="        event = running(rules.events, success.started_at)\n",
        after="        event = None\n",
        tests=(_INVARIANTS,),
    ),
    Mutant(
        name="a broken file ends the rules that were in use",
        file="services/kit/rulebook.py",
        before="            self._refused = bad.problems\n",
        after="            self._refused, self._made = bad.problems, None\n",
        tests=(f"{_BOOK}::test_a_file_that_does_not_do_changes_nothing_and_is_told_once",),
    ),
    Mutant(
        name="a half-written file is taken up",
        file="services/kit/rulebook.py",
        before="        elif stamp != self._noticed:\n",
        after="        elif self._noticed is None:\n",
        tests=(f"{_BOOK}::test_a_file_that_is_still_being_written_is_left_alone",),
    ),
    Mutant(
        name="a reload does not ask whether players lose",
        file="services/kit/editions.py",
        before="        if latest and latest.version != file.version:\n",
        after="        if False:\n",
        tests=(_BOOK,),
    ),
    Mutant(
        name="replicas do not see what another takes up meanwhile",
        file="services/kit/editions.py",
        before="connection.execute(_ONE_BY_ONE)",
        after='connection.execute("SELECT")',
        tests=(
            f"{_BOOK}::test_a_replica_waits_for_another_that_takes_up_other_rules_and_is_compared_with_them",
        ),
    ),
    Mutant(
        name="a room may become harder",
        file="services/world/rules.py",
        before="        if (now := level_by_rule(line.room, line.sessions, new))\n",
        after="        if (now := level_by_rule(line.room, line.sessions + 1, new))\n",
        tests=(_WORLD,),
    ),
    Mutant(
        name="a lower exp_per_level is taken for a gift",
        file="services/session/rules.py",
        before="    if old.exp_per_level == new.exp_per_level:\n",
        after="    if old.exp_per_level >= new.exp_per_level:\n",
        tests=(_SESSION,),
    ),
    Mutant(
        name="verify judges a session by the rules of today",
        file="town/invariants.py",
        before='    return numbers.sessions.get(success.rules_version or "")\n',
        after="    return numbers.session\n",
        tests=(_INVARIANTS,),
    ),
    Mutant(
        name="a key that nobody reads passes the check of a shared array",
        file="services/kit/rulesfile.py",
        before="                if key not in known\n",
        after="                if False\n",
        tests=(_FILE,),
    ),
    Mutant(
        name="a season within a section is taken for none",
        file="services/kit/rulesfile.py",
        before="        if misplaced:\n",
        after="        if False:\n",
        tests=(_FILE,),
    ),
)
