"""What the gateway reads from the environment."""

from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from services.kit.settings import PUBLIC_URL, Listen, Origin, TownSettings


class GatewaySettings(TownSettings):
    """`public_url` and `cors_origins` are origins: scheme, host and port, no path."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    public_url: Origin = PUBLIC_URL
    cors_origins: Annotated[tuple[Origin, ...], NoDecode] = ()
    gateway_metrics_listen: Listen = ""

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())

    @property
    def is_secure(self) -> bool:
        """Whether players reach the town over TLS."""
        return self.public_url.startswith("https://")
