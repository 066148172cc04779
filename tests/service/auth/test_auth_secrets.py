"""What must never be read in a log is not there, whatever goes wrong."""

from collections.abc import Callable, Iterator

import pytest
import structlog

from protos.auth.v1 import auth_pb2 as pb
from services.kit import telemetry
from services.kit.errors import Failure
from tests.service.auth.conftest import OpenHouse
from tests.service.auth.member import PASSWORD, Member, registration

CANARY = "canary in a password"


@pytest.fixture(params=["development", "production"])
def logs(request: pytest.FixtureRequest) -> Iterator[None]:
    """Logs as a real process writes them."""
    is_production = request.param == "production"
    before = structlog.get_config()
    structlog.configure(processors=telemetry.processors(is_production=is_production))
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("logs")
def test_no_password_hash_or_token_is_logged(
    new_database: Callable[[str], str], open_house: OpenHouse, capfd: pytest.CaptureFixture[str]
) -> None:
    with open_house(new_database("auth")) as house:
        member = Member(house)
        member.update(password=CANARY, current_password=PASSWORD)
        first = member.log_in(CANARY)
        newest = member.refresh(first.refresh_token)
        [(hashed,)] = house.rows('SELECT hashed_password FROM "user" WHERE id = %s', member.id)
        house.change("DROP TABLE refresh_token")

        for call in (
            lambda: member.refresh(newest.refresh_token),
            lambda: member.log_in(CANARY),
            lambda: house.auth.Register(registration(member.email, CANARY)),
        ):
            with pytest.raises(Failure):
                call()

    written = "".join(capfd.readouterr())
    assert "handler_broke" in written
    secrets = [CANARY, PASSWORD, hashed, *_tokens(first), *_tokens(newest)]
    assert not [secret for secret in secrets if secret in written]


def _tokens(told: pb.Tokens) -> list[str]:
    return [told.access_token, told.refresh_token]
