"""A new list beside the last one: read into temporary tables, compared there, nothing of it visible yet.

Temporary tables of one connection, made anew for every list that has one to be compared with:
    staged          the new list, one line an account
    staged_address  cloud only: the addresses and links of a line
    staged_person   cloud only: GitHub's own server-only people
    account_diff    what it changes: line and old row of every account that is new, changed or gone
    person_diff     cloud only: the same of `staged_person`
    renamed         cloud only: lines that go on with the account of a login that is gone
    identity        cloud only: the addresses of linked identities by the key of their account, each once
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256

import msgspec
import numpy as np

from licensesync.enterprises.models import Deployment
from licensesync.errors import DUPLICATE_LOGIN, DUPLICATE_USER_ID, ExpectedError
from licensesync.feeds.records import CloudIdentity, CloudUser, ServerOnlyPerson, ServerUserAccount
from licensesync.feeds.values import named_account
from licensesync.matching.addresses import address_key
from licensesync.matching.rules import cloud_user_consumes, is_unlinked_subscriber, server_account_consumes
from licensesync.usage import bulk
from licensesync.usage.models import OPEN, CloudAddress
from licensesync.usage.models import CloudUser as CloudUserRow

LONGEST_IN_KEY = 300  # the columns also hold what kind of key it is, and a number

SERVER_FACTS = (
    "login", "name", "email", "address", "site_admin", "suspended", "dormant", "two_factor", "created_at",
    "last_active_at", "other_emails", "consumes",
)  # fmt: skip
# Somebody who has worked since the last list is no news: only what else has changed is told.
_NEWS = tuple(column for column in SERVER_FACTS if column != "last_active_at")
CLOUD_FACTS = ("login", "name", "saml_name_id", "facts", "consumes", "identity_addresses")
IDENTITY = int(CloudAddress.Kind.IDENTITY)


def new_server_facts(server: Deployment) -> dict[str, str]:
    """What an account says after a list (`s`), given its row before (`a`): a list without names or secondary addresses
    leaves those that are known, as far as they are to be kept (`usage.less`)."""
    facts = {column: f"s.{column}" for column in SERVER_FACTS}
    if server.enterprise.keeps_secondary_emails:
        facts["other_emails"] = "COALESCE(s.other_emails, a.other_emails)"
    if server.enterprise.keeps_names:
        facts["name"] = "CASE WHEN s.name = '' THEN COALESCE(a.name, '') ELSE s.name END"
    return facts


def new_cloud_facts() -> dict[str, str]:
    """The same of the cloud: a list without linked identities leaves those that are known."""
    facts = {column: f"s.{column}" for column in CLOUD_FACTS}
    facts["identity_addresses"] = "COALESCE(s.identity_addresses, a.identity_addresses, '')"
    return facts


@dataclass(frozen=True, slots=True)
class Diff:
    """What a new list changes, in accounts. `before` counts the last list. Among `changed` are `only_active`, of which
    nothing is new but when they were active last, and `replaced`, whose user ids seem to be other people's now.
    `unlinked` have no linked identity any more, of `linked` that had one; 0 where the list does not carry them."""

    read: int
    added: int
    changed: int
    removed: int
    before: int
    only_active: int = 0
    replaced: int = 0
    unlinked: int = 0
    linked: int = 0


def stage_server_list(batches: Iterable[list[ServerUserAccount]], progress: bulk.Progress) -> None:
    """Read a server's list into `staged`. ExpectedError where a user id comes twice."""
    bulk.new_temporary_table(
        "staged",
        "line integer, user_id bigint, login text, name text, email text, address text, site_admin boolean, "
        "suspended boolean, dormant boolean, two_factor boolean, created_at timestamptz, last_active_at timestamptz, "
        "other_emails jsonb, consumes boolean",
    )
    user_ids = array("q")
    with bulk.filling("staged", ("line", "user_id", *SERVER_FACTS)) as append:
        for batch in batches:
            append(server_rows(batch, len(user_ids)))
            user_ids.extend([account.user_id for account in batch])
            progress(len(user_ids))
    check_each_comes_once(user_ids)
    _index("staged", "user_id")


def check_each_comes_once(user_ids: "array[int]") -> None:
    """ExpectedError where a user id comes twice. A million are compared in hundredths of a second here, in more than
    half a second by PostgreSQL."""
    in_order = np.sort(np.array(user_ids))
    twice = in_order[1:][in_order[1:] == in_order[:-1]]
    if len(twice):
        raise ExpectedError(DUPLICATE_USER_ID, user_id=int(twice[0]))


