"""Where the databases of a town are that exists already: looked up, never made."""

import os
from collections.abc import Iterable
from urllib.parse import urlsplit

from town.databases import own_url, url_of, urls_on
from town.failures import DatabaseFailed, NotOpen, WrongSetting
from town.home import Home
from town.secret import given_secret


def urls_of_town(services: Iterable[str]) -> dict[str, str]:
    """Return the URL of each service's database, by the settings that `nesra migrate` and `nesra up` follow.

    Without any, the town is that of NESRA_HOME, which must be open. Changes nothing. Raises CannotOpen.
    """
    own = {service: url for service in services if (url := own_url(service))}
    shared = [service for service in services if service not in own]
    if not shared:
        return own
    server = os.environ.get("NESRA_DATABASE_URL")
    return own | (_given(server, shared) if server else _embedded(Home.from_environment(), shared))


def _given(server: str, services: list[str]) -> dict[str, str]:
    secret = given_secret()
    if secret is None:
        raise WrongSetting(name="NESRA_SECRET", demand="is missing")
    if not urlsplit(server).username:
        # In a container of the town, as `nesra serve` there: each service comes as its own role.
        return {service: url_of(service, server=server, secret=secret) for service in services}
    return urls_on(server, services, secret)


def _embedded(home: Home, services: list[str]) -> dict[str, str]:
    secret, postgres = given_secret() or home.kept_secret(), home.postgres()
    if secret is None or not postgres.password_known:
        raise NotOpen(home.folder)
    try:
        return urls_on(postgres.url(), services, secret)
    except DatabaseFailed as failure:
        raise NotOpen(home.folder) from failure
