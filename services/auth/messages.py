"""Rows of the auth service as messages of its contract."""

from protos.auth.v1 import auth_pb2 as pb
from services.auth.key_store import KeyRow
from services.auth.store import OpenLogin, UserRow
from services.auth.watch import News
from services.kit.errors import Failure
from services.kit.times import wire


def user_message(row: UserRow) -> pb.User:
    """An account; the password's hash stays here."""
    return pb.User(
        id=row.id,
        email=row.email,
        full_name=row.full_name,
        profile_picture=row.profile_picture,
        is_active=row.is_active,
        is_superuser=row.is_superuser,
        is_verified=row.is_verified,
        created_at=wire(row.created_at),
        updated_at=wire(row.updated_at),
    )


def result_message(found: UserRow | Failure) -> pb.UserResult:
    """What is known of one user of a batch."""
    if isinstance(found, Failure):
        return pb.UserResult(failure=found.as_item())
    return pb.UserResult(user=user_message(found))


def device_message(row: OpenLogin) -> pb.Device:
    """Where a player is logged in."""
    return pb.Device(
        id=row.id,
        name=row.device or "",
        created_at=wire(row.created_at),
        seen_at=wire(row.seen_at),
    )


def key_message(row: KeyRow) -> pb.SigningKey:
    """The public half of a signing key."""
    return pb.SigningKey(kid=row.kid, public_key=row.public_key)


def news_message(news: News) -> pb.WatchLoginsResponse:
    """What somebody who listens is told at once."""
    return pb.WatchLoginsResponse(
        family_ids=news.families,
        until=wire(news.until),
        now=wire(news.now),
        keys=[key_message(row) for row in news.keys],
        more=news.more,
    )
