"""A player's days: when they sit down, what they complete, what they buy, and what stands there in the evening."""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from services.inventory.events import period_at
from services.inventory.rules import RARITIES
from services.inventory.shop import Offer, dealt
from services.world.streak import shown
from town.balance.game import Game
from town.balance.life import FIRST_SESSIONS, Life, Session
from town.balance.players import Player
from town.balance.strategies import Buyer, Plan, planned

# The same for every run that names no other, because the shop and the events go by the date. A Thursday, as good as any.
FIRST_DAY: Final = date(2026, 1, 1)
SATURDAY: Final = 5
DAY: Final = timedelta(days=1)
MINUTE: Final = timedelta(minutes=1)
SEED_BYTES: Final = 32
NEVER: Final = datetime.min.replace(tzinfo=UTC)
# What is written down every evening, in this order.
CURVES: Final = ("level", "gold", "items")


class Reached(NamedTuple):
    """When somebody came to something: on which day, counted from 1, and after how many focused minutes."""

    day: int
    focus_minutes: int


class Lived(NamedTuple):
    """What became of one player. `curves` are the numbers of CURVES, evening by evening."""

    number: int
    strategy: str
    home: str
    moves: int
    days_played: int
    sessions: int
    focus_minutes: int
    wall_minutes: float
    level: int
    exp: int
    gold_earned: int
    gold_spent: int
    drops: int
    bought: int
    items: int
    streak: int
    longest_streak: int
    first_drop: int | None
    longest_drought: int
    # Of the first FIRST_SESSIONS sessions; None who played fewer.
    early_drops: int | None
    # How many sessions could drop with which chance, out of ROLLS.
    chances: Mapping[int, int]
    rooms: Mapping[tuple[str, int], Reached]
    # By rarity, when so much gold was earned that one could have been bought at its usual price.
    afforded: Mapping[str, Reached]
    # When nothing was missing of what could be obtained then; later events may bring more.
    everything: Reached | None
    curves: "array[int]"


class Market:
    """What the shop offers in a period, worked out once."""

    def __init__(self, game: Game) -> None:
        self._game = game
        self._offers: dict[datetime, Sequence[Offer]] = {}

    def offers(self, now: datetime) -> Sequence[Offer]:
        """Return the offers at an instant in UTC."""
        rules = self._game.inventory
        period = period_at(now, rules.events)
        if period.begins_at not in self._offers:
            rotation = dealt(period, self._game.items, rules.shop, rules.events)
            self._offers[period.begins_at] = rotation.offers
        return self._offers[period.begins_at]


def lived(
    player: Player, game: Game, market: Market, days: int, first_day: date = FIRST_DAY
) -> Lived:
    """Return what becomes of a player in so many days. Equal players have equal lives."""
    play = Play(player, game, market, first_day)
    for number in range(days):
        play.day(number)
    return play.outcome()


@dataclass(slots=True)
class Play:
    """A player's life so far."""

    player: Player
    game: Game
    market: Market
    first_day: date = FIRST_DAY
    life: Life = field(init=False)
    days_played: int = 0
    wall: timedelta = timedelta()
    # Nobody begins before the last session is completed, also who flies to an earlier hour.
    now: datetime = NEVER
    today: date = field(init=False)
    zone: str = "UTC"
    rooms: dict[tuple[str, int], Reached] = field(default_factory=dict)
    afforded: dict[str, Reached] = field(default_factory=dict)
    everything: Reached | None = None
    curves: "array[int]" = field(default_factory=lambda: array("i"))

    def __post_init__(self) -> None:
        self.life = Life(self.game, self.player.number)
        self.today = self.first_day

    def day(self, number: int) -> None:
        """Live through a day, counted from 0: play, or not, and write down what stands there."""
        self.zone = self.player.moves.get(number, self.zone)
        self.today = self.first_day + number * DAY
        is_weekend = self.today.weekday() >= SATURDAY
        plan = planned(self.player.strategy, self.player.dice, is_weekend=is_weekend)
        if plan:
            self._play(plan)
            self._shop(self.player.strategy.buys)
            self._note(number + 1)
        life = self.life
        self.curves.extend((life.growth.level, life.gold, len(life.owned)))

    def outcome(self) -> Lived:
        """Return what became of the player until now."""
        life, player = self.life, self.player
        is_known = life.sessions >= FIRST_SESSIONS
        return Lived(
            number=player.number,
            strategy=player.strategy.name,
            home=player.home,
            moves=len(player.moves) - 1,
            days_played=self.days_played,
            sessions=life.sessions,
            focus_minutes=life.focus_minutes,
            wall_minutes=self.wall / MINUTE,
            level=life.growth.level,
            exp=life.exp,
            gold_earned=life.gold_earned,
            gold_spent=life.gold_spent,
            drops=life.drops,
            bought=life.bought,
            items=len(life.owned),
            streak=shown(life.world, today=self.today, freezes=self.game.world.freezes),
            longest_streak=life.world.longest_streak,
            first_drop=life.first_drop,
            longest_drought=life.longest_drought,
            early_drops=life.early_drops if is_known else None,
            chances=life.chances,
            rooms=self.rooms,
            afforded=self.afforded,
            everything=self.everything,
            curves=self.curves,
        )

    def _play(self, plan: Plan) -> None:
        """Sit down, and complete a session after the other."""
        midnight = datetime.combine(self.today, time.min, ZoneInfo(self.zone))
        begins = (midnight + timedelta(minutes=plan.begins)).astimezone(UTC)
        began = now = max(begins, self.now)
        self.life.move(self.zone, now)
        randbytes, complete = self.player.dice.randbytes, self.life.complete
        for minutes, away_s in plan.sessions:
            ends_at = now + timedelta(minutes=minutes)
            now = ends_at + timedelta(seconds=away_s)
            complete(Session(minutes, ends_at, now, randbytes(SEED_BYTES)))
        self.now = now
        self.days_played += 1
        self.wall += now - began

    def _shop(self, buys: Buyer) -> None:
        """Buy of what is offered now until nothing more is wanted, or can be paid."""
        offers = self.market.offers(self.now)
        while possible := self.life.possible(offers):
            missing = self.life.missing(self.now)
            is_epic_missing = any(item.rarity == "epic" for item in missing)
            wanted = buys(possible, is_epic_missing)
            if wanted is None:
                return
            self.life.buy(wanted)

    def _note(self, day: int) -> None:
        """Write down what was reached today for the first time."""
        life = self.life
        for place in life.rooms.keys() - self.rooms.keys():
            self.rooms[place] = Reached(day, life.rooms[place])
        if len(self.afforded) < len(RARITIES):
            price = self.game.inventory.shop.price_gold
            for rarity in RARITIES:
                if rarity not in self.afforded and price.of(rarity) <= life.gold_earned:
                    self.afforded[rarity] = Reached(day, life.focus_minutes)
        if self.everything is None and not life.missing(self.now):
            self.everything = Reached(day, life.focus_minutes)
