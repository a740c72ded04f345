"""The groups of the example enterprise turned into accounts of servers and rows of the cloud's list."""

import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from licensesync.demo.groups import (
    APAC,
    EMEA,
    GROUPS,
    MACHINE_USERS,
    SCIM_ADMIN,
    Cloud,
    Domain,
    Group,
)
from licensesync.demo.people import Person, people, unused

DORMANCY = timedelta(days=90)
ORGANIZATIONS = ("octo-platform", "octo-mobile", "octo-data", "octo-security", "octo-retail")


@dataclass(kw_only=True)
class ServerAccount:
    host: str
    login: str
    name: str
    email: str
    created_at: datetime
    last_active_at: datetime
    dormant: bool
    user_id: int = 0  # numbered at the end, in the order of creation
    other_emails: list[str] = field(default_factory=list)
    site_admin: bool = False
    suspended: bool = False
    two_factor: bool = True


@dataclass(kw_only=True)
class CloudRow:
    """One row of the cloud's list: a cloud account, or somebody whom GitHub counts without one."""

    login: str = ""
    name: str | None = None
    saml_name_id: str | None = None
    verified_emails: list[str] = field(default_factory=list)
    member_roles: list[str] = field(default_factory=list)
    enterprise_roles: list[str] = field(default_factory=list)
    pending_invites: list[str] = field(default_factory=list)
    two_factor: bool | None = None
    subscription_email: str | None = None
    server_accounts: list[ServerAccount] = field(default_factory=list)  # as GitHub linked them

    @property
    def uses_cloud(self) -> bool:
        return bool(self.login)


