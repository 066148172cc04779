"""What every statement that the services send must keep to (docs/decisions/0004).

Reads the statements out of PostgreSQL's own log of the test run, so nothing
that was really sent escapes: see tests/conftest.py.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

PLAYER_TABLES = {
    "nesra_session": {
        "hero",
        "task_template",
        "session",
        "hero_grant",
        "purchase",
        "idempotency_key",
        "audit",
    },
    "nesra_inventory": {"inventory", "drop_grant", "wardrobe", "audit"},
    "nesra_world": {"world_state", "credited_session", "credited_date", "zone_change", "audit"},
}
# Over all players, by nature: the sweeper asks what is due, jobs which keys are old and
# whose streak may be over, and all change it player by player afterwards; the operator
# asks what is not delivered at all, and what operators did.
OVER_ALL_PLAYERS = (
    re.compile(r"FROM session WHERE session\.status = 'success'::session_status AND session\.settled_at IS NULL AND session\.settle_after <="),
    re.compile(r"FROM purchase WHERE purchase\.settled_at IS NULL AND purchase\.settle_after <="),
    re.compile(r"FROM session WHERE session\.status = 'pending'::session_status AND session\.ends_at <"),
    re.compile(r"^SELECT count\(\*\) FILTER .* AS dead FROM (session WHERE session\.status = 'success'|purchase WHERE purchase\.settled_at IS NULL)"),
    re.compile(r"FROM world_state WHERE world_state\.day_streak > 0 AND world_state\.timezone"),
    re.compile(r"FROM idempotency_key WHERE idempotency_key\.answered_at <"),
    re.compile(r"FROM audit WHERE \(CAST\("),
    re.compile(r"AS since FROM (session WHERE session\.status = 'success'(::session_status)? AND session|purchase WHERE purchase)\.settled_at IS NULL"),
)  # fmt: skip
_FORBIDDEN = {
    "skips locked players": r"SKIP LOCKED",
    "MERGE": r"^MERGE\b",
    "LATERAL": r"\bLATERAL\b",
    "an advisory lock": r"pg_(try_)?advisory",
    "a volatile function in a change": r"^(UPDATE|DELETE)\b.*(clock_timestamp|random\(|gen_random|uuidv\d|nextval)",
    "a changed player": r"^UPDATE\b.*\bSET\b[^=]*\buser_id\s*=(?!.*\bWHERE\b.*\bSET\b)",
    "two arrays for pairs": r"= ANY.*\bid = ANY",
}
# PostgreSQL's own log: a prefix, then the statement, its further lines indented.
_ENTRY = re.compile(
    r"^\S+ \S+ \S+ \[\d+\] \w+@(?P<database>\w+)/(?P<application>\S*) "
    r"LOG:  (?:execute [^:]+|statement): (?P<text>.*(?:\n\t.*)*)",
    re.MULTILINE,
)
_READS_OR_CHANGES = re.compile(r"^(WITH|SELECT|INSERT|UPDATE|DELETE|MERGE)\b")


def statements(log: Path, *, application: str) -> Iterator[tuple[str, str]]:
    """Every (database, statement) that an application sent, once."""
    seen = set()
    for entry in _ENTRY.finditer(log.read_text(errors="replace")):
        text = " ".join(entry["text"].split())
        found = (entry["database"], text)
        if (
            entry["application"] == application
            and _READS_OR_CHANGES.match(text)
            and found not in seen
        ):
            seen.add(found)
            yield found


def violations(database: str, statement: str) -> list[str]:
    """What a statement of the services breaks; the tests' own looks are not meant."""
    broken = [what for what, form in _FORBIDDEN.items() if re.search(form, statement)]
    if any(form.search(statement) for form in OVER_ALL_PLAYERS):
        return broken
    return broken + [f"{table} without its players" for table in _unbounded(database, statement)]


def _unbounded(database: str, statement: str) -> Iterable[str]:
    """The player tables that a statement reads or changes for players it does not name."""
    if statement.startswith("INSERT"):
        return []
    tables = next((t for name, t in PLAYER_TABLES.items() if database.startswith(name)), set())
    used = {t for t in tables if re.search(rf"\b(FROM|JOIN|UPDATE) {t}\b", statement)}
    return [t for t in sorted(used) if not re.search(rf"\b{t}\.user_id = (ANY \(|\$)", statement)]
