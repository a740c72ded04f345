"""Visual Studio subscriptions that nobody uses: GitHub's list has them without an account, in the cloud or on a server,
and nobody who consumes a license has their e-mail (docs/matching.md). As rows, as CSV."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from django.db.models import Exists, OuterRef, Q, QuerySet

from licensesync.enterprises.models import Deployment, DeploymentKind
from licensesync.licenses.csv_report import csv_line, safe
from licensesync.licenses.entries import CloudFacts
from licensesync.usage.models import CLAIMS, CloudAddress, CloudUser, ServerUserAccount, valid_at

COLUMNS = ("Visual studio subscription email", "Name", "Visual studio license status")
AT_ONCE = 1_000

_KIND = CloudAddress.Kind


@dataclass(frozen=True, slots=True)
class Subscription:
    user_id: int  # of its row: where it stands in the list
    email: str
    name: str
    status: str  # as GitHub's list says it, "" where it says nothing


def unused_of(cloud: Deployment) -> QuerySet[CloudUser]:
    """As they were counted last, in the order in which they first came. Rows for `subscription_of`."""
    enterprise = cloud.enterprise
    now = valid_at(enterprise.generation)
    servers = Deployment.objects.filter(enterprise=enterprise, kind=DeploymentKind.SERVER).values_list("pk", flat=True)
    on_server = ServerUserAccount.objects.filter(
        now, deployment__in=list(servers), consumes=True, address=OuterRef("address")
    )
    in_cloud = CloudAddress.objects.filter(
        now,
        kind__in=CLAIMS,
        address=OuterRef("address"),
        cloud_user__deployment=cloud,
        cloud_user__consumes=True,
    )
    met = Q(Exists(on_server) | Exists(in_cloud), kind=_KIND.SUBSCRIPTION)
    named = Q(kind=_KIND.SERVER_ACCOUNT)  # GitHub knows by more addresses than its list tells whose it is
    used = CloudAddress.objects.filter(met | named, now, cloud_user=OuterRef("pk"))
    return CloudUser.objects.filter(~Exists(used), now, deployment=cloud, consumes=False).order_by("user_id")


def subscription_of(row: CloudUser) -> Subscription:
    facts = msgspec.convert(row.facts, CloudFacts)
    return Subscription(row.user_id, facts.visual_studio_email, row.name, facts.visual_studio_status)


def csv_of_unused(cloud: Deployment) -> Iterator[str]:
    """A block at a time: a slow reader holds nothing open."""
    yield csv_line(COLUMNS)
    rows, last = unused_of(cloud), 0
    while block := [subscription_of(row) for row in rows.filter(user_id__gt=last)[:AT_ONCE]]:
        yield "".join([csv_line((safe(each.email), safe(each.name), safe(each.status))) for each in block])
        last = block[-1].user_id
