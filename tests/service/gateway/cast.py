"""The four services as actors, who say their lines when nobody tells them others."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from protos.audit.v1 import audit_pb2, audit_pb2_grpc
from protos.auth.v1 import auth_pb2, auth_pb2_grpc
from protos.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from protos.personal.v1 import personal_pb2, personal_pb2_grpc
from protos.session.v1 import session_pb2, session_pb2_grpc
from protos.timeline.v1 import timeline_pb2, timeline_pb2_grpc
from protos.world.v1 import world_pb2, world_pb2_grpc
from services.kit.errors import Unavailable
from tests.service.gateway.actor import Act, Actor, Play
from tests.service.gateway.lines import (
    DEVICE,
    HAT,
    STAMP,
    completion,
    delivery,
    entry,
    event,
    explained_streak,
    exported,
    finished,
    happening,
    happenings,
    hero,
    item,
    owned_item,
    receipt,
    session,
    statistics,
    stocked_item,
    task,
    trail,
    user,
    wardrobe,
    world,
)
from tests.service.peers import SECRET

# What every service offers beside its own.
BESIDE: tuple[Act, ...] = (
    (
        personal_pb2.DESCRIPTOR.services_by_name["PersonalDataService"],
        personal_pb2_grpc.add_PersonalDataServiceServicer_to_server,
    ),
    (
        audit_pb2.DESCRIPTOR.services_by_name["AuditService"],
        audit_pb2_grpc.add_AuditServiceServicer_to_server,
    ),
    (
        timeline_pb2.DESCRIPTOR.services_by_name["TimelineService"],
        timeline_pb2_grpc.add_TimelineServiceServicer_to_server,
    ),
)


def _started(request: Any) -> Any:
    results = [session_pb2.StartResult(started=session()) for _ in request.starts]
    return session_pb2.BatchStartSessionsResponse(results=results)


def _completed(request: Any) -> Any:
    results = [
        session_pb2.CompleteResult(completed=completion(c.user_id)) for c in request.completes
    ]
    return session_pb2.BatchCompleteSessionsResponse(results=results)


def _clock(answer: Callable[..., Any]) -> Play:
    clock = session_pb2.Clock(now=STAMP, offset=Duration(seconds=1500), revision=3)
    return lambda _: answer(clock=clock)


def session_actor() -> Actor:
    return Actor(
        "session",
        (
            session_pb2.DESCRIPTOR.services_by_name["SessionService"],
            session_pb2_grpc.add_SessionServiceServicer_to_server,
        ),
        *BESIDE,
        ExportUser=lambda _: [
            *exported("hero", '[{"gold":35}]'),
            *exported("session", '[{"n":1},{"n":2}]', '[{"n":3}]'),
        ],
        ListAudit=trail(),
        ListHappenings=happenings(
            happening(
                timeline_pb2.KIND_SESSION_COMPLETED,
                exp=50,
                gold=25,
                levels_gained=0,
                receipt=receipt(),
            )
        ),
        GetStatistics=lambda r: statistics(len(r.stretches)),
        BatchListTasks=lambda r: session_pb2.BatchListTasksResponse(
            lists=[session_pb2.TaskList(tasks=[task()]) for _ in r.user_ids]
        ),
        CreateTask=lambda _: session_pb2.CreateTaskResponse(task=task()),
        UpdateTask=lambda _: session_pb2.UpdateTaskResponse(task=task()),
        ArchiveTask=lambda _: session_pb2.ArchiveTaskResponse(),
        BatchStartSessions=_started,
        BatchCompleteSessions=_completed,
        CancelSession=lambda _: session_pb2.CancelSessionResponse(
            session=session(session_pb2.STATUS_CANCEL)
        ),
        GetActiveSession=lambda _: session_pb2.GetActiveSessionResponse(session=session()),
        ListSessions=lambda _: session_pb2.ListSessionsResponse(
            sessions=[
                finished(session_pb2.STATUS_SUCCESS),
                finished(session_pb2.STATUS_CANCEL),
            ]
        ),
        BatchGetHeroes=lambda r: session_pb2.BatchGetHeroesResponse(
            heroes=[hero(u) for u in r.user_ids]
        ),
        GetDropChance=lambda _: session_pb2.GetDropChanceResponse(chance=1000, rules_version="v"),
        BuyItem=lambda r: session_pb2.BuyItemResponse(
            item=owned_item(), gold_spent=100, hero=hero(r.user_id)
        ),
        GrantReward=lambda r: session_pb2.GrantRewardResponse(hero=hero(r.user_id)),
        ListDeliveries=lambda _: session_pb2.ListDeliveriesResponse(deliveries=[delivery(HAT)]),
        RetryDelivery=lambda r: session_pb2.RetryDeliveryResponse(delivery=delivery(r.delivery_id)),
        GetClock=_clock(session_pb2.GetClockResponse),
        AdvanceClock=_clock(session_pb2.AdvanceClockResponse),
        ResetClock=_clock(session_pb2.ResetClockResponse),
    )


def inventory_actor() -> Actor:
    return Actor(
        "inventory",
        (
            inventory_pb2.DESCRIPTOR.services_by_name["InventoryService"],
            inventory_pb2_grpc.add_InventoryServiceServicer_to_server,
        ),
        *BESIDE,
        ExportUser=lambda _: exported("inventory", "[]"),
        ListAudit=trail(),
        ListHappenings=happenings(
            happening(timeline_pb2.KIND_ITEM_OBTAINED, item_id=HAT, source="grant")
        ),
        BatchGetInventories=lambda r: inventory_pb2.BatchGetInventoriesResponse(
            inventories=[inventory_pb2.Inventory(items=[owned_item()]) for _ in r.user_ids]
        ),
        BatchGetWardrobes=lambda r: inventory_pb2.BatchGetWardrobesResponse(
            wardrobes=[wardrobe(u) for u in r.user_ids]
        ),
        ListItems=lambda _: inventory_pb2.ListItemsResponse(
            entries=[inventory_pb2.CatalogueEntry(item=item(), owned=True)]
        ),
        ListEvents=lambda _: inventory_pb2.ListEventsResponse(events=[event()]),
        EquipItem=lambda r: inventory_pb2.EquipItemResponse(
            wardrobe=inventory_pb2.Wardrobe(user_id=r.user_id, equipped_hat_id=r.item_id)
        ),
        UnequipSlot=lambda r: inventory_pb2.UnequipSlotResponse(
            wardrobe=inventory_pb2.Wardrobe(user_id=r.user_id)
        ),
        GetRarityWeights=lambda _: inventory_pb2.GetRarityWeightsResponse(
            weights=[inventory_pb2.RarityWeight(rarity=inventory_pb2.RARITY_COMMON, weight=75)]
        ),
        GetShop=lambda _: inventory_pb2.GetShopResponse(
            rotation_id="2026-01-01-0123456789ab",
            rotates_at=STAMP,
            offers=[inventory_pb2.Offer(item=item(), price_gold=100, owned=True)],
        ),
        GrantItem=lambda _: inventory_pb2.GrantItemResponse(item=owned_item()),
        ListCatalogue=lambda _: inventory_pb2.ListCatalogueResponse(items=[stocked_item()]),
        CreateItem=lambda _: inventory_pb2.CreateItemResponse(item=stocked_item()),
        UpdateItem=lambda _: inventory_pb2.UpdateItemResponse(item=stocked_item()),
        SetClock=lambda _: inventory_pb2.SetClockResponse(),
    )


def world_actor() -> Actor:
    return Actor(
        "world",
        (
            world_pb2.DESCRIPTOR.services_by_name["WorldService"],
            world_pb2_grpc.add_WorldServiceServicer_to_server,
        ),
        *BESIDE,
        ExportUser=lambda _: exported("world_state", '[{"timezone":"Asia/Tokyo"}]'),
        ListAudit=trail(),
        ListHappenings=happenings(happening(timeline_pb2.KIND_SESSION_CREDITED, date="2026-01-01")),
        GetZones=lambda _: world_pb2.GetZonesResponse(today="2026-01-31"),
        BatchGetWorlds=lambda r: world_pb2.BatchGetWorldsResponse(
            worlds=[world(u) for u in r.user_ids]
        ),
        ExplainStreak=lambda r: explained_streak(r.user_id),
        RestoreStreak=lambda r: world_pb2.RestoreStreakResponse(world=world(r.user_id)),
        SetTimezone=lambda r: world_pb2.SetTimezoneResponse(world=world(r.user_id)),
        SetClock=lambda _: world_pb2.SetClockResponse(),
    )


class AuthActor(Actor):
    """Also signs access tokens, and tells how they are judged.

    `ended` are the families that it says have ended, `clock` is its time; `is_behind`:
    it says that there are more. It tells all that to who listens while it `is_heard`,
    keeps the stream open while it `is_silent`, and otherwise has to be asked.
    `superusers` are whom it says may operate the town.
    """

    def __init__(self) -> None:
        self.superusers: set[str] = set()
        self.secret = SECRET
        self.new_key()
        self.ended: set[str] = set()
        self.clock: Callable[[], float] = time.time
        self.is_behind = False
        self.is_heard, self.is_silent = True, False
        super().__init__(
            "auth",
            (
                auth_pb2.DESCRIPTOR.services_by_name["AuthService"],
                auth_pb2_grpc.add_AuthServiceServicer_to_server,
            ),
            *BESIDE,
            ExportUser=lambda r: exported("user", f'[{{"id":"{r.user_id}"}}]'),
            ListAudit=trail(entry(HAT, user_id=HAT)),
            ListHappenings=happenings(happening(timeline_pb2.KIND_LOGGED_IN)),
            SearchUsers=lambda _: auth_pb2.SearchUsersResponse(users=[user(HAT)]),
            AdminUpdateUser=lambda r: auth_pb2.AdminUpdateUserResponse(user=user(r.user_id)),
            GetSigningKeys=lambda _: auth_pb2.GetSigningKeysResponse(keys=[self._public()]),
            ListEndedFamilies=lambda _: auth_pb2.ListEndedFamiliesResponse(
                family_ids=sorted(self.ended), until=STAMP, now=self._now(), more=self.is_behind
            ),
            WatchLogins=lambda _: self._told(),
            Register=lambda _: auth_pb2.RegisterResponse(user=user(str(uuid.uuid4()))),
            Login=lambda _: auth_pb2.LoginResponse(tokens=self.tokens(str(uuid.uuid4()))),
            Refresh=lambda _: auth_pb2.RefreshResponse(tokens=self.tokens(str(uuid.uuid4()))),
            Logout=lambda _: auth_pb2.LogoutResponse(),
            LogoutEverywhere=lambda _: auth_pb2.LogoutEverywhereResponse(),
            ListDevices=lambda _: auth_pb2.ListDevicesResponse(
                devices=[
                    auth_pb2.Device(id=DEVICE, name="a browser", created_at=STAMP, seen_at=STAMP)
                ]
            ),
            EndDevice=lambda _: auth_pb2.EndDeviceResponse(),
            RequestVerify=lambda _: auth_pb2.RequestVerifyResponse(),
            VerifyEmail=lambda _: auth_pb2.VerifyEmailResponse(user=user(str(uuid.uuid4()))),
            ForgotPassword=lambda _: auth_pb2.ForgotPasswordResponse(),
            ResetPassword=lambda _: auth_pb2.ResetPasswordResponse(),
            DeleteUser=lambda _: auth_pb2.DeleteUserResponse(restorable_until=STAMP),
            UpdateUser=lambda r: auth_pb2.UpdateUserResponse(user=user(r.user_id)),
            BatchGetUsers=lambda r: auth_pb2.BatchGetUsersResponse(
                results=[
                    auth_pb2.UserResult(user=user(u, is_superuser=u in self.superusers))
                    for u in r.user_ids
                ]
            ),
        )

    def new_key(self) -> None:
        """Replaces the key, as if it had leaked."""
        self.key, self.kid = Ed25519PrivateKey.generate(), str(uuid.uuid4())

    def token(self, user_id: str, **changes: Any) -> str:
        """An access token; a claim given as None is left out."""
        now = time.time()
        claims = {
            "iss": "nesra-town",
            "aud": "nesra-town-api",
            "sub": user_id,
            "sid": str(uuid.uuid4()),
            "iat": now,
            "exp": now + 900,
            "jti": str(uuid.uuid4()),
        } | changes
        given = {name: value for name, value in claims.items() if value is not None}
        headers = {"kid": self.kid, "typ": "at+jwt"}
        return jwt.encode(given, self.key, algorithm="EdDSA", headers=headers)

    def tokens(self, user_id: str) -> auth_pb2.Tokens:
        access = Timestamp(seconds=int(time.time()) + 900)
        refresh = Timestamp(seconds=int(time.time()) + 86_400)
        return auth_pb2.Tokens(
            access_token=self.token(user_id),
            expires_at=access,
            refresh_token="opaque",
            refresh_expires_at=refresh,
            user=user(user_id),
        )

    def _told(self) -> Iterator[auth_pb2.WatchLoginsResponse]:
        while self.is_heard:
            if not self.is_silent:
                yield auth_pb2.WatchLoginsResponse(
                    family_ids=sorted(self.ended),
                    until=STAMP,
                    now=self._now(),
                    keys=[self._public()],
                    more=self.is_behind,
                )
            threading.Event().wait(0.02)
        raise Unavailable

    def _now(self) -> Timestamp:
        now = Timestamp()
        now.FromNanoseconds(int(self.clock() * 1e9))
        return now

    def _public(self) -> auth_pb2.SigningKey:
        raw = self.key.public_key().public_bytes_raw()
        return auth_pb2.SigningKey(kid=self.kid, public_key=raw)
