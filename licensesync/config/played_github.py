"""The GitHub that `up --demo` plays beside the product, so that Sync now works on a laptop without one."""

import os
import socket
import sys
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from licensesync.config.processes import Program
from licensesync.demo.groups import APAC, EMEA
from licensesync.simulated_github import Addresses

ALLOW = "LICENSESYNC_CONNECT_ALLOW"
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class PlayedGitHub:
    """Where it is going to listen: the cloud's port, and after it one for each server."""

    first_port: int

    @property
    def addresses(self) -> Addresses:
        cloud, emea, apac = (f"http://{LOOPBACK}:{self.first_port + number}" for number in range(3))
        return Addresses(cloud, {EMEA: emea, APAC: apac})

    @property
    def environment(self) -> dict[str, str]:
        """What the other programs need in order to call it: leave to call this machine."""
        allowed = [word for word in os.environ.get(ALLOW, "").split(",") if word]
        return {ALLOW: ",".join([*allowed, LOOPBACK])}

    def program(self, as_of: datetime) -> Program:
        """Everybody as on the day of the example, so that a first sync changes nobody."""
        bind = f"{LOOPBACK}:{self.first_port}"
        words = ["simulate_github", "--demo", "--hide-tokens", "--bind", bind, "--as-of", as_of.isoformat()]
        return Program("simulated GitHub", [sys.executable, str(settings.BASE_DIR / "manage.py"), *words], os.environ)


def play_github(near: int) -> PlayedGitHub:
    """Choose free ports that follow one another, by the port of the web server. OSError: there are none."""
    for first in range(near + 100, near + 1000, 10):
        if all(_is_free(port) for port in range(first, first + 3)):
            return PlayedGitHub(first)
    raise OSError(f"there are no three free ports for the simulated GitHub within a thousand after {near}.")


def _is_free(port: int) -> bool:
    try:
        with socket.create_server((LOOPBACK, port)):
            return True
    except (OSError, OverflowError):
        return False