def server_rows(batch: list[ServerUserAccount], before: int) -> Iterator[bulk.Row]:
    """The lines of `staged`: of a batch that comes after so many. Put together from columns, which takes two thirds of
    the time of going through the accounts."""
    columns = zip(*batch, strict=True)
    user_ids, logins, names, emails, others, site_admin, suspended, dormant, two_factor, created, active = columns
    return zip(
        range(before + 1, before + 1 + len(batch)),
        user_ids,
        logins,
        names,
        emails,
        map(address_key, emails),
        site_admin,
        suspended,
        dormant,
        two_factor,
        map(bulk.stored_time, created),
        map(bulk.stored_time, active),
        map(_as_json, others),
        map(server_account_consumes, logins, suspended),
        strict=True,
    )


def _as_json(addresses: tuple[str, ...] | None) -> str | None:
    if not addresses:
        return None if addresses is None else "[]"
    return msgspec.json.encode(addresses).decode()


def stage_cloud_list(
    batches: Iterable[list[CloudUser | ServerOnlyPerson]],
    progress: bulk.Progress,
    identities: Iterable[list[CloudIdentity]] | None = None,
) -> None:
    """Read the cloud's list into `staged` and its neighbours, with all linked identities where it carries them.
    ExpectedError where an account comes twice."""
    _new_cloud_tables()
    users = people = 0
    without_login: Counter[str] = Counter()
    columns = ("line", "key", *CLOUD_FACTS)
    unknown = None if identities is None else ""
    for batch in batches:
        new_people = [row for row in batch if isinstance(row, ServerOnlyPerson)]
        new_users = [row for row in batch if isinstance(row, CloudUser)]
        new_users += [_subscriber(person) for person in new_people if person.subscription_email]
        bulk.load_temporary(
            "staged", columns, ((*row, unknown) for row in _cloud_rows(new_users, users, without_login))
        )
        bulk.load_temporary(
            "staged_address", ("line", "kind", "address", "user_id"), _cloud_addresses(new_users, users)
        )
        bulk.load_temporary(
            "staged_person", ("line", "key", "server_user_ids", "server_emails"), _person_rows(new_people, people)
        )
        users, people = users + len(new_users), people + len(new_people)
        progress(users + people)
    _index("staged", "key")
    _index("staged_person", "key")
    bulk.execute("DELETE FROM staged_person WHERE line NOT IN (SELECT min(line) FROM staged_person GROUP BY key)")
    twice = bulk.value("SELECT key FROM staged GROUP BY key HAVING count(*) > 1 ORDER BY key LIMIT 1")
    if twice is not None:
        raise ExpectedError(DUPLICATE_LOGIN, login=twice.partition(":")[2])
    if identities is not None:
        stage_identities(identities, lambda done: progress(users + people + done))
        bulk.execute(
            f"UPDATE staged SET identity_addresses = i.addresses FROM ({_of_each()}) i WHERE i.key = staged.key"
        )
        _stage_identity_addresses()


def _new_cloud_tables() -> None:
    bulk.new_temporary_table(
        "staged",
        "line integer, key text, login text, name text, saml_name_id text, facts jsonb, consumes boolean, "
        "identity_addresses text",  # null: the list does not carry any
    )
    bulk.new_temporary_table("staged_address", "line integer, kind smallint, address text, user_id bigint")
    bulk.new_temporary_table("staged_person", "line integer, key text, server_user_ids jsonb, server_emails jsonb")


def stage_identities(batches: Iterable[list[CloudIdentity]], progress: bulk.Progress) -> None:
    """Read linked identities into `identity`."""
    bulk.new_temporary_table("identity_read", "key text, address text, said text")
    read = 0
    for batch in batches:
        bulk.load_temporary(
            "identity_read",
            ("key", "address", "said"),
            ((login_key(each.login), address_key(said), said) for each in batch for said in each.addresses),
        )
        read += len(batch)
        progress(read)
    bulk.new_temporary_table("identity", "key text, address text, said text")
    bulk.execute("INSERT INTO identity SELECT key, address, min(said) FROM identity_read GROUP BY key, address")
    bulk.drop_temporary_tables("identity_read")
    if bulk.is_sqlite():
        bulk.execute("CREATE INDEX temp.identity_key ON identity (key)")
    bulk.analyze("identity (key)")


