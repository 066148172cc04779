"""Open the whole town on this machine, and keep it open until Ctrl-C."""

import argparse
import os
import time

from town.address import Address
from town.database_server import database_server
from town.databases import migrate, prepare
from town.failures import CannotOpen
from town.home import Home
from town.log import Log
from town.processes import TICK_SECONDS, Processes
from town.roster import stages
from town.secret import given_secret
from town.stopping import Stopped, StopRequest

WELCOME = """
The town is open; Ctrl-C closes it.

  API        {url}/api
  reference  {url}/docs
  logs       {log}

Try next:
  curl -X POST {url}/api/auth/register -H 'Content-Type: application/json' \\
       -d '{{"email": "me@example.com", "password": "three quiet hours"}}'
  The reference lets you log in and play; the README walks through the first day.
"""


def arguments(_parser: argparse.ArgumentParser) -> None:
    """Take none: the environment says everything."""


def run(_arguments: argparse.Namespace) -> int:
    """Open the town, keep it open, close it. Returns 0 when it was asked to close; raises CannotOpen."""
    request = StopRequest()
    home = Home.from_environment()
    try:
        _open(home, Address.from_environment(), request)
    except Stopped:
        Log(home.log).say("town", "closed before it was open")
    except OSError as error:
        sentence = f"The folder {home.folder} cannot be used: {error}."
        raise CannotOpen(sentence) from error
    return 0


def _open(home: Home, address: Address, request: StopRequest) -> None:
    log = Log(home.log)
    with home.alone(), home.sockets() as sockets:
        address.demand_free()
        secret = given_secret() or home.secret()
        with database_server(home, log) as server:
            log.say("town", "preparing the databases")
            urls = prepare(server.url, secret)
            migrate(urls)
            common = _told_to_all(home, address, secret)
            specs = stages(address=address, sockets=sockets, urls=urls, common=common)
            with Processes(specs, log.say) as processes:
                log.say("town", "starting")
                processes.open(check=request.check)
                print(WELCOME.format(url=address.url, log=home.log), flush=True)
                while not request.asked:
                    server.revive()
                    processes.revive()
                    time.sleep(TICK_SECONDS)
                log.say("town", "closing")
        log.say("town", "closed")


def _told_to_all(home: Home, address: Address, secret: str) -> dict[str, str]:
    """Return the settings of a developer's town, where the operator did not choose others."""
    environment = os.environ.get("NESRA_ENVIRONMENT") or "development"
    sandbox = "1" if environment == "development" else "0"
    return {
        "NESRA_HOME": str(home.folder),
        "NESRA_SECRET": secret,
        "NESRA_ENVIRONMENT": environment,
        "NESRA_SANDBOX": os.environ.get("NESRA_SANDBOX") or sandbox,
        "NESRA_PUBLIC_URL": os.environ.get("NESRA_PUBLIC_URL") or address.url,
    }
