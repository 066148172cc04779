"""Serves the monolith with two workers: `python -m bench.baseline PORT`, on a new database."""

import asyncio
import contextlib
import multiprocessing
import sys

from sqlalchemy.ext.asyncio import AsyncSession

from bench.baseline.app import engine
from bench.baseline.models import Base, Item
from bench.baseline.worker import serve

WORKERS = 2
PER_KIND = 4


async def prepare() -> None:
    """Makes the tables, and a catalogue of the town's size."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with AsyncSession(engine) as session:
        session.add_all(
            Item(
                name=f"{rarity} {kind} {number}",
                type=kind,
                rarity=rarity,
                sprite_key=f"{kind}_{rarity}_{number}",
            )
            for kind in ("hat", "outfit", "accessory")
            for rarity in ("common", "rare", "epic")
            for number in range(PER_KIND)
        )
        await session.commit()
    await engine.dispose()


def main() -> None:
    """Prepares the database, then serves until SIGINT."""
    asyncio.run(prepare())
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=serve, args=(int(sys.argv[1]),)) for _ in range(WORKERS)]
    for one in workers:
        one.start()
    with contextlib.suppress(KeyboardInterrupt):
        for one in workers:
            one.join()
    for one in workers:
        one.terminate()
        one.join()


if __name__ == "__main__":
    main()