def _of_each() -> str:
    """SQL: the addresses of each account in one text, always in the same order. No address has a space in it."""
    if bulk.is_sqlite():
        together, identity = "group_concat(said, ' ')", "(SELECT key, said FROM identity ORDER BY key, address)"
    else:
        together, identity = "string_agg(said, ' ' ORDER BY address)", "identity"
    return f"SELECT key, {together} AS addresses FROM {identity} i GROUP BY key"


def _stage_identity_addresses() -> None:
    bulk.execute(
        f"""INSERT INTO staged_address SELECT s.line, {IDENTITY}, i.address, NULL
            FROM identity i JOIN staged s ON s.key = i.key"""
    )


def login_key(login: str) -> str:
    return f"login:{_bounded(login.casefold())}"


def cloud_key(user: CloudUser) -> str:
    """What makes a row of the cloud's list the same row in the next list: the login, else its first address. Rows that
    name nobody are told apart by how many there are."""
    if user.login:
        return login_key(user.login)
    if user.server_user_ids:
        return f"server:{_bounded(user.server_user_ids[0].casefold())}"
    addresses = (user.visual_studio_email, *user.verified_emails, user.saml_name_id, user.name)
    return f"address:{_bounded(next((address_key(address) for address in addresses if address.strip()), ''))}"


def _bounded(folded: str) -> str:
    """A text that the column of the key can hold: casefolding can make three characters of one. What is too long ends
    with its digest, so that two texts stay two."""
    if len(folded) <= LONGEST_IN_KEY:
        return folded
    digest = sha256(folded.encode()).hexdigest()
    return folded[: LONGEST_IN_KEY - len(digest)] + digest


def _subscriber(person: ServerOnlyPerson) -> CloudUser:
    """The Visual Studio subscription of a person who is only on servers, to be matched like any unlinked one."""
    return CloudUser(
        login="",
        name="",
        profile="",
        saml_name_id="",
        verified_emails=(),
        member_roles=(),
        enterprise_roles=(),
        pending_invites=(),
        two_factor=None,
        license_type="",
        visual_studio_user=True,
        visual_studio_status="",
        visual_studio_email=person.subscription_email,
        server_user_ids=person.server_user_ids,
        server_emails=person.server_emails,
    )


def _cloud_rows(users: list[CloudUser], before: int, without_login: Counter[str]) -> Iterator[bulk.Row]:
    """`without_login` counts the keys of rows without a login: nothing says that two of them are one person."""
    for line, user in enumerate(users, before + 1):
        key = cloud_key(user)
        if not user.login:
            without_login[key] += 1
            key = f"{key}#{without_login[key]}"
        facts = user._asdict()
        for name in ("login", "name", "saml_name_id"):
            del facts[name]
        yield (
            line,
            key,
            user.login,
            user.name,
            user.saml_name_id,
            msgspec.json.encode(facts).decode(),
            cloud_user_consumes(
                user.login,
                user.visual_studio_user,
                user.member_roles,
                user.enterprise_roles,
                user.pending_invites,
            ),
        )


def _cloud_addresses(users: list[CloudUser], before: int) -> Iterator[bulk.Row]:
    kind = CloudAddress.Kind
    for line, user in enumerate(users, before + 1):
        addresses: list[tuple[int, str, int | None]] = []
        if user.saml_name_id:
            addresses.append((kind.SAML_OR_SCIM, address_key(user.saml_name_id), None))
        addresses += [(kind.VERIFIED_EMAIL, address_key(email), None) for email in user.verified_emails]
        if is_unlinked_subscriber(user.login, user.visual_studio_user) and user.visual_studio_email:
            addresses.append((kind.SUBSCRIPTION, address_key(user.visual_studio_email), None))
        for server_user_id in user.server_user_ids:
            host, user_id = named_account(server_user_id)
            if host and user_id is not None:
                addresses.append((kind.SERVER_ACCOUNT, host, user_id))
        for each in dict.fromkeys(addresses):
            yield (line, *each)


def _person_rows(people: list[ServerOnlyPerson], before: int) -> Iterator[bulk.Row]:
    for line, person in enumerate(people, before + 1):
        yield (
            line,
            f"server:{_bounded(person.server_user_ids[0].casefold())}",
            msgspec.json.encode(person.server_user_ids).decode(),
            msgspec.json.encode(person.server_emails).decode(),
        )


