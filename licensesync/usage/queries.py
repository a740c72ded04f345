"""Reads of what deployments reported."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.feeds.values import named_account
from licensesync.matching.addresses import address_key
from licensesync.usage import bulk
from licensesync.usage.models import OPEN, VALID, CloudAddress, CloudUser, ServerOnlyPerson, ServerUserAccount, valid_at

LOOKED_AT, FEWEST_ALIKE = 300, 5  # accounts, to tell what a list has, or whether two servers are one
MOST_UNCOUNTED = 3


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the list that a deployment reported last. `dormant` is None where the list does not say."""

    accounts: int
    suspended: int
    dormant: int | None


def figures(deployment: Deployment) -> Figures:
    """Counted from the rows that are open, so with a list that is about to be shown."""
    if not deployment.is_server:
        sql = f"SELECT count(*) FROM usage_clouduser WHERE deployment_id = %s AND valid_to = {OPEN} AND consumes"
        return Figures(int(bulk.value(sql, [deployment.pk])), 0, None)
    accounts, suspended, said, dormant = bulk.row(
        f"""SELECT count(*), count(CASE WHEN suspended THEN 1 END), count(dormant),
                   count(CASE WHEN dormant AND NOT suspended THEN 1 END)
            FROM usage_serveruseraccount WHERE deployment_id = %s AND valid_to = {OPEN}""",
        [deployment.pk],
    )
    return Figures(accounts, suspended, dormant if said else None)


def looks_like(server: Deployment) -> Deployment | None:
    """The other server that has most of the accounts of this one, by user id and login, as one has that was called by
    another name before, or is a copy. Looks at the first few hundred, with a list that is about to be shown."""
    ours = ServerUserAccount.objects.filter(deployment=server, valid_to=OPEN).order_by("user_id")
    alike = _servers_with(server.enterprise_id, dict(ours.values_list("user_id", "login")[:LOOKED_AT]))
    others = [pk for pk in alike if pk != server.pk]
    return Deployment.objects.get(pk=others[0]) if others else None


def server_with(enterprise: Enterprise, accounts: Mapping[int, str]) -> Deployment | None:
    """The one server that has most of these accounts, logins by user id; None where it is nobody's, or too few."""
    alike = _servers_with(enterprise.pk, accounts)
    return Deployment.objects.get(pk=alike[0]) if len(alike) == 1 else None


def _servers_with(enterprise_id: int, accounts: Mapping[int, str]) -> list[int]:
    """The servers that have most of these accounts, those with the most of them first."""
    theirs = ServerUserAccount.objects.filter(
        deployment__enterprise=enterprise_id,
        valid_to=OPEN,
        user_id__in=list(accounts),
        login__in=list(accounts.values()),  # else every server has some of the user ids, as each counts from 1
    )
    rows = theirs.values_list("deployment", "user_id", "login")
    same = Counter(deployment for deployment, user_id, login in rows if accounts[user_id] == login)
    return [pk for pk, number in same.most_common() if number >= FEWEST_ALIKE and number * 2 > len(accounts)]


@dataclass(frozen=True, slots=True)
class Uncounted:
    """An account that consumes no license: suspended, or the one that GitHub makes to set SCIM up."""

    login: str
    suspended: bool
    deployment_id: int


def uncounted(enterprise: Enterprise, named: str) -> list[Uncounted]:
    """The first accounts of servers that consume no license and have this login or primary e-mail."""
    has_none = f"SELECT id FROM usage_serveruseraccount WHERE NOT consumes AND valid_to = {OPEN}"
    rows = bulk.rows(
        f"""SELECT login, suspended, deployment_id FROM usage_serveruseraccount
            WHERE id IN ({has_none} AND LOWER(login) = %(login)s UNION {has_none} AND address = %(address)s)
            AND deployment_id {of_enterprise("%(enterprise)s")} AND valid_from <= %(generation)s
            ORDER BY deployment_id, user_id LIMIT {MOST_UNCOUNTED}""",
        {
            "enterprise": enterprise.pk,
            "generation": enterprise.generation,
            "login": named.strip().lower(),
            "address": address_key(named),
        },
    )
    return [Uncounted(login, bool(suspended), deployment) for login, suspended, deployment in rows]


