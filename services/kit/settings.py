"""Settings from the environment, every name beginning with NESRA_.

What is missing or wrong is named, all at once, and ends the process with exit
code 2: nothing starts half-configured.
"""

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TypeVar
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.kit.tls import Tls, certificates, private_key

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


def _file(holding: Callable[[bytes], object]) -> AfterValidator:
    def checked(path: Path) -> Path:
        try:
            holding(path.read_bytes())
        except OSError as error:
            message = f"{path} cannot be read: {error.strerror}"
            raise ValueError(message) from None
        except ValueError as error:
            message = f"{path} {error}"
            raise ValueError(message) from None
        return path

    return AfterValidator(checked)


Listen = Annotated[str, AfterValidator(_host_and_port)]
Origin = Annotated[str, AfterValidator(_origin)]
PostgresUrl = Annotated[str, AfterValidator(_postgres_url)]
Certificates = Annotated[Path, _file(certificates)]
Key = Annotated[Path, _file(private_key)]


class LinkSettings(BaseSettings):
    """How the links between processes are secured; see tls.py."""

    model_config = SettingsConfigDict(env_prefix="NESRA_", env_ignore_empty=True)

    tls_certificate: Certificates | None = None
    tls_key: Key | None = None
    tls_ca: Certificates | None = None

    @property
    def tls(self) -> Tls:
        """The files."""
        return Tls(self.tls_certificate, self.tls_key, self.tls_ca)

    @model_validator(mode="after")
    def _certificate_and_key_belong_together(self) -> "LinkSettings":
        self.tls.read().require_usable()
        return self


class TownSettings(LinkSettings):
    """What every process of the town knows."""

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

    @model_validator(mode="after")
    def _who_demands_certificates_has_one(self) -> "ServiceSettings":
        if self.tls_ca and not self.tls_certificate:
            message = "NESRA_TLS_CERTIFICATE is missing: a service with NESRA_TLS_CA serves TLS"
            raise ValueError(message)
        return self


class WorkerSettings(TownSettings):
    """What the worker of jobs knows.

    `worker_beat` is the file that it touches about every second while it is ready.
    """

    # It calls nobody.
    secret: str = ""
    rules: Path = RULES
    home: Path = Path(".nesra")
    worker_beat: Path | None = None
    worker_metrics_listen: Listen = ""

    @property
    def beat(self) -> Path:
        """The file."""
        return self.worker_beat or self.home / "worker.beat"


def service_settings(service: str, settings: type[Settings]) -> Settings:
    """The settings of one service. Exits with code 2 when they do not do."""
    prefix = f"NESRA_{service.upper()}_"
    own: dict[str, Any] = {
        "service": service,
        "listen": os.environ.get(f"{prefix}LISTEN") or f"0.0.0.0:{PORTS[service]}",
        "metrics_listen": os.environ.get(f"{prefix}METRICS_LISTEN", ""),
    }
    if url := database_url_of(service):
        own["database_url"] = url
    names = {"database_url": "DATABASE_URL", "metrics_listen": "METRICS_LISTEN"}
    return load(settings, hint={field: prefix + name for field, name in names.items()}, **own)


def database_url_of(service: str) -> str | None:
    """Where a service's database is, if that is said.

    Its own NESRA_<SERVICE>_DATABASE_URL wins over NESRA_DATABASE_URL, which
    names a server whose database nesra_<service> is meant.
    """
    own = os.environ.get(f"NESRA_{service.upper()}_DATABASE_URL")
    server = os.environ.get("NESRA_DATABASE_URL")
    return own or (database_on(server, f"nesra_{service}") if server else None)


def database_urls(services: Iterable[str]) -> dict[str, str]:
    """Where the databases of services are. Exits with code 2, naming all that are missing or wrong."""
    urls, wrong = {}, []
    for service in services:
        try:
            urls[service] = _postgres_url(database_url_of(service) or "")
        except ValueError as error:
            problem = error if database_url_of(service) else "is missing"
            wrong.append(f"NESRA_{service.upper()}_DATABASE_URL {problem}")
    if wrong:
        _exit(wrong)
    return urls


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
        _exit([_sentence(dict(e), hint or {}) for e in error.errors(include_input=False)])


def _exit(lines: Iterable[str]) -> NoReturn:
    sys.stderr.write("Cannot start:\n" + "".join(f"  {line}\n" for line in lines))
    raise SystemExit(2) from None


def _sentence(error: dict[str, Any], hint: dict[str, str]) -> str:
    field = str(error["loc"][0]) if error["loc"] else ""
    name = hint.get(field, f"NESRA_{field.upper()}")
    problem = (
        "is missing" if error["type"] == "missing" else error["msg"].removeprefix("Value error, ")
    )
    return f"{name} {problem}" if field else problem