def _index(table: str, column: str) -> None:
    """SQLite looks lines up one by one; PostgreSQL joins whole tables and only wants to know their size. It looks at
    what they are joined by alone: at all columns it would take as long as the comparison."""
    if bulk.is_sqlite():
        bulk.execute(f"CREATE INDEX temp.{table}_line ON {table} (line)")
        bulk.execute(f"CREATE INDEX temp.{table}_{column} ON {table} ({column})")
    bulk.analyze(f"{table} (line, {column})")


def has_idle() -> bool:
    """Whether anybody of the server's list in `staged` is suspended or dormant."""
    return bool(bulk.value("SELECT count(*) FROM staged WHERE suspended OR dormant"))


def compare_server_list(deployment: Deployment) -> Diff:
    """Fill `account_diff` for a server."""
    table = "usage_serveruseraccount"
    new = new_server_facts(deployment)
    diff = _compare(deployment, table, "user_id", new=", ".join(new.values()), facts=SERVER_FACTS)
    news = f"({_named('a', _NEWS)}) {bulk.differs()} ({', '.join(new[column] for column in _NEWS)})"
    same_address = "a.address = s.address AND a.address <> ''"
    only_active, replaced = bulk.row(
        f"""SELECT count(CASE WHEN NOT ({news}) THEN 1 END),
                   count(CASE WHEN lower(a.login) <> lower(s.login) AND NOT ({same_address}) THEN 1 END)
            FROM account_diff d JOIN staged s ON s.line = d.line JOIN {table} a ON a.id = d.old_id"""
    )
    return replace(diff, only_active=only_active, replaced=replaced)


def compare_cloud_list(deployment: Deployment) -> Diff:
    """Fill `account_diff` and `person_diff` for the cloud."""
    person = ("server_user_ids", "server_emails")
    _compare(
        deployment,
        "usage_serveronlyperson",
        "key",
        new=_named("s", person),
        facts=person,
        staged="staged_person",
        diff="person_diff",
    )
    new = ", ".join(new_cloud_facts().values())
    diff = _compare(
        deployment, "usage_clouduser", "key", new=new, facts=CLOUD_FACTS, then=_recognise_renamed_cloud_users
    )
    diff = replace(diff, linked=_linked(deployment))
    if diff.linked:
        _keep_addresses(f"a.kind = {IDENTITY} AND s.identity_addresses IS NULL")
    return replace(diff, unlinked=_unlinked())


def compare_identities(deployment: Deployment) -> Diff:
    """Fill `account_diff` and its neighbours with the accounts of the cloud whose linked identities are others by
    `identity`; all else that is known of them stays. `read` are accounts with an identity."""
    _new_cloud_tables()
    bulk.execute(
        f"""INSERT INTO staged
            SELECT ROW_NUMBER() OVER (ORDER BY a.id), a.key, {_named("a", CLOUD_FACTS[:-1])}, COALESCE(i.addresses, '')
            FROM usage_clouduser a LEFT JOIN ({_of_each()}) i ON i.key = a.key
            WHERE a.deployment_id = %s AND a.valid_to = {OPEN} AND a.identity_addresses <> COALESCE(i.addresses, '')""",
        [deployment.pk],
    )
    _index("staged", "key")
    bulk.new_temporary_table("person_diff", "line integer, old_id bigint")
    bulk.new_temporary_table("account_diff", "line integer, old_id bigint")
    bulk.execute(
        f"""INSERT INTO account_diff SELECT s.line, a.id FROM staged s
            JOIN usage_clouduser a ON a.key = s.key AND a.deployment_id = %s AND a.valid_to = {OPEN}""",
        [deployment.pk],
    )
    if bulk.is_sqlite():
        bulk.execute("CREATE INDEX temp.account_diff_line ON account_diff (line)")
    bulk.analyze("account_diff")
    _keep_addresses(f"a.kind <> {IDENTITY}")
    _stage_identity_addresses()
    changed = int(bulk.value("SELECT count(*) FROM staged"))
    return Diff(
        read=int(bulk.value("SELECT count(DISTINCT key) FROM identity")),
        added=0,
        changed=changed,
        removed=0,
        before=0,
        unlinked=_unlinked(),
        linked=_linked(deployment),
    )


