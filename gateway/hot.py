"""The hot calls: what many players ask at once goes to the services in batches."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from gateway.clients import Services
from gateway.coalescer import Coalescer
from protos.auth.v1 import auth_pb2
from protos.inventory.v1 import inventory_pb2
from protos.session.v1 import session_pb2
from protos.world.v1 import world_pb2
from services.kit.errors import Failure, from_item
from services.kit.failpoints import reach


class Whole(NamedTuple):
    """Everything that a profile shows."""

    user: auth_pb2.User
    hero: session_pb2.Hero
    wardrobe: inventory_pb2.Wardrobe
    world: world_pb2.World


class Hot:
    """One coalescer per hot call; every method is asked with the player first."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.profile = Coalescer(self._profiles)
        self.tasks = Coalescer(self._tasks)
        self.inventory = Coalescer(self._inventories)
        self.start = Coalescer(self._starts)
        self.complete = Coalescer(self._completes)

    async def drain(self) -> None:
        """Returns when nothing is in flight."""
        every = (self.profile, self.tasks, self.inventory, self.start, self.complete)
        await asyncio.gather(*(coalescer.drain() for coalescer in every))

    async def _profiles(self, users: list[str], timeout_s: float) -> Sequence[Whole | Failure]:
        auth, session, world = self._services.auth, self._services.session, self._services.world
        accounts, heroes, wardrobes, worlds = await asyncio.gather(
            auth.call(
                auth.methods.BatchGetUsers,
                auth_pb2.BatchGetUsersRequest(user_ids=users),
                timeout_s=timeout_s,
            ),
            session.call(
                session.methods.BatchGetHeroes,
                session_pb2.BatchGetHeroesRequest(user_ids=users),
                timeout_s=timeout_s,
            ),
            self._wardrobes(users, timeout_s),
            world.call(
                world.methods.BatchGetWorlds,
                world_pb2.BatchGetWorldsRequest(user_ids=users),
                timeout_s=timeout_s,
            ),
        )
        return [
            from_item(account.failure)
            if account.WhichOneof("outcome") == "failure"
            else Whole(account.user, hero, wardrobe, its_world)
            for account, hero, wardrobe, its_world in zip(
                accounts.results, heroes.heroes, wardrobes, worlds.worlds, strict=True
            )
        ]

    async def _tasks(
        self, users: list[str], timeout_s: float
    ) -> Sequence[session_pb2.TaskList | Failure]:
        session = self._services.session
        request = session_pb2.BatchListTasksRequest(user_ids=users)
        answer = await session.call(session.methods.BatchListTasks, request, timeout_s=timeout_s)
        return answer.lists

    async def _inventories(
        self, users: list[str], timeout_s: float
    ) -> Sequence[inventory_pb2.Inventory | Failure]:
        inventory = self._services.inventory
        request = inventory_pb2.BatchGetInventoriesRequest(user_ids=users)
        method = inventory.methods.BatchGetInventories
        answer = await inventory.call(method, request, timeout_s=timeout_s)
        return answer.inventories

    async def _starts(
        self, starts: list[session_pb2.Start], timeout_s: float
    ) -> Sequence[session_pb2.StartResult | Failure]:
        session = self._services.session
        request = session_pb2.BatchStartSessionsRequest(starts=starts)
        method = session.methods.BatchStartSessions
        answer = await session.call(method, request, timeout_s=timeout_s)
        return [
            from_item(result.failure) if result.WhichOneof("outcome") == "failure" else result
            for result in answer.results
        ]

    async def _completes(
        self, completes: list[session_pb2.Complete], timeout_s: float
    ) -> Sequence[session_pb2.Completion | Failure]:
        session = self._services.session
        request = session_pb2.BatchCompleteSessionsRequest(completes=completes)
        method = session.methods.BatchCompleteSessions
        reach("gateway.complete.before_call")
        answer = await session.call(method, request, timeout_s=timeout_s)
        reach("gateway.complete.after_call")
        return [
            from_item(result.failure)
            if result.WhichOneof("outcome") == "failure"
            else result.completed
            for result in answer.results
        ]

    async def _wardrobes(
        self, users: list[str], timeout_s: float
    ) -> Sequence[inventory_pb2.Wardrobe]:
        inventory = self._services.inventory
        request = inventory_pb2.BatchGetWardrobesRequest(user_ids=users)
        method = inventory.methods.BatchGetWardrobes
        answer = await inventory.call(method, request, timeout_s=timeout_s)
        return answer.wardrobes
