"""Whatever is wrong with a rules file is told all at once, with file, line and reason."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.kit.rulesfile import BadRules, RulesFile, Shape, check, load, read
from services.kit.settings import RULES
from town.numbers import SHAPES


@dataclass(frozen=True, slots=True)
class Sowing:
    """How one service sees a fair."""

    name: str
    seeds: int


@dataclass(frozen=True, slots=True)
class Selling:
    """How another sees it."""

    name: str
    opens_at: datetime


@dataclass(frozen=True, slots=True)
class Fields:
    acres: int
    fairs: tuple[Sowing, ...] = ()


@dataclass(frozen=True, slots=True)
class Market:
    stalls: int
    fairs: tuple[Selling, ...] = ()

    def __post_init__(self) -> None:
        if len(self.fairs) > self.stalls:
            message = f"fairs.{self.stalls} finds no stall"
            raise ValueError(message)


FIELDS = Shape("fields", Fields, lambda old, new: ["acres fell"] * (new.acres < old.acres), ("fairs",))  # fmt: skip
MARKET = Shape("market", Market, shared=("fairs",))
FARM = """\
[fields]
acres = 3

[market]
stalls = 2

[[fairs]]
name = "spring"
seeds = 7
opens_at = 2026-03-01T08:00:00Z
"""


def farm(written: str = "", instead: str = "") -> RulesFile:
    return RulesFile("farm.toml", FARM.replace(written, instead, 1).encode())


def problems(text: str) -> list[str]:
    """What the whole file's check says of a text."""
    try:
        check(RulesFile("rules.toml", text.encode()), list(SHAPES.values()))
    except BadRules as bad:
        return list(bad.problems)
    return []


def test_the_shipped_rules_will_do() -> None:
    assert problems(RULES.read_text()) == []


@pytest.mark.parametrize(
    ("written", "instead", "line", "reason"),
    [
        # Keys.
        ("drop_chance = 1000", "drop_chance = 1000\nluck = 7", 17, "session.luck is no key"),
        ("drop_chance = 1000", "", 4, "session.drop_chance is missing"),
        ('room = "build"\nsessions', "sessions", 59, "world.upgrades.1.room is missing"),
        ("rare = 20", "rare = 20\nodd = 1", 41, "inventory.rarity_weights.odd is no key"),
        ("zone_change_hours = 24", "zone = 24", 70, "world.zone is no key"),
        # Types.
        ("drop_chance = 1000", 'drop_chance = "1000"', 16, "session.drop_chance should be"),
        ("drop_chance = 1000", "drop_chance = 1000.0", 16, "session.drop_chance should be"),
        ("drop_chance = 1000", "drop_chance = true", 16, "session.drop_chance should be"),
        ("drop_chance = 1000", "drop_chance = nan", 16, "session.drop_chance should be"),
        ("drop_chance = 1000", "drop_chance = 2026-01-01", 16, "session.drop_chance should be"),
        ("offers_a_day = 6", "offers_a_day = []", 45, "inventory.shop.offers_a_day should be"),
        # Bounds.
        ("drop_chance = 1000", "drop_chance = 10001", 16, "session.drop_chance must be from 0"),
        ("exp_per_minute = 2", "exp_per_minute = -1", 7, "session.exp_per_minute must be from 0"),
        ("gold_per_minute = 1", f"gold_per_minute = {10**30}", 8, "session.gold_per_minute must"),
        ("minimum_minutes = 5", "minimum_minutes = 181", 5, "session.minimum_minutes must be at"),
        ("offers_a_day = 6", "offers_a_day = 3", 45, "inventory.shop.offers_a_day must be at"),
        ("epic = 900", "epic = 0", 50, "inventory.shop.price_gold.epic must be from 1"),
        ("sessions = 15", "sessions = 0", 61, "world.upgrades.1.sessions must be from 1"),
        ("level = 2", "level = 1", 57, "world.upgrades.0.level must be from 2"),
        # Rooms, and what repeats.
        ('room = "plaza"', 'room = "cellar"', 65, "world.upgrades.2.room must be one of"),
        ('room = "training"', 'room = "plaza"', 36, "session.starters.2.room must be one of"),
        ('room = "plaza"', 'room = "build"', 64, "world.upgrades.2 repeats"),
        ("minutes = 50", "minutes = 500", 29, "session.starters.1.default_duration_minutes"),
        ('name = "Deep reading"', 'name = ""', 21, "session.starters.0.name must have"),
        # Sections.
        ("[inventory.shop]\n", "[inventori.shop]\n", 43, "inventori is no section"),
        ("[inventory.shop]\n", "[inventori.shop]\n", 47, "inventory.shop.offers_a_day is missing"),
        # TOML itself.
        ("[session]", "[session", 4, "Expected ']'"),
        ("drop_chance = 1000", "drop_chance 1000", 16, "Expected '='"),
        ("drop_chance = 1000", "drop_chance = 1000\ndrop_chance = 1", 17, "Cannot overwrite"),
        ('name = "Deep reading"', 'name = "Deep reading', 21, "Illegal character"),
        ("zone_change_hours = 24\n", "zone_change_hours = [24", 73, "Unclosed array"),
    ],
)
def test_a_mistake_is_told_with_its_line(
    written: str, instead: str, line: int, reason: str
) -> None:
    assert written in RULES.read_text()

    told = problems(RULES.read_text().replace(written, instead, 1))

    assert any(each.startswith(f"rules.toml, line {line}: {reason}") for each in told), told


