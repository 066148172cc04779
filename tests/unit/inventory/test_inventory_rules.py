"""Which item drops, and what is worn: the laws that hold for every luck."""

import itertools
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inventory.catalogue_file import read_catalogue
from services.inventory.events import obtainable
from services.inventory.play import SHAPE
from services.inventory.rules import (
    Item,
    RarityWeights,
    Worn,
    display_order,
    dressed,
    dropped,
)
from services.kit.rulesfile import load
from services.kit.settings import RULES

WEIGHTS = RarityWeights(common=75, rare=20, epic=5)
ITEMS = [
    Item(f"{rarity}-{number}", f"{rarity} {number}", "hat", rarity, f"hat_{rarity}_{number}")
    for rarity in ("common", "rare", "epic")
    for number in range(3)
]
IDS = [item.id for item in ITEMS]
LUCK = st.binary(min_size=16, max_size=16)


def luck(*, rarity: int = 0, item: int = 0) -> bytes:
    return rarity.to_bytes(8) + item.to_bytes(8)


def ids_of(rarity: str) -> set[str]:
    return {item.id for item in ITEMS if item.rarity == rarity}


def rarities_over_all_rolls(owned: set[str], rolls: int) -> Counter[str]:
    found = [dropped(luck(rarity=r), ITEMS, owned=owned, weights=WEIGHTS) for r in range(rolls)]
    return Counter(item.rarity for item in found if item)


def test_over_all_rolls_each_rarity_drops_as_often_as_it_weighs() -> None:
    counted = rarities_over_all_rolls(set(), 100)

    assert counted == {"common": 75, "rare": 20, "epic": 5}


def test_a_rarity_that_is_owned_completely_leaves_its_weight_to_the_others() -> None:
    counted = rarities_over_all_rolls(ids_of("common"), 25)

    assert counted == {"rare": 20, "epic": 5}


def test_the_last_rarity_left_drops_whatever_the_roll() -> None:
    counted = rarities_over_all_rolls(ids_of("common") | ids_of("rare"), 7)

    assert counted == {"epic": 7}


def test_common_comes_first_then_rare_then_epic() -> None:
    rolls = [0, 74, 75, 94, 95, 99, 100]

    found = [dropped(luck(rarity=r), ITEMS, owned=(), weights=WEIGHTS) for r in rolls]

    names = [item.rarity for item in found if item]
    assert names == ["common", "common", "rare", "rare", "epic", "epic", "common"]


def test_the_last_bytes_choose_evenly_in_the_order_of_the_ids() -> None:
    found = [dropped(luck(item=n), ITEMS, owned=(), weights=WEIGHTS) for n in range(4)]

    assert [item.id for item in found if item] == ["common-0", "common-1", "common-2", "common-0"]


def test_the_bytes_are_read_from_the_most_significant() -> None:
    first = bytes([0, 0, 0, 0, 0, 0, 0, 95]) + bytes([0, 0, 0, 0, 0, 0, 1, 0])

    item = dropped(first, ITEMS, owned=(), weights=WEIGHTS)

    # 95 is the first roll of epic; 256 mod 3 is 1.
    assert item is not None
    assert item.id == "epic-1"


@given(luck=LUCK, owned=st.sets(st.sampled_from(IDS)))
def test_every_luck_gives_an_item_that_is_not_owned_unless_all_are(
    luck: bytes, owned: set[str]
) -> None:
    item = dropped(luck, ITEMS, owned=owned, weights=WEIGHTS)

    assert (item is None) == (owned == set(IDS))
    assert item is None or item.id not in owned


@given(luck=LUCK, owned=st.sets(st.sampled_from(IDS)), items=st.permutations(ITEMS))
def test_the_order_of_the_catalogue_changes_nothing(
    luck: bytes, owned: set[str], items: list[Item]
) -> None:
    assert dropped(luck, items, owned=owned, weights=WEIGHTS) == dropped(
        luck, ITEMS, owned=owned, weights=WEIGHTS
    )


@given(seed=st.integers())
def test_as_many_drops_as_items_give_every_item_once(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311  # Luck of a test.
    owned: list[str] = []

    for _ in ITEMS:
        item = dropped(dice.randbytes(16), ITEMS, owned=owned, weights=WEIGHTS)
        owned += [item.id] if item else []

    assert sorted(owned) == sorted(IDS)


def test_over_many_drops_rarities_and_items_come_near_their_chances() -> None:
    dice = random.Random(20250101)  # noqa: S311  # The same throws in every run.
    items = obtainable(read_catalogue(), load(RULES, SHAPE).rules.events, None)
    found = [dropped(dice.randbytes(16), items, owned=(), weights=WEIGHTS) for _ in range(20_000)]

    rarities = Counter(item.rarity for item in found if item)
    epics = Counter(item.id for item in found if item and item.rarity == "epic")

    # Five standard deviations: sqrt(20,000 · p · (1 - p)) is 61, 57 and 31.
    assert abs(rarities["common"] - 15_000) < 5 * 61
    assert abs(rarities["rare"] - 4_000) < 5 * 57
    assert abs(rarities["epic"] - 1_000) < 5 * 31
    # Nine epics share about 1,000 drops: 111 each, standard deviation 10.
    assert all(60 < epics[item.id] < 162 for item in items if item.rarity == "epic")


@pytest.mark.parametrize("size", [0, 15, 17, 32])
def test_luck_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="not 16"):
        dropped(bytes(size), ITEMS, owned=(), weights=WEIGHTS)


@pytest.mark.parametrize("weights", [(0, 20, 5), (75, 0, 5), (75, 20, 0), (75, -1, 5)])
def test_a_rarity_that_could_never_drop_is_refused(weights: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="must be from 1 up to"):
        RarityWeights(*weights)


def test_the_shipped_rules_weigh_75_20_5() -> None:
    rules, _ = load(RULES, SHAPE)

    assert rules.rarity_weights == WEIGHTS


def test_dressing_changes_one_slot_only() -> None:
    worn = Worn(hat="straw", accessory="mug")

    assert dressed(worn, "hat", "beret") == Worn(hat="beret", accessory="mug")
    assert dressed(worn, "accessory", None) == Worn(hat="straw")


def test_dressing_twice_is_dressing_once() -> None:
    once = dressed(Worn(), "outfit", "cardigan")

    assert dressed(once, "outfit", "cardigan") == once


def test_a_catalogue_is_shown_by_type_then_rarity_then_name() -> None:
    types, rarities = ("accessory", "hat", "outfit"), ("epic", "common", "rare")
    items = [
        Item(name, name, kind, rarity, name)
        for kind, rarity, name in itertools.product(types, rarities, ("B", "A"))
    ]

    shown = [(i.type, i.rarity, i.name) for i in sorted(items, key=display_order)]

    assert shown == [
        (kind, rarity, name)
        for kind in ("hat", "outfit", "accessory")
        for rarity in ("common", "rare", "epic")
        for name in ("A", "B")
    ]