def of_enterprise(enterprise: str = "%s") -> str:
    """SQL behind the id of a deployment, whether it is one of the enterprise that the parameter names.

    With IN, PostgreSQL would go through a whole table once for each deployment.
    """
    ours = f"SELECT id FROM enterprises_deployment WHERE enterprise_id = {enterprise}"
    return f"IN ({ours})" if bulk.is_sqlite() else f"= ANY(ARRAY({ours}))"


def total_accounts(enterprise_id: int) -> int:
    """All accounts of an enterprise, suspended ones too, with a list that is about to be shown."""
    ours = f"deployment_id {of_enterprise()} AND valid_to = {OPEN}"
    return sum(
        int(bulk.value(f"SELECT count(*) FROM {table} WHERE {ours}", [enterprise_id]))
        for table in ("usage_serveruseraccount", "usage_clouduser")
    )


def cloud_names(cloud: Deployment, generation: int) -> set[int]:
    """The `CloudAddress.Kind`s that the cloud's list carries: by what its accounts can be found at all."""
    ours = CloudAddress.objects.filter(valid_at(generation), cloud_user__deployment=cloud)
    return {kind for kind in CloudAddress.Kind.values if ours.filter(kind=kind).exists()}


def lacking_secondary_emails(enterprise: Enterprise) -> set[int]:
    """The servers of whose accounts not all secondary e-mails are known, as a site-admin report tells none: by their
    first accounts."""
    rows = bulk.rows(
        f"""SELECT d.id FROM enterprises_deployment d
            WHERE d.enterprise_id = %(enterprise)s AND d.kind = 'server' AND d.accounts > 0 AND EXISTS (
                SELECT 1 FROM (
                    SELECT a.other_emails FROM usage_serveruseraccount a
                    WHERE a.deployment_id = d.id AND {VALID.format("a")} ORDER BY a.user_id LIMIT {LOOKED_AT}
                ) AS looked_at WHERE other_emails IS NULL
            )""",
        {"enterprise": enterprise.pk, "generation": enterprise.generation},
    )
    return {deployment for (deployment,) in rows}


@dataclass(frozen=True, slots=True)
class Unit:
    """Whom GitHub counts: what its list calls them, and the logins that we know for the accounts of theirs."""

    named: str
    logins: tuple[str, ...] = ()


def units_named(
    servers: Mapping[str, int], generation: int, *, cloud_users: list[int], people: list[int]
) -> dict[tuple[bool, int], Unit]:
    """Units by (is a cloud user, key of the row). `servers` are the deployments by host in small letters."""
    found = {
        (True, pk): Unit(login or name)
        for pk, login, name in CloudUser.objects.filter(pk__in=cloud_users).values_list("pk", "login", "name")
    }
    rows = list(ServerOnlyPerson.objects.filter(pk__in=people).values_list("pk", "server_user_ids"))
    logins = _logins({named for _pk, ids in rows for named in ids}, servers, generation)
    for pk, ids in rows:
        found[False, pk] = Unit(", ".join(ids), tuple(logins[named] for named in ids if named in logins))
    return found


def _logins(named: set[str], servers: Mapping[str, int], generation: int) -> dict[str, str]:
    """The logins of accounts that are named `host:user_id`."""
    wanted: dict[tuple[int, int], list[str]] = {}  # more than one name where a list spells a host in two ways
    for each in named:
        host, user_id = named_account(each)
        if host in servers and user_id is not None:
            wanted.setdefault((servers[host], user_id), []).append(each)
    found = accounts_by(wanted).filter(valid_at(generation)).values_list("deployment", "user_id", "login")
    return {name: login for deployment, user_id, login in found for name in wanted[deployment, user_id]}


def accounts_by(pairs: Iterable[tuple[int, int]]) -> QuerySet[ServerUserAccount]:
    """The rows of server accounts by deployment and user id, of any list."""
    user_ids: dict[int, list[int]] = {}
    for deployment, user_id in pairs:
        user_ids.setdefault(deployment, []).append(user_id)
    is_one = [Q(deployment=deployment, user_id__in=theirs) for deployment, theirs in user_ids.items()]
    return ServerUserAccount.objects.filter(reduce(or_, is_one)) if is_one else ServerUserAccount.objects.none()
