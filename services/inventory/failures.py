"""How a call to the inventory service fails by name."""

import grpc

from services.kit.errors import Failure


class ItemNotOwned(Failure):
    """The player does not own such an item."""

    code = grpc.StatusCode.NOT_FOUND


class ItemUnknown(Failure):
    """The catalogue has no such item."""

    code = grpc.StatusCode.NOT_FOUND


class SpriteKeyTaken(Failure):
    """Another item has this sprite key."""

    code = grpc.StatusCode.ALREADY_EXISTS


class OfferExpired(Failure):
    """The offer is not, or no longer, among those of the player's day."""


class AlreadyOwned(Failure):
    """The player owns this item, and nobody owns one twice."""


class SlotUnknown(Failure):
    """The request names no slot."""

    code = grpc.StatusCode.INVALID_ARGUMENT


class LuckMalformed(Failure):
    """A drop came without the 16 bytes that choose its item."""

    code = grpc.StatusCode.INVALID_ARGUMENT


class SandboxOff(Failure):
    """The town has no sandbox."""

    code = grpc.StatusCode.NOT_FOUND
