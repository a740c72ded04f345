"""Is GitHub's own number right? What GitHub's list counts as one person each, beside our licenses.

GitHub's number is that of its units, ours that of our licenses, so the difference is: the units too many + the units
alone - the licenses alone (`licenses.causes`). Everybody in it is one entry, with one cause. Everything is found set by
set; only those who differ are looked at one by one, and a count is compared once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, groupby, islice
from operator import itemgetter
from typing import Any

import msgspec

from licensesync.enterprises.models import Deployment, DeploymentKind, Enterprise
from licensesync.feeds.values import named_account
from licensesync.licenses.causes import Account, Cause, Evidence, Kind, cause_of
from licensesync.licenses.models import Count, GitHubComparison
from licensesync.matching.addresses import address_key
from licensesync.usage import bulk, guarded
from licensesync.usage.models import CLAIMS, VALID, CloudAddress

IN_MEMORY = 8
AT_ONCE = 50_000  # licenses that are compared while somebody waits: about two seconds
_KINDS = tuple(Kind)
_CAUSES = tuple(Cause)

_CLOUD, _SERVER_ONLY = 1, 2  # kinds of units: a row of CloudUser, a ServerOnlyPerson


class NotComparedYet(Exception):
    """So many licenses take longer than somebody waits for an answer; `flows.compare` does it."""


class Entry(msgspec.Struct, array_like=True, frozen=True):
    """Somebody of the difference. `unit` is the row of usage_serveronlyperson or usage_clouduser, 0 for a license
    alone; `number` that of the license, 0 for a unit alone."""

    cause_index: int
    kind_index: int
    is_cloud: bool
    unit: int
    number: int

    @property
    def cause(self) -> Cause:
        return _CAUSES[self.cause_index]

    @property
    def kind(self) -> Kind:
        return _KINDS[self.kind_index]


class Comparison(msgspec.Struct):
    """`units` is how many GitHub counts, `licenses` how many we do."""

    units: int
    licenses: int
    entries: list[Entry]
    twice: list[int]  # those of `doubled` who are in no difference: GitHub counts them twice as well
    twice_with: dict[int, list[int]] = {}  # the licenses on servers only of all of them, by that of the cloud account
    unknown_hosts: list[str] = []  # servers whose accounts GitHub's list names, and that have reported nothing here

    @property
    def doubled(self) -> list[int]:
        """Everybody on servers only who seems to be one person with a cloud account, whether GitHub counts them or not:
        each is one license less once the address is the primary one of all of their accounts."""
        return sorted({*self.twice}.union(*self.twice_with.values()))

    @property
    def difference(self) -> int:
        return self.units - self.licenses

    def by_cause(self) -> dict[Cause, tuple[int, int]]:
        """How many GitHub counts more and fewer, by cause, in the order in which the causes hold."""
        more, fewer = dict.fromkeys(Cause, 0), dict.fromkeys(Cause, 0)
        for entry in self.entries:
            (more if entry.kind.by_github else fewer)[entry.cause] += 1
        return {cause: (more[cause], fewer[cause]) for cause in Cause if more[cause] or fewer[cause]}


@dataclass(frozen=True)
class _Scope:
    cloud: Deployment
    generation: int
    hosts: dict[str, int]  # deployments that have reported, by host in small letters

    @property
    def params(self) -> dict[str, Any]:
        return {
            "cloud": self.cloud.pk,
            "enterprise": self.cloud.enterprise_id,
            "generation": self.generation,
            "linked": CloudAddress.Kind.SERVER_ACCOUNT.value,
        }


def comparison_of(enterprise: Enterprise) -> Comparison | None:
    """Of the count that everybody sees; None when the cloud has reported nothing. Raises NotComparedYet."""
    scope = _scope_of(enterprise)
    if scope is None:
        return None
    stored = known_comparison(enterprise)
    if stored is None:
        count = Count.objects.get(enterprise=enterprise, generation=enterprise.generation)
        if count.consumed > AT_ONCE:
            raise NotComparedYet
        stored = _compare(scope)
        _store(enterprise, stored)
    return stored


def known_comparison(enterprise: Enterprise) -> Comparison | None:
    """Of the count that everybody sees; None before somebody has compared, for a page that only mentions it."""
    key = _stored(enterprise)
    try:
        return _loaded(key) if key is not None else None
    except GitHubComparison.DoesNotExist:  # a newer one has just taken its place
        return None


def counted_again(enterprise: Enterprise, number: int) -> list[int]:
    """The licenses on servers only by which the person of a cloud account seems to be counted once more, as far as it
    is known."""
    known = known_comparison(enterprise)
    return known.twice_with.get(number, []) if known else []


def compare(enterprise: Enterprise) -> None:
    """Compare the count that everybody sees, where that is not done yet. For a million people it takes up to
    three quarters of a minute."""
    scope = _scope_of(enterprise)
    if scope is not None and _stored(enterprise) is None:
        _store(enterprise, _compare(scope))


def _scope_of(enterprise: Enterprise) -> _Scope | None:
    """None when the cloud has reported nothing."""
    reported = Deployment.objects.filter(enterprise=enterprise, last_usage_at__isnull=False)
    cloud = next((each for each in reported if each.kind == DeploymentKind.CLOUD), None)
    if cloud is None or not enterprise.generation:
        return None
    hosts = {each.host.lower(): each.pk for each in reported if each.is_server}
    return _Scope(cloud, enterprise.generation, hosts)


def _stored(enterprise: Enterprise) -> int | None:
    stored = GitHubComparison.objects.filter(enterprise=enterprise, generation=enterprise.generation)
    return stored.values_list("pk", flat=True).first()


def _store(enterprise: Enterprise, found: Comparison) -> None:
    """Keep it instead of those of earlier counts."""
    content = msgspec.msgpack.encode(found)
    with guarded.writing():
        GitHubComparison.objects.filter(enterprise=enterprise, generation__lt=enterprise.generation).delete()
        GitHubComparison.objects.bulk_create(
            [GitHubComparison(enterprise=enterprise, generation=enterprise.generation, content=content)],
            ignore_conflicts=True,  # somebody else compared at the same moment
        )


@lru_cache(maxsize=IN_MEMORY)
def _loaded(key: int) -> Comparison:
    content: Any = GitHubComparison.objects.values_list("content", flat=True).get(pk=key)
    return msgspec.msgpack.decode(content, type=Comparison)


def _compare(scope: _Scope) -> Comparison:
    try:
        unknown_hosts = _name_accounts(scope)
        _find_units(scope)
        entries = [*_units(scope), *_licenses_alone(scope)]
        twice_with: dict[int, list[int]] = {}
        for of_cloud, number in _twice(scope):
            twice_with.setdefault(of_cloud, []).append(number)
        return Comparison(
            units=bulk.value("SELECT count(*) FROM compared_unit"),
            licenses=bulk.value(
                f"""SELECT count(*) FROM licenses_consumedlicense l
                    WHERE l.enterprise_id = %(enterprise)s AND {VALID.format("l")}""",
                scope.params,
            ),
            entries=sorted(entries, key=lambda entry: (entry.cause_index, entry.kind_index, entry.number, entry.unit)),
            twice=sorted({*chain.from_iterable(twice_with.values())} - {entry.number for entry in entries}),
            twice_with=twice_with,
            unknown_hosts=sorted(unknown_hosts),
        )
    finally:
        bulk.drop_temporary_tables("named_account", "compared_unit", "github_newest", "other_address")


def _name_accounts(scope: _Scope) -> set[str]:
    """`named_account`: which server accounts the units name, also of servers that are not known here (deployment 0);
    `github_newest`: the highest user id of each server that GitHub's list names. Gives the hosts that are not known."""
    unknown: set[str] = set()
    bulk.new_temporary_table("named_account", "person_id bigint, deployment_id bigint, user_id bigint")
    people = bulk.stream(
        f"""SELECT p.id, p.server_user_ids FROM usage_serveronlyperson p
            WHERE p.deployment_id = %(cloud)s AND {VALID.format("p")}""",
        scope.params,
    )
    _load("named_account", ("person_id", "deployment_id", "user_id"), _named(people, scope.hosts, unknown))
    if bulk.is_sqlite():
        bulk.execute("CREATE INDEX temp.named_account_person ON named_account (person_id)")
        bulk.execute("CREATE INDEX temp.named_account_account ON named_account (deployment_id, user_id)")
    bulk.analyze("named_account")
    newest: dict[int, int] = {}
    named = "SELECT deployment_id, max(user_id) FROM named_account WHERE deployment_id > 0 GROUP BY deployment_id"
    for deployment, user_id in bulk.stream(named):
        newest[deployment] = user_id
    linked = bulk.stream(
        f"""SELECT a.address, max(a.user_id) FROM usage_cloudaddress a
            JOIN usage_clouduser c ON c.id = a.cloud_user_id
            WHERE c.deployment_id = %(cloud)s AND a.kind = %(linked)s AND {VALID.format("a")} GROUP BY a.address""",
        scope.params,
    )
    for host, user_id in linked:
        deployment = scope.hosts.get(host)
        if deployment:
            newest[deployment] = max(user_id, newest.get(deployment, 0))
        else:
            unknown.add(host)
    bulk.new_temporary_table("github_newest", "deployment_id bigint, user_id bigint")
    bulk.load_temporary("github_newest", ("deployment_id", "user_id"), newest.items())
    return unknown


