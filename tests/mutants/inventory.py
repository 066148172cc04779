"""Slips in the inventory service: an item that comes twice, or otherwise than it was decided."""

from tests.mutants.mutant import Mutant

_DROPS = "tests/service/inventory/test_inventory_drops.py"
_RACES = "tests/service/inventory/test_inventory_races.py"
_OPERATORS = "tests/service/inventory/test_inventory_operators.py"

MUTANTS = (
    Mutant(
        name="the wardrobe is not locked while items come",
        file="services/inventory/store.py",
        before="_WARDROBES.with_for_update(of=wardrobe)",
        after="_WARDROBES",
        tests=(f"{_RACES}::test_many_sessions_of_one_player_at_once_never_give_one_item_twice",),
    ),
    Mutant(
        name="no unique key keeps a session to one item",
        file="services/inventory/migrations/versions/0001_a_new_town.py",
        before='"user_id", "session_id", name=op.f("inventory_user_id_session_id_key")',
        after='"user_id", "item_id", "session_id", name=op.f("inventory_user_id_session_id_key")',
        tests=(
            f"{_RACES}::test_the_database_refuses_a_second_copy_and_a_second_item_of_a_session",
        ),
    ),
    Mutant(
        name="a drop that is told again is rolled again",
        file="services/inventory/drops.py",
        before="for d in drops if d.key not in told and len(d.luck) == LUCK_BYTES}",
        after="for d in drops if len(d.luck) == LUCK_BYTES}",
        tests=(f"{_DROPS}::test_a_drop_told_again_gives_what_it_gave",),
    ),
    Mutant(
        name="two drops of one batch do not know of each other",
        file="services/inventory/drops.py",
        before="            held[user].add(item.id)\n",
        after="            pass\n",
        tests=(f"{_DROPS}::test_a_batch_is_decided_drop_by_drop_in_one_transaction",),
    ),
    Mutant(
        name="a drop that gave nothing is not recorded, and may give something later",
        file="services/inventory/drops.py",
        before="uuid7(grant.obtained_at)) for grant in grants]",
        after="uuid7(grant.obtained_at)) for grant in grants if grant.item_id]",
        tests=(f"{_DROPS}::test_a_drop_that_gave_nothing_gives_nothing_for_ever",),
    ),
    Mutant(
        name="the next start undoes what an operator changed",
        file="services/inventory/catalogue_store.py",
        before="            item.c.edited_at.is_(None),\n",
        after="",
        tests=(f"{_OPERATORS}::test_what_an_operator_changed_survives_the_next_start",),
    ),
    Mutant(
        name="an operator's change has no entry in the trail",
        file="services/inventory/editing.py",
        before="""    trail.add(connection, warrant, Act("item.update", NOBODY, row.id, changes), now=now)
""",
        after="",
        tests=(f"{_OPERATORS}::test_what_is_given_of_an_item_is_changed_with_one_entry",),
    ),
)
