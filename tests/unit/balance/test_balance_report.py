"""The report finds what pays too well, and is a page that stands alone."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, time
from html.parser import HTMLParser
from typing import Final
from xml.etree import ElementTree as ET

import pytest

from services.session.events import Event
from services.session.rules import Rules
from tests.unit.balance.a_game import GAME, NAMES, a_run
from town.balance.crowd import Run, lives
from town.balance.exploit import Finding, findings
from town.balance.figures import Folk, at_share, folks, spread
from town.balance.play import CURVES
from town.balance.report import FILES, report
from town.balance.svg import Axis, number

# Elements that have no end.
VOID: Final = {"meta"}
SHORTEST = "farmer of the shortest"


def all_folks(run: Run) -> list[Folk]:
    return list(folks(run, lives(run, 1)))


def found(run: Run) -> dict[str, Finding]:
    return {finding.measure: finding for finding in findings(all_folks(run))}


@pytest.fixture(scope="module")
def html() -> str:
    run = a_run()
    each = all_folks(run)
    return report(run, each, findings(each))


class Reader(HTMLParser):
    """Reads a page, and minds that whatever is opened is closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.seen if name == tag]


def test_the_shipped_rules_pay_who_farms_the_shortest_sessions() -> None:
    by_measure = found(a_run(players=60, days=60))

    assert not by_measure["exp"].is_flagged
    assert not by_measure["gold"].is_flagged
    for measure in ("drops", "successes"):
        finding = by_measure[measure]
        assert finding.is_flagged
        assert finding.leader == SHORTEST
        assert 5 < finding.ratio < 15
    # Sixty minutes of 5 against sixty minutes of 180.
    of_progress = by_measure["successes"].rates
    assert of_progress[SHORTEST] == pytest.approx(12)
    assert of_progress[SHORTEST] / of_progress["farmer of the longest"] == pytest.approx(36)


def test_rules_whose_sessions_are_all_as_long_flag_nothing() -> None:
    starters = GAME.session.starters[:1]
    same = replace(GAME.session, minimum_minutes=25, maximum_minutes=25, starters=starters)
    run = replace(a_run(players=60, days=60), game=replace(GAME, session=same))

    by_measure = found(run)

    assert by_measure["successes"].ratio == pytest.approx(1)
    assert [name for name, finding in by_measure.items() if finding.is_flagged] == []


def test_a_finding_is_told_in_words_with_each_ratio() -> None:
    finding = Finding("drops", {"casual": 0.25, "steady": 0.2, SHORTEST: 1.2})

    assert finding.ratio == pytest.approx(1.2 / 0.225)
    assert finding.times() == "5.3 times"
    assert finding.sentence() == (
        "drops: the farmer of the shortest earns 1.2 in a focused hour, that is 4.8 times casual, 6.0 times steady."
    )


def test_what_is_not_flagged_still_tells_who_earns_least() -> None:
    finding = Finding("successes", {"casual": 2.0, "steady": 1.5, "saver": 1.5, "binge": 0.3})

    assert finding.sentence() == (
        "successful sessions (town progress): nobody earns much more than the others;"
        " from 0.3 (binge) to 2 (casual) in a focused hour."
    )


def test_where_nobody_earns_nothing_is_flagged() -> None:
    nobody = Finding("drops", {"casual": 0.0, "steady": 0.0})
    only_one = Finding("drops", {"casual": 0.0, "steady": 1.0})

    assert not nobody.is_flagged
    assert only_one.is_flagged
    assert only_one.times() == "infinitely more than"


def test_folks_come_in_the_order_of_the_strategies_with_an_evening_a_day() -> None:
    run = a_run(players=25, days=12)

    each = all_folks(run)

    assert [folk.strategy.name for folk in each] == list(NAMES)
    assert {len(each[0].evenings[curve]) for curve in CURVES} == {12}


def test_a_milestone_that_fewer_than_half_reach_has_no_day() -> None:
    casual, *_, shortest = all_folks(a_run(players=40, days=7))

    assert casual.everything.day is None
    assert casual.everything.share == 0
    assert shortest.rooms["plaza", 2].day == 1
    assert shortest.rooms["plaza", 2].focus_hours == 2.5


def test_shares_of_values_are_values() -> None:
    values = list(range(1, 12))

    assert [at_share(values, share) for share in (0.1, 0.5, 0.9)] == [2, 6, 10]
    assert spread([7]) == (7, 7, 7, 7)


