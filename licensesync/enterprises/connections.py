"""The writer of connections: how we reach the deployments of an enterprise, and when they sync by themselves."""

import hashlib
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from licensesync.enterprises import audit_log, deployments
from licensesync.enterprises.models import AuditAction, Connection, Deployment, Enterprise, Schedule
from licensesync.enterprises.queries import hold_enterprise
from licensesync.enterprises.secrets import opens, reseal, seal, unseal
from licensesync.errors import (
    ADDRESS_CONNECTED,
    ALREADY_CONNECTED,
    BEING_DELETED,
    CLOUD_ELSEWHERE,
    HOST_NAME_NEEDED,
    PROXY_SECRET_UNREADABLE,
    SERVER_ELSEWHERE,
    ExpectedError,
)
from licensesync.github.rules import address_in
from licensesync.github.transport import proxy_origin
from licensesync.users.models import User

# How far from its hour a connection may sync, so that those which were made together don't start together.
SPREAD = timedelta(minutes=30)
# Longer than from one weekly sync to the next. A time further away was computed by a clock that was ahead.
LONGEST_WAIT = timedelta(days=8)


@transaction.atomic
def connect(
    deployment: Deployment,
    *,
    url: str,
    token: str,
    connected_by: User | None,
    login: str = "",
    cloud_slug: str = "",
    ca_certificates: str | None = None,
    proxy: str | None = None,
    is_same: bool = False,
) -> Connection:
    """Connect a deployment, or change its connection. The token is always given anew: a stored one is never sent to an
    address that was entered later. A certificate authority or a proxy of which nothing is said (None) stays.
    `is_same` confirms that what leads elsewhere than before leads to the same server, or the same enterprise.

    ExpectedError: BEING_DELETED, ADDRESS_CONNECTED, SERVER_ELSEWHERE, CLOUD_ELSEWHERE, PROXY_SECRET_UNREADABLE.
    """
    # Of two who connect at once, the second one sees what the first has connected.
    hold_enterprise(deployment.enterprise_id)
    if not (now := Deployment.objects.filter(pk=deployment.pk).first()):  # a list may have come since it was read
        raise ExpectedError(BEING_DELETED, source=str(deployment))
    deployment = now
    # Held, so that a schedule which somebody sets at this moment is not taken back when all is saved.
    stored = Connection.objects.select_for_update().filter(deployment=deployment).first()
    if deployment.is_server and not (stored and stored.url == url):
        _refuse_second_name(deployment, url)
    if deployment.is_server and not is_same:
        _refuse_other_place(deployment, stored, url)
    elif stored and not is_same:
        _refuse_other_enterprise(stored, url, cloud_slug)
    proxy = proxy_by(stored, proxy)
    _tell_of_connection(deployment, stored, url=url, cloud_slug=cloud_slug, login=login)
    connection = stored or Connection(deployment=deployment)
    connection.ca_certificates = ca_by(stored, ca_certificates).strip()
    connection.url = url
    connection.login = login
    connection.cloud_slug = cloud_slug
    connection.sealed_token = seal(token)
    connection.token_saved_at = timezone.now()
    connection.connected_by = connected_by
    connection.sealed_proxy = seal(proxy) if proxy else ""
    if connection.next_sync_at is None:
        # The first list is fetched now, so the spread must not bring the second one in some minutes.
        connection.next_sync_at = next_sync(connection, after=timezone.now() + 2 * SPREAD)
    connection.save()
    return connection


def _tell_of_connection(deployment: Deployment, stored: Connection | None, **reached: str) -> None:
    """Nothing of its secrets: each time all of them are given anew."""
    action = AuditAction.CONNECTION_UPDATE if stored else AuditAction.CONNECTION_CREATE
    there = {name: getattr(stored, name) for name in reached} if stored else dict.fromkeys(reached, "")
    changes = audit_log.differences(there, reached)
    audit_log.record(deployment.enterprise_id, action, str(deployment), changes=changes)


