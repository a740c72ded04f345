"""The GraphQL API of a GitHub Enterprise Cloud, as far as linked identities are asked for.

Sources, on docs.github.com/enterprise-cloud@latest: GraphQL reference (`Enterprise.ownerInfo`, `ExternalIdentity`),
"Forming calls with GraphQL", "Using pagination in the GraphQL API", "Rate limits and query limits for the GraphQL API":
a used up primary limit is an answer with status 200. What is not asked for does not come; the query itself is not read.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any

from licensesync.simulated_github.exchange import Reply, json_reply

PER_PAGE = 100

Identity = Mapping[str, Any]  # a node of externalIdentities


def identity(login: str | None, name_id: str, *emails: str) -> dict[str, Any]:
    """As SAML has linked it, with the e-mails that SCIM has brought. Nobody uses it without a login."""
    return {
        "user": login and {"login": login},
        "samlIdentity": {"nameId": name_id, "username": None, "emails": [], "attributes": []},
        "scimIdentity": {"username": name_id, "emails": [{"value": email} for email in emails]},
    }


def answer(body: bytes, slug: str, identities: Sequence[Identity] | None, *, is_owner: bool) -> Reply:
    """The page that a question asks for. `identities` is None where the enterprise has no identity provider."""
    try:
        variables = json.loads(body)["variables"]
        asked, after = variables["slug"], variables.get("after")
        start = int(base64.b64decode(after).removeprefix(b"cursor:")) if after else 0
        end = start + min(int(variables.get("first") or PER_PAGE), PER_PAGE)
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        return json_reply(400, {"message": "Problems parsing JSON"})
    if asked.lower() != slug.lower():
        message = f"Could not resolve to a Business with the URL slug of '{asked}'."
        return _said({"enterprise": None}, "NOT_FOUND", message)
    if not is_owner:
        message = "Resource not accessible by personal access token"
        return _said({"enterprise": {"ownerInfo": None}}, "FORBIDDEN", message)
    provider = None if identities is None else {"externalIdentities": _page(identities, start, end)}
    return _said({"enterprise": {"ownerInfo": {"samlIdentityProvider": provider, "oidcProvider": None}}})


def used_up() -> Reply:
    return json_reply(
        200, {"errors": [{"type": "RATE_LIMITED", "message": "API rate limit already exceeded for user ID 1."}]}
    )


def _page(identities: Sequence[Identity], start: int, end: int) -> dict[str, Any]:
    nodes = list(identities[start:end])
    return {
        "totalCount": len(identities),
        "pageInfo": {"hasNextPage": end < len(identities), "endCursor": _cursor(start + len(nodes)) if nodes else None},
        "nodes": nodes,
    }


def _cursor(place: int) -> str:
    return base64.b64encode(f"cursor:{place}".encode()).decode()


def _said(data: dict[str, Any], error: str = "", message: str = "") -> Reply:
    errors = [{"type": error, "path": ["enterprise"], "message": message}] if error else []
    return json_reply(200, {"data": data, **({"errors": errors} if errors else {})})
