"""Who is one person, and under which number: the engine's matches as temporary tables.

    host     the host names of the servers, which a cloud list names in its links
    matched  the person of every consuming server account, and of every subscriber that met somebody, with the reason
    member   every account of every person, with the license that it had before
    person   the license number of every person
    joined   those accounts of `member` that had another license before, or none
    parted   the accounts whose license is not theirs any more

A person is a cloud user's row id, or a negative number for people who are only on servers. With `only_affected`, all
of it is about the accounts of `licenses.affected` alone.
"""

from collections.abc import Iterable, Iterator
from itertools import count, islice

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.licenses.compose import CLOUD, SERVER, SUBSCRIBER
from licensesync.matching.engine import match
from licensesync.matching.records import AddressGroup, Candidate, Claim, Match, Rule
from licensesync.usage import bulk
from licensesync.usage.models import OPEN, CloudAddress
from licensesync.usage.queries import of_enterprise

BATCH = 20_000

_LINK, _SUBSCRIPTION = int(CloudAddress.Kind.SERVER_ACCOUNT), int(CloudAddress.Kind.SUBSCRIPTION)
_ACCOUNT = 0  # kind of a row in the stream that is a server account
_CLAIMS = {
    int(CloudAddress.Kind.SAML_OR_SCIM): Rule.SAML_OR_SCIM,
    int(CloudAddress.Kind.IDENTITY): Rule.SAML_OR_SCIM,
    int(CloudAddress.Kind.VERIFIED_EMAIL): Rule.VERIFIED_EMAIL,
}
_CLAIMING = ", ".join(map(str, _CLAIMS))


def _ours(table: str, affected: str, only_affected: bool) -> str:
    """The condition for open rows of this enterprise."""
    ours = f"{table}.deployment_id {of_enterprise('%(enterprise)s')}"
    scope = f" AND {table}.id IN (SELECT id FROM {affected})" if only_affected else ""
    return f"{ours} AND {table}.valid_to = {OPEN}{scope}"


def note_hosts(enterprise: Enterprise, renamed: dict[int, str]) -> None:
    """Fill `host`: the host names by deployment as this count will show them, `renamed` being what its list says."""
    bulk.new_temporary_table("host", "deployment_id bigint, host text")
    hosts = dict(Deployment.objects.filter(enterprise=enterprise).exclude(host="").values_list("pk", "host"))
    bulk.load_temporary("host", ("deployment_id", "host"), (hosts | renamed).items())


def match_people(enterprise: Enterprise, *, only_affected: bool, progress: bulk.Progress) -> None:
    """Fill `matched`. Streams everything that knows an address, sorted by address, through the engine."""
    bulk.new_temporary_table("matched", "person bigint, kind smallint, row_id bigint, rule text, ambiguous boolean")
    servers = _ours("s", "affected_server", only_affected) + " AND s.consumes"
    cloud = _ours("c", "affected_cloud", only_affected)
    links = f"""FROM usage_cloudaddress a
        JOIN usage_clouduser c ON c.id = a.cloud_user_id
        JOIN host h ON h.host = a.address
        JOIN usage_serveruseraccount s ON s.deployment_id = h.deployment_id AND s.user_id = a.user_id
        WHERE a.kind = {_LINK} AND c.consumes AND {cloud} AND {servers}"""
    in_order = "" if bulk.is_sqlite() else ' COLLATE "C"'
    params = {"enterprise": enterprise.pk}
    with_address = f"""
        SELECT address, kind, ref, login, linked FROM (
            SELECT s.address, {_ACCOUNT} AS kind, s.id AS ref, '' AS login, 0 AS linked
            FROM usage_serveruseraccount s WHERE s.address <> '' AND {servers}
            UNION ALL
            SELECT a.address, a.kind, c.id, c.login, 0 FROM usage_cloudaddress a
            JOIN usage_clouduser c ON c.id = a.cloud_user_id
            WHERE {cloud} AND ((a.kind IN ({_CLAIMING}) AND c.consumes)
                OR (a.kind = {_SUBSCRIPTION} AND NOT c.consumes))
            UNION ALL
            SELECT s.address, {_LINK}, s.id, c.login, c.id {links} AND s.address <> ''
        ) everything ORDER BY address{in_order}"""
    without_address = f"""
        SELECT ref, kind, login, linked FROM (
            SELECT s.id AS ref, {_ACCOUNT} AS kind, '' AS login, 0 AS linked
            FROM usage_serveruseraccount s WHERE s.address = '' AND {servers}
            UNION ALL
            SELECT s.id, {_LINK}, c.login, c.id {links} AND s.address = ''
        ) everything ORDER BY ref"""
    alone = count(-1, -1)  # numbers of people who are only on servers
    with bulk.unbuffered():
        _store(_people(match(_groups(bulk.stream(with_address, params))), alone), progress)
        _store(_people(match(_lone_groups(bulk.stream(without_address, params))), alone), progress)
    bulk.analyze("matched")