def host_of(url: str) -> str:
    """The host name in the address of a server, under which an instance is known: without its port, as GitHub's lists
    have none."""
    return urlsplit(url).hostname or ""


def require_host_name(url: str) -> None:
    """The address of a new instance must hold its name, where nobody says it: under another one it would count, and
    none of its accounts be found in GitHub's lists.

    ExpectedError(HOST_NAME_NEEDED): it holds an IP address, or the name that each machine has for itself.
    """
    host = host_of(url).rstrip(".")
    if host == "localhost" or address_in(host):
        raise ExpectedError(HOST_NAME_NEEDED)


def place_of(url: str) -> str:
    """Where the address of a server leads: its host, with a port that is not the usual one. (The usual one is not in an
    address from `server_url_of`.)"""
    return urlsplit(url).netloc


def new_server(enterprise: Enterprise, host: str) -> Deployment:
    """The instance with this host name, to be connected as a new one.

    ExpectedError: SERVER_NAMELESS; ALREADY_CONNECTED, where another connection would be replaced.
    """
    deployment = deployments.server_named(enterprise, host)
    connection = Connection.objects.filter(deployment=deployment).first()
    if connection is not None:
        raise ExpectedError(ALREADY_CONNECTED, host=deployment.host, address=connection.url)
    return deployment


def _refuse_second_name(deployment: Deployment, url: str) -> None:
    """One server under two host names would be two instances, each with all of its accounts."""
    others = Connection.objects.filter(deployment__enterprise=deployment.enterprise_id, url=url)
    other = others.exclude(deployment=deployment).select_related("deployment").first()
    if other is not None:
        raise ExpectedError(ADDRESS_CONNECTED, address=url, source=str(other.deployment))


def _refuse_other_place(deployment: Deployment, stored: Connection | None, url: str) -> None:
    """The list of another server must not replace the accounts of this one, unless somebody says that it is the same.
    As long as nothing is known of it but its name, there is nothing to be replaced."""
    known = place_of(stored.url) if stored else deployment.host
    if (stored or deployment.last_usage_at) and place_of(url) != known:
        raise ExpectedError(SERVER_ELSEWHERE, source=str(deployment), known=known, address=place_of(url))


def _refuse_other_enterprise(stored: Connection, url: str, slug: str) -> None:
    """The same for the cloud: a slug is an enterprise's at one address of the API, in small or capital letters."""
    known, address = f"{stored.cloud_slug} ({place_of(stored.url)})", f"{slug} ({place_of(url)})"
    if known.lower() != address.lower():
        raise ExpectedError(CLOUD_ELSEWHERE, source=str(stored.deployment), known=known, address=address)


@transaction.atomic
def disconnect(connection: Connection) -> None:
    """Forget how to reach a deployment, its token included. What it last reported stays."""
    forgotten, _rows = Connection.objects.filter(pk=connection.pk).delete()
    if forgotten:
        deployment = connection.deployment
        audit_log.record(deployment.enterprise_id, AuditAction.CONNECTION_DELETE, str(deployment))


@transaction.atomic
def set_schedule(connection: Connection, schedule: Schedule) -> None:
    deployment, before = connection.deployment, connection.schedule
    connection.schedule = schedule
    connection.next_sync_at = next_sync(connection, after=timezone.now())
    # Whoever disconnects meanwhile leaves nothing to set.
    rows = Connection.objects.filter(pk=connection.pk)
    if rows.update(schedule=schedule, next_sync_at=connection.next_sync_at) and schedule != before:
        changes = {"schedule": [before, schedule]}
        audit_log.record(deployment.enterprise_id, AuditAction.CONNECTION_SCHEDULE, str(deployment), changes=changes)


