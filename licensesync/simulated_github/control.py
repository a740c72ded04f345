"""`/_simulator`: direct the play from another process. GitHub has no such path.

JSON in, JSON out, on the port of the deployment that is meant; `Content-Type: application/json` is required.

    POST /_simulator/trouble     the fields of `Trouble`: {"status": 502, "times": 3, "path": "consumed-licenses"}
    POST /_simulator/recovery    {} ends every trouble
    POST /_simulator/people      {"come": 5, "go": 2}; the cloud only: "after_page": 3 waits until that page was served
    POST /_simulator/reports     servers: {"build_seconds": 20, "build_asks": 1, "cached_seconds": 600}
    POST /_simulator/rate_limit  the cloud: {"requests": 10, "seconds": 30, "status": 403}, a primary limit
    POST /_simulator/pause       the cloud: {"seconds": 5, "after": 3, "status": 429, "announced": true},
                                 a secondary limit
    GET  /_simulator/requests    {"GET /path?query": how often it was asked}
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from licensesync.simulated_github.enterprise_cloud import SimulatedCloud
from licensesync.simulated_github.enterprise_server import SimulatedServer
from licensesync.simulated_github.exchange import Deployment, Reply, json_reply
from licensesync.simulated_github.trouble import Trouble

PREFIX = "/_simulator/"
MAX_BYTES = 65_536


class People(msgspec.Struct, forbid_unknown_fields=True):
    come: int = 0
    go: int = 0
    after_page: int | None = None


class Reports(msgspec.Struct, forbid_unknown_fields=True):
    build_seconds: float | None = None
    build_asks: int | None = None
    cached_seconds: float | None = None


class RateLimit(msgspec.Struct, forbid_unknown_fields=True):
    requests: int
    seconds: float
    status: int = 403


class Pause(msgspec.Struct, forbid_unknown_fields=True):
    seconds: float
    after: int = 0
    status: int = 429
    announced: bool = True


def answer(deployment: Deployment, method: str, path: str, body: bytes) -> Reply:
    subject = path.removeprefix(PREFIX)
    if method == "GET" and subject == "requests":
        with deployment.lock:
            return json_reply(200, dict(deployment.seen))
    direction = DIRECTIONS.get(subject) if method == "POST" else None
    if not direction:
        return json_reply(404, {"message": f"There is no {method} {path}."})
    try:
        direction(deployment, body)
    except (msgspec.DecodeError, NotPlayedError) as error:
        return json_reply(400, {"message": str(error)})
    return json_reply(200, {})


class NotPlayedError(Exception):
    """The deployment has nothing of the kind; the message says so."""


def _trouble(deployment: Deployment, body: bytes) -> None:
    deployment.expect(msgspec.json.decode(body, type=Trouble))


def _recovery(deployment: Deployment, _body: bytes) -> None:
    deployment.recover()


def _people(deployment: Deployment, body: bytes) -> None:
    people = msgspec.json.decode(body, type=People)
    change = partial(deployment.turnover, come=people.come, go=people.go)
    if people.after_page is None:
        change()
    else:
        _the_cloud(deployment).after_page(people.after_page, change)


def _reports(deployment: Deployment, body: bytes) -> None:
    if not isinstance(deployment, SimulatedServer):
        raise NotPlayedError("Only a server has reports.")
    reports = msgspec.json.decode(body, type=Reports)
    with deployment.lock:
        for name, value in msgspec.structs.asdict(reports).items():
            if value is not None:
                setattr(deployment, name, value)
        deployment.forget_reports()


def _rate_limit(deployment: Deployment, body: bytes) -> None:
    limit = msgspec.json.decode(body, type=RateLimit)
    _the_cloud(deployment).limit_after(limit.requests, seconds=limit.seconds, status=limit.status)


def _pause(deployment: Deployment, body: bytes) -> None:
    pause = msgspec.json.decode(body, type=Pause)
    _the_cloud(deployment).slow_down(pause.seconds, after=pause.after, status=pause.status, announced=pause.announced)


def _the_cloud(deployment: Deployment) -> SimulatedCloud:
    if not isinstance(deployment, SimulatedCloud):
        raise NotPlayedError("Only the cloud has pages and rate limits.")
    return deployment


DIRECTIONS: dict[str, Callable[[Deployment, bytes], Any]] = {
    "trouble": _trouble,
    "recovery": _recovery,
    "people": _people,
    "reports": _reports,
    "rate_limit": _rate_limit,
    "pause": _pause,
}
