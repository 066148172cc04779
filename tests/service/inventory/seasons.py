"""A fair with items of its own, in a year to which only a sandbox's clock comes."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from services.inventory.catalogue_file import read_catalogue
from services.kit.times import rfc3339
from tests.season import event
from tests.service.inventory.stock import shipped

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
# No event of the shipped rules has them; of each type one.
OWN = [next(i.id for i in shipped() if i.type == kind) for kind in ("hat", "outfit", "accessory")]
NOBODYS = "0192f0c1-2c3d-7e4f-8a5b-6c7d8e9f0a1c"
ANNOUNCED = datetime(2030, 5, 1, tzinfo=UTC)
STARTS = datetime(2030, 6, 10, 9, tzinfo=UTC)
ENDS = datetime(2030, 6, 20, 21, tzinfo=UTC)
# Everything, where there is no other event, that can be obtained at any time.
OTHERS = {item.id for item in read_catalogue()} - {*OWN}


def fair(items: Sequence[str] = OWN, **changes: str) -> str:
    """The fair, as a rules file tells it: at the usual rewards and prices unless said."""
    usual = dict.fromkeys(("exp_percent", "gold_percent", "drop_chance"))
    told = {"id": '"fair"', "name": '"Summer Fair"', "announced_at": rfc3339(ANNOUNCED)}
    return event(STARTS, ENDS, **usual | told | {"items": str([*items])} | changes)
