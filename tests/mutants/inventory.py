"""Slips in the inventory service: an item that comes twice, or otherwise than it was decided."""

from tests.mutants.mutant import Mutant

_DROPS = "tests/service/inventory/test_inventory_drops.py"
_RACES = "tests/service/inventory/test_inventory_races.py"
_EVENTS = "tests/service/inventory/test_inventory_events.py"
_ROTATIONS = "tests/service/inventory/test_inventory_rotations.py"
_SHOP = "tests/service/inventory/test_inventory_shop.py"
_RULES = "tests/unit/inventory/test_inventory_events_rules.py"
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
    Mutant(
        name="an event's items drop by when the drop is delivered, not by when its session started",
        file="services/inventory/service.py",
        before='    started_at = instant(told.started_at) if told.HasField("started_at") else None\n',
        after="""    from datetime import UTC, datetime
    started_at = datetime.now(UTC)
""",
        tests=(f"{_EVENTS}::test_an_event_s_items_drop_by_when_the_session_started",),
    ),
    Mutant(
        name="a drop is chosen by the rules of now, whatever rules paid its session",
        file="services/inventory/service.py",
        before="        return found or current\n",
        after="        return current\n",
        tests=(
            f"{_EVENTS}::test_a_drop_is_chosen_by_the_rules_of_its_session_in_one_batch_with_others",
        ),
    ),
    Mutant(
        name="an event still runs at the instant at which it ends",
        file="services/inventory/events.py",
        before="event.starts_at <= at < event.ends_at), None)",
        after="event.starts_at <= at <= event.ends_at), None)",
        tests=(f"{_RULES}::test_an_event_runs_from_its_start_until_before_its_end",),
    ),
    Mutant(
        name="an event's items can be obtained at any time",
        file="services/inventory/events.py",
        before="    return [item for item in items if item.id not in away]\n",
        after="    return [item for item in items if item.id not in away or event is None]\n",
        tests=(f"{_EVENTS}::test_what_can_be_obtained_is_shown_by_the_players_clock",),
    ),
    Mutant(
        name="the offers are dealt anew at every look",
        file="services/inventory/rotations.py",
        before="        return self._by_record(row) if row else self._dealt(at, edition)\n",
        after="        return self._dealt(at, edition)\n",
        tests=(f"{_ROTATIONS}::test_other_prices_wait_for_the_next_rotation",),
    ),
    Mutant(
        name="a retired item stays among the offers",
        file="services/inventory/rotations.py",
        before="        left = {item.id: item for item in catalogue.obtainable}\n",
        after="        left = catalogue.items\n",
        tests=(
            f"{_ROTATIONS}::test_a_retired_item_leaves_at_once_and_what_is_left_has_another_id",
        ),
    ),
    Mutant(
        name="a player of the sandbox records tomorrow for everybody",
        file="services/inventory/rotations.py",
        before="""        if row is None and period_at(at, edition.rules.events).holds(now):
            present = self._first(now, edition)
""",
        after="""        if row is None:
            present = self._first(at, edition)
""",
        tests=(f"{_ROTATIONS}::test_what_only_a_sandbox_s_clock_has_reached_is_not_recorded",),
    ),
    Mutant(
        name="two processes record offers of one time beside each other",
        file="services/inventory/rotations.py",
        before="        rotation_store.lock_rotations(connection)\n",
        after="",
        tests=(
            f"{_ROTATIONS}::test_of_two_processes_that_both_found_no_record_one_records_for_both",
        ),
    ),
    Mutant(
        name="what a record left over overlaps the next one",
        file="services/inventory/rotations.py",
        before="rotation_store.free_around(connection, at, period_at(at, edition.rules.events))",
        after="period_at(at, edition.rules.events)",
        tests=(
            f"{_ROTATIONS}::test_an_event_that_is_taken_back_is_sold_until_its_rotation_ends_and_records_never_overlap",
        ),
    ),
    Mutant(
        name="an offer is sold from another rotation than the one that the buyer saw",
        file="services/inventory/sales.py",
        before="        if offer is None or window.rotation.id != rotation_id:\n",
        after="        if offer is None:\n",
        tests=(f"{_SHOP}::test_an_offer_of_yesterday_has_no_quote",),
    ),
    Mutant(
        name="a new name deals the offers of today anew",
        file="services/inventory/shop.py",
        before='sorted(f"{offer.item.id}={offer.price_gold}" for offer in offers)',
        after='f"{offer.item.id}={offer.price_gold}" for offer in offers',
        tests=(f"{_ROTATIONS}::test_a_renamed_item_keeps_its_offer",),
    ),
)