class ExampleEnterprise:
    """Everybody's accounts. The same seed and day give the same enterprise."""

    def __init__(self, seed: int, today: datetime) -> None:
        self.servers: dict[str, list[ServerAccount]] = {EMEA: [], APAC: []}
        self.cloud: list[CloudRow] = []
        self._random = random.Random(seed)  # noqa: S311 (repeatable, not secret)
        self._today = today.replace(microsecond=0)
        self._logins: dict[str, set[str]] = {EMEA: {SCIM_ADMIN}, APAC: {SCIM_ADMIN}}

        names = [name for group in GROUPS for name in group.names]
        everybody = people(seed, sum(group.size for group in GROUPS), including=names)
        named = {person.name: person for person in everybody[: len(names)]}
        others = iter(everybody[len(names) :])
        for group in GROUPS:
            members = [named[name] for name in group.names]
            members += [next(others) for _ in range(group.size - len(group.names))]
            for person in members:
                self._add(person, group)
        self._add_machines()
        for accounts in self.servers.values():
            self._number(accounts)
        self.cloud.sort(key=lambda row: (not row.login, row.login))

    def _add(self, person: Person, group: Group) -> None:
        accounts = [self._server_account(person, host, group) for host in group.servers]
        for account in accounts:
            self.servers[account.host].append(account)
        is_active = not group.suspended or group.suspended_since
        seen = accounts if group.known_to_github and is_active else []
        if group.cloud is not Cloud.NOT:
            counted_twice = Domain.PRIVATE in group.servers.values()
            self.cloud += self._cloud_rows(person, group, [] if counted_twice else seen)
            seen = seen if counted_twice else []
        if seen:  # GitHub has a row of its own for people whom it finds on servers only
            self.cloud.append(CloudRow(server_accounts=seen))

    def _cloud_rows(self, person: Person, group: Group, linked: list[ServerAccount]) -> list[CloudRow]:
        work = f"{person.mailbox}@{Domain.WORK}"
        row = CloudRow(
            login=person.login,
            name=person.name if self._random.random() < 0.7 else None,
            two_factor=self._random.random() > 0.04,
            server_accounts=linked,
        )
        match group.cloud:
            case Cloud.OUTSIDE:
                return [replace(row, enterprise_roles=["Outside collaborator"])]
            case Cloud.INVITED | Cloud.INVITED_BY_EMAIL:
                row = replace(row, enterprise_roles=["Pending outside collaborator invitation"], two_factor=None)
                by_login = group.cloud is Cloud.INVITED
                return [row if by_login else replace(row, login="", name=None, verified_emails=[work])]
            case Cloud.UNLINKED_SUBSCRIBER:
                return [CloudRow(subscription_email=work)]

        verified = [work]
        if Domain.REGIONAL in group.servers.values():
            verified.append(f"{person.mailbox}@{Domain.REGIONAL}")
        row = replace(
            row,
            verified_emails=verified,
            saml_name_id=f"E{self._random.randrange(100_000, 999_999)}" if group.cloud is Cloud.STAFF_NUMBER else work,
            member_roles=self._member_roles(),
            enterprise_roles=["Owner", "Member"] if self._random.random() < 0.004 else ["Member"],
            pending_invites=[self._random.choice(ORGANIZATIONS)] if self._random.random() < 0.01 else [],
            subscription_email=work if group.cloud is Cloud.SUBSCRIBER else None,
        )
        if group.cloud is Cloud.TWICE:
            return [row, CloudRow(login=f"{person.login}-test", verified_emails=[work], enterprise_roles=["Member"])]
        return [row]

    def _member_roles(self) -> list[str]:
        organizations = sorted(self._random.sample(ORGANIZATIONS, self._random.choice((1, 1, 1, 2, 2, 3))))
        return [f"{each}:{'Owner' if self._random.random() < 0.05 else 'Member'}" for each in organizations]

    def _server_account(self, person: Person, host: str, group: Group) -> ServerAccount:
        domain = group.servers[host]
        # The two servers were set up by different people: a.carvalho's login is acarvalho here, ana-carvalho there.
        first, _, family = person.mailbox.partition(".")
        wish = f"{first[0]}{family.replace('-', '')}" if host == EMEA else person.mailbox.replace(".", "-")
        other_emails = []
        if domain is Domain.PRIVATE:
            other_emails.append(f"{person.mailbox}@{Domain.WORK}")
        elif self._random.random() < 0.15:
            other_emails.append(f"{person.mailbox}@{Domain.PRIVATE}")
        return replace(
            self._account(host, unused(wish, self._logins[host]), new=not group.known_to_github),
            name=person.name if self._random.random() < 0.9 else "",
            email=f"{person.mailbox}@{domain}",
            other_emails=other_emails,
            site_admin=self._random.random() < 0.008,
            suspended=group.suspended,
        )

    def _account(self, host: str, login: str, *, new: bool = False) -> ServerAccount:
        """An account that is nobody's yet; `new`: since GitHub's last sync."""
        dormancy_starts = self._today - DORMANCY
        dormant = not new and self._random.random() < 0.07
        if new:
            created_at = self._between(self._today - timedelta(days=10), self._today)
        else:
            created_at = self._between(self._today - timedelta(days=2_500), dormancy_starts - timedelta(days=60))
        if dormant:
            last_active_at = self._between(dormancy_starts - timedelta(days=60), dormancy_starts)
        else:
            last_active_at = self._between(max(created_at, dormancy_starts), self._today)
        return ServerAccount(
            host=host,
            login=login,
            name="",
            email="",
            created_at=created_at,
            last_active_at=last_active_at,
            dormant=dormant,
            two_factor=self._random.random() > 0.06,
        )

    def _between(self, start: datetime, end: datetime) -> datetime:
        return start + timedelta(seconds=self._random.randint(0, int((end - start).total_seconds())))

    def _add_machines(self) -> None:
        for login, host, email in MACHINE_USERS:
            machine = replace(self._account(host, login), email=email, two_factor=False)
            self.servers[host].append(machine)
            self.cloud.append(CloudRow(server_accounts=[machine]))
        for host, accounts in self.servers.items():
            accounts.append(self._account(host, SCIM_ADMIN))

    def _number(self, accounts: list[ServerAccount]) -> None:
        """User ids grow with time and have gaps, where accounts were deleted."""
        accounts.sort(key=lambda account: account.created_at)
        user_id = 2
        for account in accounts:
            user_id += self._random.choice((1, 1, 1, 2, 4))
            account.user_id = user_id
