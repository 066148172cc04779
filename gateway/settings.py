"""What the gateway reads from the environment."""

from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, field_validator
from pydantic_settings import NoDecode

from gateway.addresses import Network
from services.kit.settings import PUBLIC_URL, Listen, Origin, TownSettings


def _redis_url(url: str) -> str:
    from redis.asyncio.connection import parse_url  # noqa: PLC0415  # Redis' client takes 5 MB

    try:
        parse_url(url)
    except ValueError:
        message = "must look like redis://:password@host:6379/0"
        raise ValueError(message) from None
    return url


def _network(text: object) -> Network:
    try:
        return ip_network(str(text))
    except ValueError:
        message = "must be networks such as 10.0.0.0/8, without bits outside the mask"
        raise ValueError(message) from None


RedisUrl = Annotated[str, AfterValidator(_redis_url)]
Proxies = Annotated[Network, BeforeValidator(_network)]


class GatewaySettings(TownSettings):
    """`public_url` and `cors_origins` are origins: scheme, host and port, no path.

    `trusted_proxies` are the networks whose X-Forwarded-For is believed.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    public_url: Origin = PUBLIC_URL
    cors_origins: Annotated[tuple[Origin, ...], NoDecode] = ()
    gateway_metrics_listen: Listen = ""
    rate_limits: bool = True
    redis_url: RedisUrl | None = None
    trusted_proxies: Annotated[tuple[Proxies, ...], NoDecode] = ()

    @field_validator("cors_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())

    @property
    def is_secure(self) -> bool:
        """Whether players reach the town over TLS."""
        return self.public_url.startswith("https://")

    @property
    def laxities(self) -> list[str]:
        """What is laxer than players deserve, as the log calls it."""
        found = {"public_url_is_plain": not self.is_secure, "limits_are_off": not self.rate_limits}
        return [name for name, is_so in found.items() if is_so]
