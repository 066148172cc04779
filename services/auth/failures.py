"""How a call to the auth service fails by name."""

import grpc

from services.kit.errors import Failure


class EmailTaken(Failure):
    """Another account has this e-mail address."""

    code = grpc.StatusCode.ALREADY_EXISTS


class PasswordTooWeak(Failure):
    """The password breaks the policy; `detail` is a sentence for the player."""

    code = grpc.StatusCode.INVALID_ARGUMENT


class FieldInvalid(Failure):
    """The value of `field` cannot be stored: too long, or not of its form."""

    code = grpc.StatusCode.INVALID_ARGUMENT


class BadCredentials(Failure):
    """The e-mail address, the password or both are wrong, or the account is closed."""

    code = grpc.StatusCode.UNAUTHENTICATED


class WrongPassword(Failure):
    """The current password is missing or wrong."""

    code = grpc.StatusCode.PERMISSION_DENIED


class TokenInvalid(Failure):
    """The refresh token is unknown, expired, or of a login that was ended."""

    code = grpc.StatusCode.UNAUTHENTICATED


class TokenReused(Failure):
    """The refresh token was used before: somebody else may have it, so its login is ended."""

    code = grpc.StatusCode.UNAUTHENTICATED


class LoginThrottled(Failure):
    """The password was tried too often; again after `retry_after` seconds."""


class DeviceUnknown(Failure):
    """The account has no such login."""

    code = grpc.StatusCode.NOT_FOUND


class MailTokenInvalid(Failure):
    """The mail's token is unknown, expired, used, or for an address that was changed since."""

    code = grpc.StatusCode.FAILED_PRECONDITION


class UserUnknown(Failure):
    """There is no such account."""

    code = grpc.StatusCode.NOT_FOUND


class LastSuperuser(Failure):
    """Without this account nobody could operate the town."""


class HashingBusy(Failure):
    """More passwords wait to be hashed than the service takes on: try again shortly."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