def _named(people: Iterable[bulk.Row], hosts: dict[str, int], unknown: set[str]) -> Iterator[bulk.Row]:
    for person, server_user_ids in people:
        for each in _list(server_user_ids):
            host, user_id = named_account(each)
            if host and host not in hosts:
                unknown.add(host)
            yield person, hosts.get(host, 0), user_id or 0


def _find_units(scope: _Scope) -> None:
    """`compared_unit`: what GitHub counts, each with the lowest number of a license that holds an account of it."""
    bulk.new_temporary_table("compared_unit", "kind smallint, row_id bigint, number bigint")
    bulk.execute(
        f"""INSERT INTO compared_unit
            SELECT {_CLOUD}, c.id, l.number FROM usage_clouduser c
            LEFT JOIN licenses_licensedaccount l
                ON l.deployment_id = c.deployment_id AND l.user_id = c.user_id AND {VALID.format("l")}
            WHERE c.deployment_id = %(cloud)s AND {VALID.format("c")} AND c.consumes""",
        scope.params,
    )
    bulk.execute(
        f"""INSERT INTO compared_unit
            SELECT {_SERVER_ONLY}, n.person_id, min(l.number) FROM named_account n
            LEFT JOIN licenses_licensedaccount l
                ON l.deployment_id = n.deployment_id AND l.user_id = n.user_id AND {VALID.format("l")}
            GROUP BY n.person_id""",
        scope.params,
    )
    if bulk.is_sqlite():
        bulk.execute("CREATE INDEX temp.compared_unit_number ON compared_unit (number)")
    bulk.analyze("compared_unit")