def test_everything_is_told_at_once_in_the_order_of_the_lines() -> None:
    text = RULES.read_text()
    for written, instead in {
        "zone_change_hours = 24": "zone_change_hours = -1",
        "drop_chance = 1000": "drop_chance = -1",
        "rare = 20": 'rare = "20"',
        "exp_per_level = 100": "exp_per_level = 0",
    }.items():
        text = text.replace(written, instead)

    told = problems(text)

    assert [int(each.split(" ")[2].rstrip(":")) for each in told] == [10, 16, 40, 70]


def test_an_empty_file_lacks_every_section() -> None:
    assert problems("") == [
        "rules.toml, line 1: session is missing",
        "rules.toml, line 1: inventory is missing",
        "rules.toml, line 1: world is missing",
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[session]\nname = '\xff'", "rules.toml, line 2: it is not UTF-8"),
        (b"#" * 70_000, "rules.toml: it has more than 65536 bytes"),
        (b"a = " + b"[" * 5_000, "rules.toml"),
    ],
)
def test_what_is_no_text_of_that_kind_is_told(content: bytes, told: str) -> None:
    with pytest.raises(BadRules, match=told):
        RulesFile("rules.toml", content)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadRules, match=r"none\.toml: it cannot be read: No such file"):
        read(tmp_path / "none.toml")


def test_equal_files_have_equal_versions(tmp_path: Path) -> None:
    one, same, other = (tmp_path / f"{n}.toml" for n in range(3))
    one.write_text(FARM)
    same.write_text(FARM)
    other.write_text(f"{FARM}# another year\n")

    versions = [load(path, FIELDS).version for path in (one, same, other)]

    assert versions[0] == versions[1] != versions[2]
    assert len(versions[0]) == 12


def test_two_services_read_one_array_each_with_keys_of_its_own() -> None:
    file = farm()

    check(file, [FIELDS, MARKET])
    assert file.bound(FIELDS).fairs == (Sowing("spring", 7),)
    assert file.bound(MARKET).fairs == (Selling("spring", datetime(2026, 3, 1, 8, tzinfo=UTC)),)


def test_an_array_that_is_not_there_is_empty() -> None:
    file = RulesFile("farm.toml", FARM.partition("[[fairs]]")[0].encode())

    check(file, [FIELDS, MARKET])
    assert file.bound(FIELDS).fairs == ()


@pytest.mark.parametrize(
    ("written", "instead", "told"),
    [
        ("seeds = 7", "seeds = 7\nprice = 3", "line 10: fairs.0.price is no key of the rules"),
        ("seeds = 7", "seeds = '7'", "line 9: fairs.0.seeds should be"),
        ('name = "spring"\n', "", "line 7: fairs.0.name is missing"),
        ("[[fairs]]", "[fairs]", "line 7: fairs should be"),
        ("[[fairs]]", "[[fayres]]", "line 7: fayres is no section of the rules"),
        ("[[fairs]]", "[[market.fairs]]", "line 7: market.fairs must stand at the top"),
        ("acres = 3", "acres = 3\nfairs = 3", "line 3: fields.fairs must stand at the top"),
    ],
)
def test_a_shared_array_is_checked_against_all_who_read_it(
    written: str, instead: str, told: str
) -> None:
    with pytest.raises(BadRules, match=told):
        check(farm(written, instead), [FIELDS, MARKET])


@pytest.mark.parametrize(
    ("written", "told"),
    [("3", "fairs should be"), ("true", "fairs should be"), ("[3]", r"fairs\.0 should be")],
)
def test_what_is_no_array_of_tables_is_told(written: str, told: str) -> None:
    file = RulesFile("farm.toml", f"fairs = {written}\n{FARM.partition('[[fairs]]')[0]}".encode())

    with pytest.raises(BadRules, match=f"line 1: {told}"):
        check(file, [FIELDS, MARKET])


def test_what_is_wrong_with_a_shared_array_as_a_whole_is_told_at_its_line() -> None:
    with pytest.raises(BadRules, match=r"farm\.toml, line 7: fairs\.0 finds no stall"):
        farm("stalls = 2", "stalls = 0").bound(MARKET)


def test_a_service_does_not_mind_what_others_read() -> None:
    file = farm("stalls = 2", "stalls = 'two'")

    assert file.bound(FIELDS).acres == 3
    with pytest.raises(BadRules, match=r"market\.stalls"):
        file.bound(MARKET)


def test_what_players_would_lose_is_refused_with_its_line() -> None:
    farm("acres = 3", "acres = 4").refuse_losses(FIELDS, farm())

    with pytest.raises(BadRules, match=r"farm\.toml, line 2: fields\.acres fell"):
        farm("acres = 3", "acres = 2").refuse_losses(FIELDS, farm())


def test_a_file_of_old_is_read_by_the_shape_of_today() -> None:
    old = RulesFile("old", b"[fields]\nacres = 5\nhorses = 2\n")
    without = RulesFile("older", b"[fields]\nhorses = 2\n")

    assert old.bound_after(FIELDS, farm()) == Fields(5)
    assert without.bound_after(FIELDS, farm()) == Fields(3)
    assert RulesFile("odd", b"[fields]\nacres = 'x'").bound_after(FIELDS, farm()) is None