def _groups(rows: Iterable[bulk.Row]) -> Iterator[AddressGroup]:
    """Rows (address, kind, ref, login, linked), sorted by address, as the engine's groups."""
    address: str | None = None
    claims: list[Claim] = []
    accounts: list[int] = []
    subscribers: list[int] = []
    links: dict[int, list[tuple[str, int]]] = {}

    def group() -> AddressGroup:
        candidates = tuple([Candidate(ref, tuple(links.get(ref, ()))) for ref in accounts])
        return AddressGroup(address or "", tuple(claims), candidates, tuple(subscribers))

    for row_address, kind, ref, login, linked in rows:
        if row_address != address:
            if accounts or subscribers:
                yield group()
            address, claims, accounts, subscribers, links = row_address, [], [], [], {}
        if kind == _ACCOUNT:
            accounts.append(ref)
        elif kind == _LINK:
            links.setdefault(ref, []).append((login, linked))
        elif kind == _SUBSCRIPTION:
            subscribers.append(ref)
        else:
            claims.append(Claim(_CLAIMS[kind], ref, login))
    if accounts or subscribers:
        yield group()


def _lone_groups(rows: Iterable[bulk.Row]) -> Iterator[AddressGroup]:
    """Rows (ref, kind, login, linked), sorted by ref, of accounts without an address: a group each."""
    account: int | None = None
    links: list[tuple[str, int]] = []
    for ref, kind, login, linked in rows:
        if ref != account:
            if account is not None:
                yield AddressGroup("", (), (Candidate(account, tuple(links)),))
            account, links = ref, []
        if kind == _LINK:
            links.append((login, linked))
    if account is not None:
        yield AddressGroup("", (), (Candidate(account, tuple(links)),))


def _people(matches: Iterator[Match], alone: Iterator[int]) -> Iterator[bulk.Row]:
    """The engine's matches as rows of `matched`: whoever has no cloud account is one person with their address."""
    address, person = "", 0
    for found in matches:
        if found.cloud is not None:
            this = found.cloud
        else:
            if not found.address or found.address != address:
                address, person = found.address, next(alone)
            this = person
        yield this, SUBSCRIBER if found.is_subscriber else SERVER, found.ref, found.rule.value, found.ambiguous


def _store(rows: Iterator[bulk.Row], progress: bulk.Progress) -> None:
    done = 0
    while batch := list(islice(rows, BATCH)):
        done += bulk.load_temporary("matched", ("person", "kind", "row_id", "rule", "ambiguous"), batch)
        progress(done)


