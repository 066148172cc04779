"""Settings from the environment, every name beginning with NESRA_.

What is missing or wrong is named, all at once, and ends the process with exit
code 2: nothing starts half-configured.
"""

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Settings = TypeVar("Settings", bound=BaseSettings)

PORTS = {"auth": 7101, "session": 7102, "inventory": 7103, "world": 7104}
PUBLIC_URL = "http://localhost:8000"
RULES = Path(__file__).parents[1] / "rules.toml"


def _postgres_url(url: str) -> str:
    if urlsplit(url).scheme not in ("postgresql", "postgres"):
        message = "must look like postgresql://user:password@host/database"
        raise ValueError(message)
    return url


def _host_and_port(listen: str) -> str:
    host, _, port = listen.rpartition(":")
    if listen and not (host and port.isascii() and port.isdigit()):
        message = "must look like 127.0.0.1:9102"
        raise ValueError(message)
    return listen


def _origin(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/"):
        message = "must look like https://town.example, without a path"
        raise ValueError(message)
    return f"{parts.scheme}://{parts.netloc}".lower()


Listen = Annotated[str, AfterValidator(_host_and_port)]
Origin = Annotated[str, AfterValidator(_origin)]
PostgresUrl = Annotated[str, AfterValidator(_postgres_url)]


class TownSettings(BaseSettings):
    """What every process of the town knows."""

    model_config = SettingsConfigDict(env_prefix="NESRA_", env_ignore_empty=True)

    secret: Annotated[str, Field(min_length=32)]
    environment: Literal["development", "production"] = "production"
    sandbox: bool = False
    # See failpoints.py, which reads it by itself.
    fail_points: Path | None = None

    @model_validator(mode="after")
    def _no_sandbox_in_production(self) -> "TownSettings":
        if self.sandbox and self.environment == "production":
            message = "NESRA_SANDBOX must be off in production (NESRA_ENVIRONMENT)"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _no_fail_points_in_production(self) -> "TownSettings":
        if self.fail_points and self.environment == "production":
            message = "NESRA_FAIL_POINTS must not be set in production (NESRA_ENVIRONMENT)"
            raise ValueError(message)
        return self


class ServiceSettings(TownSettings):
    """What one service knows; `database_url` and `listen` are its own."""

    service: str
    database_url: PostgresUrl
    listen: str
    metrics_listen: Listen = ""
    rules: Path = RULES


def service_settings(service: str, settings: type[Settings]) -> Settings:
    """The settings of one service. Exits with code 2 when they do not do.

    Its own NESRA_<SERVICE>_DATABASE_URL wins over NESRA_DATABASE_URL, which
    names a server whose database nesra_<service> is meant.
    """
    prefix = f"NESRA_{service.upper()}_"
    own: dict[str, Any] = {
        "service": service,
        "listen": os.environ.get(f"{prefix}LISTEN") or f"0.0.0.0:{PORTS[service]}",
        "metrics_listen": os.environ.get(f"{prefix}METRICS_LISTEN", ""),
    }
    url = os.environ.get(f"{prefix}DATABASE_URL")
    shared = os.environ.get("NESRA_DATABASE_URL")
    if url or shared:
        own["database_url"] = url or database_on(shared or "", f"nesra_{service}")
    names = {"database_url": "DATABASE_URL", "metrics_listen": "METRICS_LISTEN"}
    return load(settings, hint={field: prefix + name for field, name in names.items()}, **own)


def database_on(server: str, database: str) -> str:
    """The URL of another database on the same server."""
    return urlunsplit(urlsplit(server)._replace(path=f"/{database}"))


def target_of(service: str) -> str:
    """Where a service is to be found: NESRA_<SERVICE>_TARGET, else this machine."""
    default = f"dns:///localhost:{PORTS[service]}"
    return os.environ.get(f"NESRA_{service.upper()}_TARGET") or default


def load(settings: type[Settings], *, hint: dict[str, str] | None = None, **own: Any) -> Settings:
    """Reads settings, or names everything that is wrong and exits with code 2."""
    try:
        return settings(**own)
    except ValidationError as error:
        lines = [_sentence(dict(e), hint or {}) for e in error.errors(include_input=False)]
        sys.stderr.write("Cannot start:\n" + "".join(f"  {line}\n" for line in lines))
        raise SystemExit(2) from None


def _sentence(error: dict[str, Any], hint: dict[str, str]) -> str:
    field = str(error["loc"][0]) if error["loc"] else ""
    name = hint.get(field, f"NESRA_{field.upper()}")
    problem = (
        "is missing" if error["type"] == "missing" else error["msg"].removeprefix("Value error, ")
    )
    return f"{name} {problem}" if field else problem
