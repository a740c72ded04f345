"""The writer of deployments: the server instances and the cloud of an enterprise."""

import re
from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet, Sum, Value
from django.db.models.functions import Greatest

from licensesync.enterprises import audit_log
from licensesync.enterprises.models import AuditAction, Deployment, DeploymentKind, Enterprise, UsageEvent
from licensesync.enterprises.queries import hold_enterprise
from licensesync.errors import SERVER_CONFLICT, SERVER_NAMELESS, ExpectedError
from licensesync.feeds.records import ServerFacts
from licensesync.github.cloud import ServerSync

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
HOST = re.compile(rf"(?=.{{1,253}}\Z)(?!\d+\Z){_LABEL}(?:\.{_LABEL})*")  # a number alone is that of an instance
PORT = re.compile(r":[0-9]{1,5}\Z")


def cloud_of(enterprise: Enterprise) -> Deployment:
    """The cloud of an enterprise; it has one from its first list on."""
    return _there_or_new(enterprise, kind=DeploymentKind.CLOUD)


def server_named(enterprise: Enterprise, host: str) -> Deployment:
    """The instance with this host name, new when it is not known. ExpectedError when it can't be a host name."""
    host = host_name(host)
    return _there_or_new(enterprise, kind=DeploymentKind.SERVER, host=host)


@transaction.atomic
def _there_or_new(enterprise: Enterprise, **known_by: Any) -> Deployment:
    deployment, is_new = Deployment.objects.get_or_create(enterprise=enterprise, **known_by)
    if is_new:
        audit_log.record(enterprise, AuditAction.INSTANCE_ADD, str(deployment))
    return deployment


def host_name(text: str) -> str:
    """A host name as we keep it, from what a person types or an export says, also as an address with a port and a path;
    ExpectedError when it can't be one."""
    place = text.strip().lower().removeprefix("https://").removeprefix("http://").partition("/")[0]
    host = PORT.sub("", place).rstrip(".")
    if not HOST.fullmatch(host):
        raise ExpectedError(SERVER_NAMELESS, host=text.strip()[:100])
    return host


def server_of(enterprise: Enterprise, facts: ServerFacts) -> Deployment | None:
    """The instance of an export: by its server id, else by its host with an unknown server id, else a new one.

    None: the export names neither, or an id that can't be a name. ExpectedError(SERVER_CONFLICT): the host is known
    with another server id, or the server id with another host; only a person knows whether it was replaced or renamed,
    or is a copy.
    """
    host = host_name(facts.host) if facts.host else ""
    if not (facts.server_id or host):
        return None
    servers = Deployment.objects.filter(enterprise=enterprise, kind=DeploymentKind.SERVER)
    with transaction.atomic():
        hold_enterprise(enterprise.pk)  # two first exports of one server: one instance
        by_id = servers.filter(server_id=facts.server_id).first() if facts.server_id else None
        if by_id is not None:
            if host and by_id.host not in (host, facts.server_id.lower()):
                raise ExpectedError(SERVER_CONFLICT, host=host)
            return by_id
        try:
            name = host or host_name(facts.server_id)  # of a server that does not say what it is called
        except ExpectedError:
            return None
        by_host = servers.filter(host=name).first()
        if by_host is not None:
            if facts.server_id and by_host.server_id:
                raise ExpectedError(SERVER_CONFLICT, host=name)
            return by_host
        audit_log.record(enterprise, AuditAction.INSTANCE_ADD, name)
        return servers.create(
            enterprise=enterprise,
            kind=DeploymentKind.SERVER,
            host=name,
            server_id=facts.server_id,
        )


def belongs_elsewhere(enterprise: Enterprise, facts: ServerFacts, *, host: str) -> bool:
    """Whether an export says that it is of another server than the one with this host name. Where its host name and
    its server id don't fit together (`server_of`), whoever names one of the two has settled it."""
    servers = Deployment.objects.filter(enterprise=enterprise, kind=DeploymentKind.SERVER)
    named = servers.filter(host=host_name(host)).first()
    says = _host_said(facts)
    if says == host_name(host):
        return False
    if facts.server_id and (of_id := servers.filter(server_id=facts.server_id).first()):
        return of_id != named
    if not says:
        return False
    if by_host := servers.filter(host=says).first():
        return by_host.server_id in ("", facts.server_id)
    return named is None or bool(named.server_id)  # one of unknown id may be called otherwise by itself


def end_earlier_counts(enterprise: Enterprise) -> None:
    """Nobody may go on reading a count before the one that is shown: its rows go now."""
    Enterprise.objects.filter(pk=enterprise.pk).update(readable_from=enterprise.generation)


def take_facts(deployment: Deployment, facts: ServerFacts, **changes: Any) -> None:
    """Keep what an export says about its server; what it does not say stays as it is, and so does the host name,
    which changes with the next count only (`host_by`). An id that belongs to another instance is left there."""
    said: dict[str, Any] = {
        "server_id": facts.server_id,
        "customer_name": facts.customer_name,
        "version": facts.version[:50],  # a server that is asked may say anything; of an export all is short (`feeds`)
        "license_hash": facts.license_hash,
        "public_key": facts.public_key,
        "dormancy_threshold_days": facts.dormancy_threshold_days,
    }
    said = {name: value for name, value in said.items() if value}
    if facts.tells_license:
        said["license_expires_at"] = facts.license_expires_at
    if facts.http_only is not None:
        said["http_only"] = facts.http_only
    if facts.features is not None:  # all of them: those that it does not name are off now
        said["features"] = facts.features
    if "server_id" in said and _others(deployment).filter(server_id=said["server_id"]).exists():
        del said["server_id"]
    Deployment.objects.filter(pk=deployment.pk).update(**said, **changes)


