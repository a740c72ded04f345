"""GHES "Export license usage" and `ghe-license usage`: one JSON object with facts about the server and its users.

GitHub documents what it holds ("Viewing license usage for GitHub Enterprise", "Command-line utilities"), but not how
its keys are spelled, so every documented name is accepted in any spelling (see `columns.plain`). The facts stand at
the top or in an object of their own (`instance`). By default the list of users is encrypted.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import accumulate, chain, compress
from typing import Any

from licensesync.errors import _
from licensesync.feeds import values
from licensesync.feeds.columns import USER_LISTS, Column, Spellings, columns_of_objects, count_ignored, plain
from licensesync.feeds.json_stream import JsonReader
from licensesync.feeds.records import ReadReport, ServerFacts, ServerUserAccount

FACT_GROUPS = frozenset({"instance", "server", "installation", "enterpriseserver"})
MAX_FEATURES = 100

_FACTS = {
    "server_id": ("serverid",),
    "host": ("hostname", "host"),
    "customer_name": ("customername", "customer"),
    "version": ("version", "serverversion"),
    "http_only": ("httponly",),
    "license_hash": ("licensehash", "license"),
    "public_key": ("publickey",),
    "features": ("features",),
    "dormancy_threshold": ("dormancythresholddays", "dormancythreshold"),
    "exported_at": ("exportedat", "generatedat", "createdat", "timestamp"),
}
FACT_KEYS = frozenset(spelling for spellings in _FACTS.values() for spelling in spellings)
_KNOWN_KEYS = FACT_KEYS | FACT_GROUPS | USER_LISTS

ACCOUNT = Spellings(
    {
        "user_id": ("userid", "remoteuserid", "id"),
        "login": ("login",),
        "name": ("name", "profilename"),
        "site_admin": ("siteadmin", "issiteadmin"),
        "suspended": ("suspended", "issuspended"),
        "suspended_at": ("suspendedat",),
        "created_at": ("remotecreatedat", "createdat"),
        "emails": ("emails",),
        "email": ("primaryemail", "email"),
        # Not GitHub's, but ours (`license_usage`), where a site-admin report has told it.
        "dormant": ("dormant",),
        "two_factor": ("twofactorenabled",),
        "last_active_at": ("lastactiveat",),
    }
)
EMAIL = Spellings({"address": ("email", "address"), "primary": ("primary", "isprimary")})
_MARKS = {"True": True, "true": True, "1": True, "False": False, "false": False, "0": False}


def facts(head: Mapping[str, Any]) -> ServerFacts:
    """What the values outside of the list say. `head`: plain key -> value, those of a group (`instance`) included.

    A value of an unexpected kind counts as not said. Raises TOO_LONG_VALUE for one that can't be a fact.
    """
    said = {
        fact: next((head[key] for key in spellings if head.get(key) is not None), None)
        for fact, spellings in _FACTS.items()
    }
    return ServerFacts(
        server_id=_text(said["server_id"], limit=100),
        host=_text(said["host"], limit=253),
        customer_name=_text(said["customer_name"], limit=200),
        version=_text(said["version"], limit=50),
        http_only=said["http_only"] if isinstance(said["http_only"], bool) else None,
        license_hash=_text(said["license_hash"], limit=200),
        public_key=_text(said["public_key"], limit=20_000),
        features=_features(said["features"]),
        dormancy_threshold_days=values.count(said["dormancy_threshold"]),
        exported_at=_time(said["exported_at"]),
    )


def accounts(reader: JsonReader, report: ReadReport) -> Iterator[list[ServerUserAccount]]:
    """The accounts of the list, in lists. Raises ExpectedError: WRONG_SHAPE, TOO_LONG_VALUE, those of JsonReader."""
    for _document in reader.documents():
        for key in reader.members():
            name = plain(key)
            if name in USER_LISTS and reader.peek() == b"[":
                yield from (_accounts(rows, report) for rows in reader.objects())
            else:
                if name not in _KNOWN_KEYS:
                    count_ignored(report, key)
                reader.skip()


def _accounts(rows: list[dict[str, Any]], report: ReadReport) -> list[ServerUserAccount]:
    columns = columns_of_objects(ACCOUNT, rows, report)
    user_ids, logins, names, site_admin, suspended, suspended_at, created_at, emails, email, *more = columns
    dormant, two_factor, last_active_at = more
    with values.numbered(report.rows):
        primaries, others = _primary_and_others(emails, values.addresses(email))
        valid_primaries, invalid = values.valid_addresses(primaries)
        is_suspended = values.flags(suspended, "suspended")
        accounts = values.records(
            ServerUserAccount,
            user_id=values.user_ids(user_ids),
            login=values.logins(logins),
            name=values.names(names),
            email=valid_primaries,
            other_emails=others,
            site_admin=list(map(bool, values.flags(site_admin, "site admin"))),
            suspended=[bool(flag or since) for flag, since in zip(is_suspended, suspended_at, strict=True)],
            dormant=values.flags(dormant, "dormant"),
            two_factor=values.flags(two_factor, "two-factor authentication"),
            created_at=values.times(created_at, "creation time"),
            last_active_at=values.times(last_active_at, "last activity"),
        )
    report.rows += len(rows)
    report.invalid_emails += invalid
    return accounts


def _primary_and_others(emails: Column, own: list[str]) -> tuple[list[str], list[tuple[str, ...] | None]]:
    """The primary and the secondary addresses of accounts, from their lists of e-mails and their own single e-mails.

    Primary is the address that is marked, else the account's own, else the first of its list that is not marked as
    another. Without a list the secondary ones are not known (None); those that are no addresses are left out.
    """
    lists: Sequence[list[Any]] = emails if set(map(type, emails)) == {list} else values.each(_email_list, emails)
    ends = list(accumulate(map(len, lists)))
    items = list(chain.from_iterable(lists))
    try:
        addresses, marks = _addresses_and_marks(items)
    except values.Unreadable as error:
        error.index = bisect_right(ends, error.index)
        raise
    valid, _ = values.valid_addresses(addresses)
    primaries = list(own)
    others: list[tuple[str, ...] | None] = [() if listed is not None else None for listed in emails]
    start = 0
    for index, end in enumerate(ends):
        if end == start + 1 and not own[index] and marks[start] is not False:  # nearly all accounts
            primaries[index] = addresses[start]
        elif end > start:
            marked = compress(addresses[start:end], marks[start:end])
            unmarked = compress(addresses[start:end], [mark is None for mark in marks[start:end]])
            primary = next(filter(None, [*marked, own[index], *unmarked]), "")
            primaries[index] = primary
            others[index] = tuple([a for a in dict.fromkeys(valid[start:end]) if a and a != primary])
        start = end
    return primaries, others


def _email_list(value: object) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise values.Unreadable(_("its “%(field)s” is not a list"), field="e-mails")
    return value


def _addresses_and_marks(items: list[Any]) -> tuple[list[str], list[bool | None]]:
    """The address of every listed e-mail, text or object, and whether it is marked as primary; None: not said."""
    if not any(isinstance(item, dict) for item in items):
        return values.addresses(items), [None] * len(items)
    objects = [item if isinstance(item, dict) else {"email": item} for item in items]
    addresses, marks = columns_of_objects(EMAIL, objects, ReadReport())
    return values.addresses(addresses), list(map(_MARKS.get, map(str, marks)))


def _features(value: object) -> dict[str, str] | None:
    """Connect features that are on and since when: from a mapping, or a list of names or of objects with a name and a
    time. Empty where all are off; None where nothing can be read, so that nobody takes them for switched off."""
    if not isinstance(value, dict | list):
        return None
    said = [
        (name, enabled)
        for name, enabled in (value.items() if isinstance(value, dict) else map(_named_feature, value))
        if isinstance(name, str)
    ]
    if value and not said:
        return None
    since: dict[str, str] = {}
    for name, enabled in said:
        if enabled is not False and len(since) < MAX_FEATURES:
            moment = _time(enabled)
            since[_text(name, limit=100)] = moment.isoformat() if moment else ""
    return since


def _named_feature(item: object) -> tuple[object, object]:
    if not isinstance(item, dict):
        return item, None
    feature = {plain(key): value for key, value in item.items()}
    if feature.get("enabled") is False:
        return feature.get("name"), False
    return feature.get("name"), feature.get("enabledat", feature.get("createdat"))


def _text(value: object, *, limit: int) -> str:
    return values.text(value, "", limit=limit) if isinstance(value, str) else ""


def _time(value: object) -> datetime | None:
    return values.time(value, "") if isinstance(value, str | int) and not isinstance(value, bool) else None
