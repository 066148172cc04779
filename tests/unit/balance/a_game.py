"""The game as it is shipped, and lives in it of which everything is written down."""

from datetime import datetime

from services.inventory.shop import Offer
from services.kit.settings import RULES
from services.world.streak import ZoneChange
from town.balance.crowd import Run
from town.balance.game import Game, game_of
from town.balance.life import Life, Session
from town.balance.play import Market, Play
from town.balance.players import Player, enrolled, player
from town.balance.strategies import strategies

GAME = game_of(RULES)
STRATEGIES = {strategy.name: strategy for strategy in strategies(GAME.session)}
NAMES = tuple(STRATEGIES)
MARKET = Market(GAME)


def a_run(players: int = 40, days: int = 30, seed: int = 7) -> Run:
    return Run(players, days, seed, GAME)


def a_player(name: str, number: int = 0, *, seed: int = 7, days: int = 120) -> Player:
    return player(number, STRATEGIES[name], seed=seed, days=days)


def a_traveller(name: str, days: int = 400) -> Player:
    """The first of that strategy who travels."""
    of_it = (a_player(name, number, days=days) for number in range(1_000))
    return next(one for one in of_it if len(one.moves) > 1)


class Watched(Life):
    """A life that remembers its sessions, what was paid, and where it was."""

    def __init__(self, number: int = 0, game: Game = GAME) -> None:
        super().__init__(game, number)
        self.heard: list[Session] = []
        self.prices: list[int] = []
        self.moves: list[ZoneChange] = []

    def complete(self, session: Session) -> None:
        self.heard.append(session)
        super().complete(session)

    def buy(self, offer: Offer) -> None:
        self.prices.append(offer.price_gold)
        super().buy(offer)

    def move(self, zone: str, now: datetime) -> None:
        super().move(zone, now)
        if self.world.zone_changed_at == now:
            self.moves.append(ZoneChange("0", now, zone))


def watched(who: Player, days: int) -> tuple[Play, Watched]:
    """So many days of a player, played and watched."""
    play, life = Play(who, GAME, MARKET), Watched(who.number)
    play.life = life
    for day in range(days):
        play.day(day)
    return play, life


def shares(count: int) -> dict[str, int]:
    names = [strategy.name for strategy in enrolled(count, tuple(STRATEGIES.values()))]
    return {name: names.count(name) for name in NAMES}