# Who differs -------------------------------------------------------------------------------------------------------


def _units(scope: _Scope) -> Iterator[Entry]:
    """The units too many and the units alone, each with the accounts of ours that it names."""
    rows = bulk.stream(
        f"""SELECT u.kind, u.row_id, u.number, l.ambiguous, p.server_emails, n.deployment_id, a.consumes, a.address,
                   a.other_emails
            FROM (SELECT kind, row_id, number, row_number() OVER (PARTITION BY number ORDER BY kind, row_id) AS place
                  FROM compared_unit) u
            LEFT JOIN licenses_consumedlicense l
                ON l.enterprise_id = %(enterprise)s AND l.number = u.number AND {VALID.format("l")}
            LEFT JOIN usage_serveronlyperson p ON u.kind = {_SERVER_ONLY} AND p.id = u.row_id
            LEFT JOIN named_account n ON u.kind = {_SERVER_ONLY} AND n.person_id = u.row_id
            LEFT JOIN usage_serveruseraccount a
                ON a.deployment_id = n.deployment_id AND a.user_id = n.user_id AND {VALID.format("a")}
            WHERE u.number IS NULL OR u.place > 1
            ORDER BY u.kind, u.row_id""",
        scope.params,
    )
    for (unit_kind, row_id), found in groupby(rows, key=lambda row: (row[0], row[1])):
        several = list(found)
        _kind, _row, number, ambiguous, emails, *_rest = several[0]
        kind = Kind.UNIT_ALONE if number is None else Kind.UNIT_TOO_MANY
        seen = Evidence(
            kind,
            on_shared_server=unit_kind == _CLOUD or any(row[5] for row in several),
            accounts=tuple(_account(*row[6:9]) for row in several if row[6] is not None),
            github_addresses=_addresses(emails),
            ambiguous=bool(ambiguous),
        )
        yield _entry(seen, is_cloud=unit_kind == _CLOUD, unit=row_id, number=number or 0)


