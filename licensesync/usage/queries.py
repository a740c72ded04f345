"""Reads of what deployments reported."""

from dataclasses import dataclass

from licensesync.enterprises.models import Deployment
from licensesync.usage import bulk
from licensesync.usage.models import OPEN, CloudAddress, CloudUser, ServerOnlyPerson


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
    for accounts, suspended, said, dormant in bulk.stream(
        f"""SELECT count(*), count(CASE WHEN suspended THEN 1 END), count(dormant),
                   count(CASE WHEN dormant AND NOT suspended THEN 1 END)
            FROM usage_serveruseraccount WHERE deployment_id = %s AND valid_to = {OPEN}""",
        [deployment.pk],
    ):
        return Figures(accounts, suspended, dormant if said else None)
    raise AssertionError("an aggregate has one row")


def total_accounts(enterprise_id: int) -> int:
    """All accounts of an enterprise, suspended ones too, with a list that is about to be shown."""
    ours = (
        f"""deployment_id IN (SELECT id FROM enterprises_deployment WHERE enterprise_id = %s) AND valid_to = {OPEN}"""
    )
    return sum(
        int(bulk.value(f"SELECT count(*) FROM {table} WHERE {ours}", [enterprise_id]))
        for table in ("usage_serveruseraccount", "usage_clouduser")
    )


def cloud_names(cloud: Deployment) -> set[int]:
    """The `CloudAddress.Kind`s that the cloud's list carries: by what its accounts can be found at all."""
    ours = CloudAddress.objects.filter(cloud_user__deployment=cloud, valid_to=OPEN)
    return {kind for kind in CloudAddress.Kind.values if ours.filter(kind=kind).exists()}


def units_named(*, cloud_users: list[int], people: list[int]) -> dict[tuple[bool, int], str]:
    """What GitHub calls whom it counts, by (is a cloud user, key of the row): the login, or the accounts on servers."""
    found = {
        (True, pk): login or name
        for pk, login, name in CloudUser.objects.filter(pk__in=cloud_users).values_list("pk", "login", "name")
    }
    for pk, ids in ServerOnlyPerson.objects.filter(pk__in=people).values_list("pk", "server_user_ids"):
        found[False, pk] = ", ".join(ids)
    return found
