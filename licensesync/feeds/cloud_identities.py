"""Linked identities of GHEC, JSON: what the identity provider says about accounts of the cloud, as answers of GitHub's
GraphQL API to a question for `externalIdentities`. One page or several in one file.

Sources, on docs.github.com/enterprise-cloud@latest: GraphQL reference, `EnterpriseOwnerInfo.samlIdentityProvider` and
`.oidcProvider`, `ExternalIdentity`, and of organizations `Organization.samlIdentityProvider`; which attributes GitHub
compares: "License troubleshooting information for GitHub Enterprise".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from licensesync.errors import _
from licensesync.feeds import values
from licensesync.feeds.json_stream import JsonReader
from licensesync.feeds.records import CloudIdentity, ReadReport

CONNECTION = "externalIdentities"
# What the answers nest it in.
_HOLDERS = frozenset({"data", "enterprise", "organization", "ownerInfo", "samlIdentityProvider", "oidcProvider"})
COMPARED = frozenset(
    {
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
        "username",
        "NameID",
        "emails",
    }
)


@dataclass(slots=True)
class Look:
    """What a look at all pages tells."""

    pages: int = 0
    rows: int = 0
    total: int | None = None  # GitHub's own, of all pages; None where it was not asked for
    says_more: bool = False  # some page says that another one follows
    says_last: bool = False  # some page says that none does


def pages(reader: JsonReader) -> Iterator[None]:
    """Stand before the identities of each page in the object that starts here. Whoever is given one must take it."""
    return _inside(reader, len(_HOLDERS))


def _inside(reader: JsonReader, levels: int) -> Iterator[None]:
    for key in reader.members():
        if reader.peek() != b"{" or not levels:
            reader.skip()
        elif key == CONNECTION:
            yield
        elif key in _HOLDERS:
            yield from _inside(reader, levels - 1)
        else:
            reader.skip()


def look(reader: JsonReader, found: Look) -> None:
    """Take the page that starts here."""
    found.pages += 1
    for key in reader.members():
        if key in ("nodes", "edges") and reader.peek() == b"[":
            found.rows += sum(count for _window, count in reader.windows())
        elif key == "totalCount":
            found.total = max(found.total or 0, values.count(reader.value()) or 0)
        elif key == "pageInfo":
            about = reader.value()
            follows = about.get("hasNextPage") if isinstance(about, dict) else None
            found.says_more |= follows is True
            found.says_last |= follows is False
        else:
            reader.skip()


def identities(reader: JsonReader, report: ReadReport) -> Iterator[list[CloudIdentity]]:
    """Those of all pages that are linked to an account, in lists; `report` counts the others as well.

    Raises ExpectedError: WRONG_SHAPE, TOO_LONG_VALUE, those of JsonReader.
    """
    for _document in reader.documents():
        for _page in pages(reader):
            for key in reader.members():
                if key in ("nodes", "edges") and reader.peek() == b"[":
                    for rows in reader.objects():
                        yield _linked(rows, report)
                else:
                    reader.skip()


def _linked(rows: list[dict[str, Any]], report: ReadReport) -> list[CloudIdentity]:
    with values.numbered(report.rows):
        found = values.each(_identity, rows)
    report.rows += len(rows)
    return [identity for identity in found if identity.login and identity.addresses]


def _identity(row: dict[str, Any]) -> CloudIdentity:
    node = _object(row, "node") if "node" in row else row
    if "user" not in node:  # without it, every identity would pass for one that nobody uses
        raise values.Unreadable(_("its user is missing"))
    saml, scim = _object(node, "samlIdentity"), _object(node, "scimIdentity")
    said = [saml.get("nameId"), saml.get("username"), scim.get("username")]
    said += [each.get("value") for each in (*_objects(saml, "emails"), *_objects(scim, "emails"))]
    said += [each.get("value") for each in _objects(saml, "attributes") if each.get("name") in COMPARED]
    # A primary e-mail is matched by an address alone, so nothing else is kept.
    addresses = dict.fromkeys(filter(values.is_address, map(values.address, said)))
    return CloudIdentity(values.text(_object(node, "user").get("login"), "login"), tuple(addresses))


def _object(holder: dict[str, Any], name: str) -> dict[str, Any]:
    """The object of this name; null, as of an identity that SCIM has not made, is an empty one."""
    value = holder.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise values.Unreadable(_("its “%(field)s” is not an object"), field=name)
    return value


def _objects(holder: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = holder.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise values.Unreadable(_("its “%(field)s” is not a list of objects"), field=name)
    return value