@transaction.atomic
def note_github_syncs(enterprise: Enterprise, syncs: Collection[ServerSync]) -> None:
    """When GitHub last synced each server by itself: by server id, else by host name. Of a server that it does not name
    nothing is known any more."""
    hold_enterprise(enterprise.pk)
    by_id = {sync.server_id: sync for sync in syncs if sync.server_id}
    by_host = {sync.host: sync for sync in syncs if sync.host}
    servers = list(Deployment.objects.filter(enterprise=enterprise, kind=DeploymentKind.SERVER))
    for server in servers:
        sync = by_id.get(server.server_id) or by_host.get(server.host)
        server.github_synced_at = sync.at if sync else None
        server.github_sync_problem = sync.problem[:300] if sync else ""
    Deployment.objects.bulk_update(servers, ["github_synced_at", "github_sync_problem"])


def host_by(deployment: Deployment, facts: ServerFacts | None) -> str:
    """The host name of a deployment by what its list says; as it is where the list has none that could be one.

    A name that belongs to another instance is left there: this one is a copy that the owner told apart.
    """
    host = _host_said(facts) if facts else ""
    return deployment.host if not host or _others(deployment).filter(host=host).exists() else host


def other_of(deployment: Deployment, facts: ServerFacts) -> Deployment | None:
    """Another instance of the enterprise that an export is of: the one with its server id, or its host name, unless
    the id proves that it is of this one."""
    if facts.server_id and facts.server_id == deployment.server_id:
        return None
    if facts.server_id and (of_id := _others(deployment).filter(server_id=facts.server_id).first()):
        return of_id
    host = _host_said(facts)
    return _others(deployment).filter(host=host).first() if host else None


def _host_said(facts: ServerFacts) -> str:
    """The host name by what an export says, "" where that is none that could be one."""
    try:
        return host_name(facts.host)
    except ExpectedError:
        return ""


def _others(deployment: Deployment) -> QuerySet[Deployment]:
    return Deployment.objects.filter(enterprise=deployment.enterprise_id).exclude(pk=deployment.pk)


def accounts_elsewhere(deployment: Deployment) -> tuple[int, int]:
    """The accounts of the enterprise's other deployments, and how many of them are suspended."""
    others = _others(deployment).aggregate(accounts=Sum("accounts", default=0), suspended=Sum("suspended", default=0))
    return others["accounts"], others["suspended"]


def delete(deployment: Deployment) -> None:
    """Delete a deployment and whatever still belongs to it."""
    with transaction.atomic():
        # Locked first, as by whoever gives it a job or cancels one; the cascade would lock its jobs first.
        list(Deployment.objects.select_for_update().filter(pk=deployment.pk))
        Deployment.objects.filter(pk=deployment.pk).delete()


def list_came_again(
    deployment: Deployment, *, event: UsageEvent, taken_at: datetime, list_date: datetime, **dates: datetime
) -> None:
    """The list that counts came once more: nothing changed since, and it is readable."""
    Deployment.objects.filter(pk=deployment.pk).update(
        last_event=event,
        last_usage_at=taken_at,
        list_date=Greatest("list_date", Value(list_date)),
        list_encrypted_at=None,
        **dates,
    )


def show_generation(enterprise: Enterprise, generation: int, only_here: dict[int, int]) -> None:
    """Let everybody see this count. `only_here`: people by the one deployment that they are on."""
    Enterprise.objects.filter(pk=enterprise.pk).update(generation=generation)
    changed = []
    for deployment in Deployment.objects.filter(enterprise=enterprise):
        people = only_here.get(deployment.pk, 0)
        if deployment.only_here != people:
            deployment.only_here = people
            changed.append(deployment)
    Deployment.objects.bulk_update(changed, ["only_here"])


def show_no_list(deployment: Deployment) -> None:
    """Note that the accounts of a deployment count no more: as before its first list."""
    Deployment.objects.filter(pk=deployment.pk).update(
        last_event=UsageEvent.NEVER,
        last_usage_at=None,
        list_date=None,
        list_digest="",
        identities_at=None,
        identities_problem=None,
        accounts=0,
        suspended=0,
        dormant=None,
        total_seats_consumed=None,
        total_seats_purchased=None,
    )


def show_identities(deployment: Deployment, *, identities_at: datetime) -> None:
    """Note of when the linked identities are that the accounts of the cloud now have."""
    Deployment.objects.filter(pk=deployment.pk).update(identities_at=identities_at)


def note_identities_problem(deployment: Deployment, problem: ExpectedError | None) -> None:
    """Why a sync could not fetch the linked identities of the cloud; None: it could."""
    said = {"code": problem.problem.code, "params": problem.params} if problem else None
    Deployment.objects.filter(pk=deployment.pk).update(identities_problem=said)


def show_list(deployment: Deployment, **facts: Any) -> None:
    """Note which list a deployment now shows, and its figures."""
    Deployment.objects.filter(pk=deployment.pk).update(list_encrypted_at=None, **facts)