def _licenses_alone(scope: _Scope) -> Iterator[Entry]:
    """The licenses for which no unit stands, each with its server accounts and what GitHub has of them."""
    rows = bulk.stream(
        f"""SELECT l.number, l.ambiguous, p.server_emails, t.user_id, a.consumes, a.address, a.other_emails, a.user_id
            FROM licenses_consumedlicense l
            LEFT JOIN licenses_licensedaccount la
                ON la.enterprise_id = l.enterprise_id AND la.number = l.number AND {VALID.format("la")}
            LEFT JOIN usage_serveruseraccount a
                ON a.deployment_id = la.deployment_id AND a.user_id = la.user_id AND {VALID.format("a")}
            LEFT JOIN github_newest t ON t.deployment_id = la.deployment_id
            LEFT JOIN named_account n ON n.deployment_id = la.deployment_id AND n.user_id = la.user_id
            LEFT JOIN usage_serveronlyperson p ON p.id = n.person_id
            WHERE l.enterprise_id = %(enterprise)s AND {VALID.format("l")}
                AND NOT EXISTS (SELECT 1 FROM compared_unit u WHERE u.number = l.number)
            ORDER BY l.number""",
        scope.params,
    )
    for number, found in groupby(rows, key=itemgetter(0)):
        several = list(found)
        accounts = [row for row in several if row[4] is not None]
        seen = Evidence(
            Kind.LICENSE_ALONE,
            on_shared_server=not accounts or any(row[3] is not None for row in accounts),
            accounts=tuple(_account(*row[4:7], is_newer=row[3] is not None and row[7] > row[3]) for row in accounts),
            github_addresses=frozenset().union(*(_addresses(row[2]) for row in several)),
            ambiguous=bool(several[0][1]),
        )
        yield _entry(seen, is_cloud=False, unit=0, number=number)


def _entry(seen: Evidence, *, is_cloud: bool, unit: int, number: int) -> Entry:
    return Entry(_CAUSES.index(cause_of(seen)), _KINDS.index(seen.kind), is_cloud, unit, number)


def _twice(scope: _Scope) -> Iterator[bulk.Row]:
    """The license of a cloud account, and one on servers only of an account that has an address of it as a secondary
    e-mail."""
    rows = bulk.stream(
        f"""SELECT la.number, a.other_emails FROM usage_serveruseraccount a
            JOIN licenses_licensedaccount la
                ON la.deployment_id = a.deployment_id AND la.user_id = a.user_id AND {VALID.format("la")}
            JOIN licenses_consumedlicense l ON l.enterprise_id = la.enterprise_id AND l.number = la.number
                AND {VALID.format("l")} AND l."where" = 'server'
            WHERE la.enterprise_id = %(enterprise)s AND {VALID.format("a")} AND a.consumes
                AND a.other_emails IS NOT NULL AND CAST(a.other_emails AS text) <> '[]'""",
        scope.params,
    )
    bulk.new_temporary_table("other_address", "number bigint, address text")
    others = ((number, address) for number, emails in rows for address in sorted(_addresses(emails)))
    _load("other_address", ("number", "address"), others)
    bulk.analyze("other_address")
    claims = ", ".join(str(kind.value) for kind in CLAIMS)
    return bulk.stream(
        f"""SELECT DISTINCT l.number, o.number FROM other_address o
            JOIN usage_cloudaddress a ON a.address = o.address AND a.kind IN ({claims}) AND {VALID.format("a")}
            JOIN usage_clouduser c ON c.id = a.cloud_user_id AND c.deployment_id = %(cloud)s AND c.consumes
            JOIN licenses_licensedaccount l
                ON l.deployment_id = c.deployment_id AND l.user_id = c.user_id AND {VALID.format("l")}
            ORDER BY l.number, o.number""",
        scope.params,
    )


def _load(table: str, columns: tuple[str, ...], rows: Iterator[bulk.Row]) -> None:
    """Batch by batch: while PostgreSQL takes rows it can't give any, and these come from it."""
    while batch := list(islice(rows, bulk.STREAM_BATCH)):
        bulk.load_temporary(table, columns, batch)


def _account(consumes: Any, address: str, other_emails: Any, *, is_newer: bool = False) -> Account:
    return Account(bool(consumes), address, _addresses(other_emails), is_newer)


def _addresses(emails: Any) -> frozenset[str]:
    return frozenset(address_key(email) for email in _list(emails))


def _list(stored: Any) -> list[str]:
    """A JSON list as the database hands it out."""
    value = msgspec.json.decode(stored) if isinstance(stored, str) else stored
    return value or []