def test_the_page_is_well_formed_and_needs_no_other_host(html: str) -> None:
    reader = Reader(html)

    assert reader.opened == []
    addresses = [a.get("href") for a in reader.all("a")]
    assert addresses == list(FILES)
    assert not re.search(
        r"(https?:)?//|url\(|@import", html.partition("</style>")[0].partition("<style>")[2]
    )
    assert "http" not in html
    for name in ("script", "link", "iframe", "img"):
        assert reader.all(name) == []


def test_the_page_fits_a_phone_and_the_dark(html: str) -> None:
    names = {a.get("name"): a.get("content") for a in Reader(html).all("meta")}

    assert names["viewport"] == "width=device-width, initial-scale=1"
    assert "prefers-color-scheme: dark" in html


def test_every_plot_says_what_it_is_with_units_and_has_its_figures_beside_it(html: str) -> None:
    figures = re.findall(r"<figure>.*?</figure>", html, re.DOTALL)

    assert len(figures) >= 6
    for figure in figures:
        root = ET.fromstring(figure)  # noqa: S314 - we wrote it
        assert root.findtext("figcaption/h3")
        (drawing,) = root.iterfind("div/svg")
        assert drawing.get("role") == "img"
        assert drawing.findtext("title")
        assert [words for words in drawing.iter("text") if words.get("class") == "label"]
        assert root.find("details/div/table/caption") is not None


def test_the_page_tells_the_finding_and_flags_it(html: str) -> None:
    assert html.count('<li class="flagged">') == 2
    assert f"the {SHORTEST} earns 12 in a focused hour" in html


@pytest.mark.parametrize(
    "session",
    [
        replace(GAME.session, drop_chance=0),
        replace(GAME.session, drop_chance=10_000),
        replace(GAME.session, gold_per_minute=0, exp_per_minute=0),
    ],
)
def test_extreme_rules_still_make_a_report(session: Rules) -> None:
    run = replace(a_run(players=25, days=1), game=replace(GAME, session=session))
    each = all_folks(run)

    html = report(run, each, findings(each))

    assert Reader(html).opened == []


def at(first: date, last: date) -> Event:
    """An event of whole days in UTC, in which everything drops."""
    starts, ends = (datetime.combine(day, time.min, UTC) for day in (first, last))
    return Event("fair", "A fair", starts, starts, ends, 150, 100, 10_000)


def run_beside(event: Event) -> Run:
    """Ten days in March 2030, of rules with an event."""
    game = replace(GAME, session=replace(GAME.session, events=(event,)))
    return replace(a_run(players=25, days=10), game=game, first_day=date(2030, 3, 1))


@pytest.mark.parametrize(
    ("first", "last", "is_met"),
    [
        (date(2030, 2, 1), date(2030, 2, 28), False),
        # A date begins in the east before it does in UTC, and ends later in the west.
        (date(2030, 2, 1), date(2030, 3, 1), True),
        (date(2030, 3, 4), date(2030, 3, 6), True),
        (date(2030, 3, 11), date(2030, 4, 1), True),
        (date(2030, 3, 12), date(2030, 4, 1), False),
    ],
)
def test_a_run_knows_which_events_run_on_its_days(
    first: date,
    last: date,
    is_met: bool,  # noqa: FBT001
) -> None:
    assert [event.id for event in run_beside(at(first, last)).events()] == ["fair"] * is_met


def test_drops_in_an_event_are_expected_by_its_chance_and_the_page_names_it() -> None:
    run = run_beside(at(date(2030, 3, 4), date(2030, 3, 6)))
    each = all_folks(run)

    html = report(run, each, findings(each))

    assert "2030-03-01 to 2030-03-10, these run: fair (A fair) from 2030-03-04T00:00" in html
    assert "were to be expected at 10.00% and 100.00%" in html
    assert "chance may well bring that" in html
    assert "not held against one distribution" in html
    assert Reader(html).opened == []


def test_rules_without_rooms_still_make_a_report() -> None:
    run = replace(
        a_run(players=25, days=1), game=replace(GAME, world=replace(GAME.world, upgrades=()))
    )
    each = all_folks(run)

    assert Reader(report(run, each, findings(each))).opened == []


def test_an_axis_has_round_ticks_within_it() -> None:
    straight = Axis("gold", 0, 930, 0, 100)
    log = Axis("day", 1, 365, 0, 100, is_log=True)

    assert list(straight.ticks()) == [0, 200, 400, 600, 800]
    assert list(log.ticks()) == [1, 2, 5, 10, 20, 50, 100, 200]
    assert (straight.at(465), log.at(1), log.at(0)) == (50, 0, 0)


def test_numbers_are_written_for_people() -> None:
    assert [number(n) for n in (0.0, 0.25, 12.0, 1234.5)] == ["0", "0.25", "12", "1,234"]