def next_sync(connection: Connection, *, after: datetime) -> datetime | None:
    """When a connection syncs by itself the next time: on the weekday and about at the hour at which it was made.

    By the clock of TIME_ZONE, so that the hour stays when clocks are changed.
    """
    if connection.schedule == Schedule.OFF:
        return None
    days = 7 if connection.schedule == Schedule.WEEKLY else 1
    zone = timezone.get_default_timezone()
    wall = (connection.connected_at + _spread(connection.deployment_id)).astimezone(zone).replace(tzinfo=None)
    passed = (after.astimezone(zone).replace(tzinfo=None) - wall) // timedelta(days=days)
    moment = (wall + timedelta(days=days) * max(passed, 0)).replace(tzinfo=zone)
    while moment <= after:
        moment = (moment.replace(tzinfo=None) + timedelta(days=days)).replace(tzinfo=zone)
    return moment.astimezone(UTC)


def _spread(deployment_id: int) -> timedelta:
    """Between half an hour early and late, always the same for one deployment."""
    share = int.from_bytes(hashlib.blake2b(str(deployment_id).encode(), digest_size=4).digest()) / 2**32
    return SPREAD * (2 * share - 1)


def due() -> list[Connection]:
    """The connections whose time to sync has come, the longest waiting first."""
    now = timezone.now()
    is_due = Q(next_sync_at__lte=now) | Q(next_sync_at__gt=now + LONGEST_WAIT)
    waiting = Connection.objects.filter(is_due, deployment__enterprise__deleted_at__isnull=True)
    waiting = waiting.select_related("deployment__enterprise")
    return list(waiting.order_by("next_sync_at", "pk")[:1000])


def take(connection: Connection) -> bool:
    """Set the next time of a connection that is due. False: somebody else has, so its sync is theirs to request.

    A time that passed while no scheduler ran counts once. Within a transaction that goes on to request the sync, so the
    enterprise is locked first, as by whoever connects or deletes.
    """
    hold_enterprise(connection.deployment.enterprise_id)
    seen = Connection.objects.filter(pk=connection.pk, next_sync_at=connection.next_sync_at)
    return bool(seen.update(next_sync_at=next_sync(connection, after=timezone.now())))


def token_of(connection: Connection) -> str:
    """ExpectedError(SECRET_UNREADABLE): the key that sealed it is gone."""
    return unseal(connection.sealed_token)


def proxy_of(connection: Connection) -> str:
    return unseal(connection.sealed_proxy) if connection.sealed_proxy else ""


def ca_by(stored: Connection | None, said: str | None) -> str:
    """The certificate authority of a connection by what is said of it: None keeps the stored one, "" removes it."""
    if said is None:
        return stored.ca_certificates if stored else ""
    return said


def proxy_by(stored: Connection | None, said: str | None) -> str:
    """The proxy of a connection by what is said of it: None keeps the stored one, "" removes it.

    ExpectedError(PROXY_SECRET_UNREADABLE): it is to stay, but the key that sealed it is gone.
    """
    if said is None and stored:
        try:
            return proxy_of(stored)
        except ExpectedError as error:
            raise ExpectedError(PROXY_SECRET_UNREADABLE) from error
    return said or ""


def proxy_shown(connection: Connection) -> str:
    """The proxy of a connection without its password; "" without one, or where it can't be read any more."""
    try:
        proxy = proxy_of(connection)
    except ExpectedError:
        return ""
    return proxy_origin(proxy) if proxy else ""


def unreadable() -> int:
    """How many connections have a token or a proxy that none of our keys opens."""
    stored = Connection.objects.values_list("sealed_token", "sealed_proxy")
    return sum(not all(opens(sealed) for sealed in secrets if sealed) for secrets in stored)


@transaction.atomic
def reseal_all() -> int:
    """Seal every stored secret with the first encryption key; gives how many connections there are."""
    stored = Connection.objects.select_for_update().order_by("pk")
    for connection in stored:
        connection.sealed_token = reseal(connection.sealed_token)
        connection.sealed_proxy = reseal(connection.sealed_proxy) if connection.sealed_proxy else ""
    return Connection.objects.bulk_update(stored, ["sealed_token", "sealed_proxy"], batch_size=100)
