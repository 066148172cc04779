"""Signing keys: made once, published, encrypted, and survivors of a changed secret."""

from collections.abc import Callable

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protos.auth.v1 import auth_pb2 as pb
from tests.service.auth.conftest import House, OpenHouse
from tests.service.auth.member import Member

NewDatabase = Callable[[str], str]
# The town's service secret after an operator changed it.
CHANGED = "another secret of tests, long enough"


def published(house: House) -> dict[str, bytes]:
    keys = house.auth.GetSigningKeys(pb.GetSigningKeysRequest()).keys
    return {key.kid: key.public_key for key in keys}


def verified(house: House, token: str) -> dict[str, str]:
    kid = jwt.get_unverified_header(token)["kid"]
    key = Ed25519PublicKey.from_public_bytes(published(house)[kid])
    claims: dict[str, str] = jwt.decode(
        token, key, algorithms=["EdDSA"], audience="nesra-town-api", issuer="nesra-town"
    )
    return claims


def refreshed(house: House, token: str) -> str:
    request = pb.RefreshRequest(refresh_token=token)
    return str(house.auth.Refresh(request).tokens.refresh_token)


def test_an_access_token_verifies_with_a_published_key(house: House) -> None:
    member = Member(house)

    assert verified(house, member.log_in().access_token)["sub"] == member.id


def test_the_first_key_is_made_once_and_kept(
    new_database: NewDatabase, open_house: OpenHouse
) -> None:
    url = new_database("auth")

    with open_house(url) as first:
        made = published(first)
    with open_house(url) as second:
        kept = published(second)

    assert len(made) == 1
    assert kept == made


def test_a_private_key_is_not_stored_in_the_clear(house: House) -> None:
    Member(house).log_in()

    [(sealed, public)] = house.rows(
        "SELECT private_key, public_key FROM signing_key WHERE retired_at IS NULL"
    )

    assert len(sealed) == 12 + 32 + 16
    assert public not in sealed


def test_tokens_of_a_key_retired_lately_still_verify(
    new_database: NewDatabase, open_house: OpenHouse
) -> None:
    with open_house(new_database("auth")) as house:
        token = Member(house).log_in().access_token
        house.change("UPDATE signing_key SET retired_at = clock_timestamp()")

        with open_house(house.url) as replica:
            assert verified(replica, token)
            assert len(published(replica)) == 2


def test_a_key_retired_long_ago_is_no_longer_published(
    new_database: NewDatabase, open_house: OpenHouse
) -> None:
    with open_house(new_database("auth")) as house:
        old = published(house)
        house.change("UPDATE signing_key SET retired_at = clock_timestamp() - interval '1 hour'")

        with open_house(house.url) as replica:
            assert not old.keys() & published(replica).keys()


def test_a_changed_secret_retires_the_key_and_access_tokens_stay_valid(
    new_database: NewDatabase, open_house: OpenHouse
) -> None:
    url = new_database("auth")
    with open_house(url) as house:
        token = Member(house).log_in().access_token

    with open_house(url, secret=CHANGED) as changed:
        assert verified(changed, token)
        assert len(published(changed)) == 2


def test_a_changed_secret_leaves_refresh_tokens_valid(
    new_database: NewDatabase, open_house: OpenHouse
) -> None:
    with open_house(new_database("auth")) as house:
        member = Member(house)
        first = member.log_in().refresh_token

        with open_house(house.url, secret=CHANGED) as changed:
            second = refreshed(changed, first)

            assert refreshed(changed, second)


def test_a_repeat_after_the_secret_changed_gives_a_token_that_works(
    new_database: NewDatabase, open_house: OpenHouse
) -> None:
    with open_house(new_database("auth")) as house:
        member = Member(house)
        first = member.log_in().refresh_token
        member.refresh(first)

        with open_house(house.url, secret=CHANGED) as changed:
            newest = refreshed(changed, first)

            assert newest == refreshed(changed, first)
            assert refreshed(changed, newest) != newest
            assert len(member.families()) == 1
