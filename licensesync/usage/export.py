"""What an instance last reported, as the file that it came in or could have come in: "Export license usage"."""

from collections.abc import Iterator

from django.db.models import QuerySet

from licensesync.enterprises.models import Deployment
from licensesync.feeds.license_usage import license_usage
from licensesync.feeds.records import ServerFacts
from licensesync.feeds.records import ServerUserAccount as Record
from licensesync.usage.models import ServerUserAccount, valid_at

AT_ONCE = 5_000  # accounts

_COLUMNS = (
    "user_id", "login", "name", "email", "other_emails", "site_admin", "suspended", "dormant", "two_factor",
    "created_at", "last_active_at",
)  # fmt: skip


def export_usage(server: Deployment) -> Iterator[str]:
    """All accounts of an instance in the count that everybody sees, and the facts about it, as pieces of JSON.

    Taken in again it changes nothing: what a list can say of an account is in it, under the date of its list.
    """
    return license_usage(facts_of(server), _blocks(server_accounts(server)))


def facts_of(server: Deployment) -> ServerFacts:
    """What the instance has said about itself."""
    return ServerFacts(
        server_id=server.server_id,
        host=server.host,
        customer_name=server.customer_name,
        version=server.version,
        http_only=server.http_only,
        license_hash=server.license_hash,
        public_key=server.public_key,
        features=server.features or None,  # none is on, or nobody has said so
        dormancy_threshold_days=server.dormancy_threshold_days,
        exported_at=server.list_date,
    )


def server_accounts(server: Deployment) -> QuerySet[ServerUserAccount]:
    """The accounts of an instance in the count that everybody sees, suspended ones too."""
    return ServerUserAccount.objects.filter(valid_at(server.enterprise.generation), deployment=server)


def _blocks(accounts: QuerySet[ServerUserAccount]) -> Iterator[list[Record]]:
    """By user id, each block found by the last one of the block before: a slow reader keeps nothing open."""
    rows, last = accounts.order_by("user_id").values_list(*_COLUMNS), 0
    while block := list(rows.filter(user_id__gt=last)[:AT_ONCE]):
        records = [Record(*row) for row in block]
        yield [
            record if record.other_emails is None else record._replace(other_emails=tuple(record.other_emails))
            for record in records
        ]
        last = records[-1].user_id