def _keep_addresses(which: str) -> None:
    """Go on with those addresses (`a`) of the accounts that a list (`s`) changes, of which it says nothing."""
    bulk.execute(
        f"""INSERT INTO staged_address SELECT s.line, a.kind, a.address, a.user_id
            FROM account_diff d JOIN staged s ON s.line = d.line
            JOIN usage_cloudaddress a ON a.cloud_user_id = d.old_id WHERE a.valid_to = {OPEN} AND {which}"""
    )


def _linked(deployment: Deployment) -> int:
    """How many accounts have a linked identity, by the last list that carries them."""
    ours = CloudUserRow.objects.filter(deployment=deployment, valid_to=OPEN)
    return ours.exclude(identity_addresses="").count()


def _unlinked() -> int:
    """How many of them are in the list without one."""
    return int(
        bulk.value(
            """SELECT count(*) FROM account_diff d JOIN staged s ON s.line = d.line
               JOIN usage_clouduser a ON a.id = d.old_id
               WHERE a.identity_addresses <> '' AND s.identity_addresses = ''"""
        )
    )


def _recognise_renamed_cloud_users() -> None:
    """Let a new login go on with the account of a login that is gone, where both have one SAML NameID, and nobody else
    who came or went has it. A login can be changed; the NameID is what the identity provider knows a person by."""
    one_each = "GROUP BY x.saml_name_id HAVING count(*) = 1"
    has_both = "x.saml_name_id <> '' AND x.login <> ''"
    bulk.new_temporary_table("renamed", "line integer, old_id bigint")
    bulk.execute(
        f"""INSERT INTO renamed SELECT come.line, gone.id
            FROM (SELECT x.saml_name_id, min(x.line) AS line FROM account_diff d JOIN staged x ON x.line = d.line
                  WHERE d.old_id IS NULL AND {has_both} {one_each}) come
            JOIN (SELECT x.saml_name_id, min(x.id) AS id FROM account_diff d JOIN usage_clouduser x ON x.id = d.old_id
                  WHERE d.line IS NULL AND {has_both} {one_each}) gone ON gone.saml_name_id = come.saml_name_id"""
    )
    bulk.execute("DELETE FROM account_diff WHERE line IS NULL AND old_id IN (SELECT old_id FROM renamed)")
    bulk.execute(
        """UPDATE account_diff SET old_id = (SELECT old_id FROM renamed r WHERE r.line = account_diff.line)
           WHERE line IN (SELECT line FROM renamed)"""
    )


def _named(table: str, columns: Iterable[str]) -> str:
    return ", ".join(f"{table}.{column}" for column in columns)


def _compare(
    deployment: Deployment,
    table: str,
    key: str,
    *,
    new: str,
    facts: tuple[str, ...],
    staged: str = "staged",
    diff: str = "account_diff",
    then: Callable[[], None] | None = None,
) -> Diff:
    """Write the lines of `staged` that are not in `table` as they are, and the rows that have no line any more."""
    bulk.new_temporary_table(diff, "line integer, old_id bigint")
    params = {"deployment": deployment.pk, "open": OPEN}
    is_open = "a.deployment_id = %(deployment)s AND a.valid_to = %(open)s"
    bulk.execute(
        f"""INSERT INTO {diff} (line, old_id)
            SELECT s.line, a.id FROM {staged} s
            LEFT JOIN {table} a ON a.{key} = s.{key} AND {is_open}
            WHERE a.id IS NULL OR ({_named("a", facts)}) {bulk.differs()} ({new})""",
        params,
    )
    bulk.execute(
        f"""INSERT INTO {diff} (line, old_id)
            SELECT NULL, a.id FROM {table} a
            WHERE {is_open} AND NOT EXISTS (SELECT 1 FROM {staged} s WHERE s.{key} = a.{key})""",
        params,
    )
    if bulk.is_sqlite():
        bulk.execute(f"CREATE INDEX temp.{diff}_line ON {diff} (line)")
    bulk.analyze(diff)
    if then:
        then()
    read = bulk.value(f"SELECT count(*) FROM {staged}")
    lines, added, removed = bulk.row(f"SELECT count(*), count(*) - count(old_id), count(*) - count(line) FROM {diff}")
    return Diff(
        read=read,
        added=added,
        changed=lines - added - removed,
        removed=removed,
        before=read - added + removed,  # each line has one row at most
    )
