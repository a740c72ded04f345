"""What an enterprise does not keep of people: left out of every list before anything of it is stored."""

from licensesync.enterprises.models import Enterprise
from licensesync.feeds.records import CloudUser, ServerOnlyPerson, ServerUserAccount


def of_server(accounts: list[ServerUserAccount], enterprise: Enterprise) -> list[ServerUserAccount]:
    """Secondary addresses are unknown then; those that are stored go (`staging.new_server_facts`)."""
    if not enterprise.keeps_names:
        accounts = [account._replace(name="") for account in accounts]
    if not enterprise.keeps_secondary_emails:
        accounts = [account._replace(other_emails=None) for account in accounts]
    return accounts


def of_cloud(rows: list[CloudUser | ServerOnlyPerson], enterprise: Enterprise) -> list[CloudUser | ServerOnlyPerson]:
    """Every address of the cloud's list is one that people are matched by."""
    if enterprise.keeps_names:
        return rows
    return [row._replace(name="") if isinstance(row, CloudUser) else row for row in rows]