def number_people(enterprise: Enterprise, *, only_affected: bool, next_number: int) -> int:
    """Fill `member` and `person`; gives the next free license number.

    A person keeps the license of their cloud account, else that of their oldest server account. Where two people come
    out of one license, the one with the cloud account keeps it, else the one with the oldest account.
    """
    bulk.new_temporary_table(
        "member",
        "person bigint, kind smallint, row_id bigint, deployment_id bigint, user_id bigint, first_seen integer, "
        "old_number bigint, rule text, ambiguous boolean",
    )
    params = {"enterprise": enterprise.pk}
    had = f"""LEFT JOIN licenses_licensedaccount had
        ON had.deployment_id = r.deployment_id AND had.user_id = r.user_id AND had.valid_to = {OPEN}"""
    account = "r.id, r.deployment_id, r.user_id, r.first_seen"
    bulk.execute(
        f"""INSERT INTO member SELECT r.id, {CLOUD}, {account}, had.number, '{Rule.CLOUD_ACCOUNT.value}', false
            FROM usage_clouduser r {had} WHERE {_ours("r", "affected_cloud", only_affected)} AND r.consumes""",
        params,
    )
    bulk.execute(
        f"""INSERT INTO member SELECT m.person, {SERVER}, {account}, had.number, m.rule, m.ambiguous
            FROM matched m JOIN usage_serveruseraccount r ON r.id = m.row_id {had} WHERE m.kind = {SERVER}"""
    )
    bulk.execute(
        f"""INSERT INTO member SELECT m.person, {SUBSCRIBER}, {account}, NULL, m.rule, m.ambiguous
            FROM matched m JOIN usage_clouduser r ON r.id = m.row_id WHERE m.kind = {SUBSCRIBER}"""
    )
    if bulk.is_sqlite():
        bulk.execute("CREATE INDEX temp.member_account ON member (deployment_id, user_id)")
    elif only_affected:  # `find_moves` looks accounts up one by one where PostgreSQL thinks that they are few
        bulk.execute("CREATE INDEX member_account ON member (deployment_id, user_id)")
    bulk.analyze("member")

    bulk.new_temporary_table("person", "person bigint, number bigint")
    if bulk.is_sqlite():  # before the statements that look people up one by one
        bulk.execute("CREATE INDEX temp.person_person ON person (person)")
        bulk.execute("CREATE INDEX temp.person_number ON person (number)")
    oldest = "kind, first_seen, deployment_id, user_id"
    bulk.execute(
        f"""INSERT INTO person SELECT person, old_number FROM (
                SELECT person, old_number, ROW_NUMBER() OVER (PARTITION BY old_number ORDER BY {oldest}) AS heir
                FROM (
                    SELECT m.*, ROW_NUMBER() OVER (PARTITION BY person ORDER BY {oldest}) AS age
                    FROM member m WHERE old_number IS NOT NULL
                ) oldest_with_license WHERE age = 1
            ) heirs WHERE heir = 1"""
    )
    new = bulk.execute(
        """INSERT INTO person SELECT m.person, %(before)s + ROW_NUMBER() OVER (ORDER BY m.person) FROM (
               SELECT DISTINCT person FROM member
               WHERE NOT EXISTS (SELECT 1 FROM person p WHERE p.person = member.person)
           ) m""",
        {"before": next_number - 1},
    )
    bulk.analyze("person")
    return next_number + new


def count_people() -> int:
    """The people that `number_people` has numbered."""
    return int(bulk.value("SELECT count(*) FROM person"))


def find_moves(enterprise: Enterprise, *, only_affected: bool) -> None:
    """Fill `joined` and `parted`: which accounts are with another license than before."""
    now = "member m JOIN person p ON p.person = m.person"
    bulk.new_temporary_table(
        "joined",
        "number bigint, kind smallint, row_id bigint, deployment_id bigint, user_id bigint, old_number bigint",
    )
    bulk.execute(
        f"""INSERT INTO joined SELECT p.number, m.kind, m.row_id, m.deployment_id, m.user_id, m.old_number FROM {now}
            WHERE m.kind <> {SUBSCRIBER} AND (m.old_number IS NULL OR m.old_number <> p.number)"""
    )
    bulk.new_temporary_table("parted", "id bigint, number bigint, deployment_id bigint, user_id bigint")
    # SQLite keeps the order of a CROSS JOIN: else it goes through all accounts of the enterprise.
    scope = "affected_license x CROSS JOIN" if only_affected else ""
    affected = "x.id = a.number AND" if only_affected else ""
    bulk.execute(
        f"""INSERT INTO parted SELECT a.id, a.number, a.deployment_id, a.user_id
            FROM {scope} licenses_licensedaccount a WHERE {affected} a.enterprise_id = %s AND a.valid_to = {OPEN}
            AND NOT EXISTS (SELECT 1 FROM {now} WHERE m.deployment_id = a.deployment_id AND m.user_id = a.user_id
                            AND m.kind <> {SUBSCRIBER} AND p.number = a.number)""",
        [enterprise.pk],
    )
    if bulk.is_sqlite():
        bulk.execute("CREATE INDEX temp.joined_account ON joined (deployment_id, user_id)")
    bulk.analyze("joined", "parted")
