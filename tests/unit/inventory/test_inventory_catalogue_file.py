"""The cosmetics that the town ships with, and how a bad file is told."""

from pathlib import Path

import pytest

from services.inventory.catalogue_file import BadCatalogue, read_catalogue
from services.inventory.events import obtainable
from services.inventory.play import SHAPE
from services.kit.ids import is_canonical
from services.kit.rulesfile import load
from services.kit.settings import RULES

HAT = """[[items]]
id = "01941f29-7fe8-70e6-9457-dc1f65ef223c"
name = "Straw Hat"
type = "hat"
rarity = "common"
sprite_key = "hat_straw"
"""
COAT = """[[items]]
id = "01941f29-83d0-7efb-ba6d-07064f6e04a6"
name = "Rainy Day Coat"
type = "outfit"
rarity = "rare"
sprite_key = "outfit_rainy_day_coat"
"""


def fault_of(folder: Path, text: str) -> str:
    path = folder / "catalogue.toml"
    path.write_text(text)
    with pytest.raises(BadCatalogue) as caught:
        read_catalogue(path)
    return str(caught.value)


EVENTS = load(RULES, SHAPE).rules.events
EVERYDAY = obtainable(read_catalogue(), EVENTS, None)


def test_the_town_ships_at_least_36_items_that_no_event_has() -> None:
    assert len(EVERYDAY) >= 36


def test_there_is_each_type_in_each_rarity_outside_all_events() -> None:
    found = {(item.type, item.rarity) for item in EVERYDAY}

    assert found == {
        (kind, rarity)
        for kind in ("hat", "outfit", "accessory")
        for rarity in ("common", "rare", "epic")
    }


def test_the_shipped_season_has_items_of_each_type_and_they_are_in_the_catalogue() -> None:
    items = {item.id: item for item in read_catalogue()}

    for event in EVENTS:
        own = [items[item_id] for item_id in event.items]
        assert {item.type for item in own} == {"hat", "outfit", "accessory"}
        assert not {*own} & {*EVERYDAY}


def test_the_shipped_season_changes_no_formula() -> None:
    percents = {(e.exp_percent, e.gold_percent, e.price_percent) for e in EVENTS}

    assert percents == {(100, 100, 100)}


def test_shipped_ids_are_canonical_and_of_version_7() -> None:
    ids = [item.id for item in read_catalogue()]

    assert all(is_canonical(item_id) and item_id[14] == "7" for item_id in ids)


def test_a_sprite_key_tells_the_type() -> None:
    assert all(item.sprite_key.startswith(f"{item.type}_") for item in read_catalogue())


def test_a_good_file_gives_its_items_in_order(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.toml"
    path.write_text(HAT + COAT)

    assert [item.name for item in read_catalogue(path)] == ["Straw Hat", "Rainy Day Coat"]


@pytest.mark.parametrize(
    ("good", "bad", "fault"),
    [
        ('"outfit"', '"shoe"', "line 7: type: Input should be 'hat', 'outfit' or 'accessory'"),
        ('"rare"', '"mythic"', "line 7: rarity: Input should be 'common', 'rare' or 'epic'"),
        ('"Rainy Day Coat"', '""', "line 7: name: String should have at least 1 character"),
        ('"Rainy Day Coat"', "7", "line 7: name: Input should be a valid string"),
        ("4f6e04a6", "4F6E04A6", "line 7: id: Value error, must be a canonical UUID"),
        ("_rainy_day", " rainy", "line 7: sprite_key: String should match pattern"),
        ("name =", "title =", "line 7: name: Field required"),
        ("rarity =", "rarities =", "line 7: rarities: Extra inputs are not permitted"),
    ],
)
def test_a_bad_item_is_named_by_its_line(tmp_path: Path, good: str, bad: str, fault: str) -> None:
    message = fault_of(tmp_path, HAT + COAT.replace(good, bad))

    assert fault in message


@pytest.mark.parametrize("field", ["id", "name", "sprite_key"])
def test_what_two_items_share_is_named_by_both_lines(tmp_path: Path, field: str) -> None:
    hat, coat = HAT.splitlines(), COAT.splitlines()
    at = next(n for n, line in enumerate(coat) if line.startswith(field))

    message = fault_of(tmp_path, "\n".join([*hat, *coat[:at], hat[at], *coat[at + 1 :]]))

    assert f"line 1: {field}: another item has the same" in message
    assert f"line 7: {field}: another item has the same" in message


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    message = fault_of(tmp_path, HAT.replace('"hat"', '"shoe"') + COAT.replace("rare", "mythic"))

    assert "line 1: type" in message
    assert "line 7: rarity" in message


def test_what_is_no_toml_is_named_by_its_line(tmp_path: Path) -> None:
    message = fault_of(tmp_path, HAT + "name = \n")

    assert "at line 7" in message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadCatalogue, match=r"nowhere\.toml cannot be read"):
        read_catalogue(tmp_path / "nowhere.toml")


@pytest.mark.parametrize("text", ["", "items = []", 'items = [{ name = "Straw Hat" }]'])
def test_items_without_lines_of_their_own_are_refused(tmp_path: Path, text: str) -> None:
    assert "a line [[items]] of its own" in fault_of(tmp_path, text)
