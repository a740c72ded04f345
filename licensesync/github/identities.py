"""GitHub Enterprise Cloud: the linked identities of its accounts, page by page.

Source: docs.github.com/enterprise-cloud@latest, GraphQL reference, `EnterpriseOwnerInfo`: shown to enterprise owners
and to their classic tokens with `read:enterprise`. "Rate limits and query limits for the GraphQL API": a limit that is
used up is an answer with status 200 and an error `RATE_LIMITED`.
"""

from dataclasses import dataclass

import msgspec

from licensesync import errors
from licensesync.errors import ExpectedError
from licensesync.github import answers, cloud, rest
from licensesync.github.cloud import CloudConnection
from licensesync.github.failures import Passing
from licensesync.github.transport import Answer, Limits, Rules

PER_PAGE = 100

# What `feeds.cloud_identities` reads. Of the two providers an enterprise has one at most.
_IDENTITIES = """externalIdentities(first: $first, after: $after) {
  totalCount pageInfo { hasNextPage endCursor }
  nodes {
    user { login }
    samlIdentity { nameId username emails { value } attributes { name value } }
    scimIdentity { username emails { value } }
  }
}"""
QUERY = f"""query ($slug: String!, $first: Int!, $after: String) {{ enterprise(slug: $slug) {{ ownerInfo {{
samlIdentityProvider {{ {_IDENTITIES} }}
oidcProvider {{ {_IDENTITIES} }}
}} }} }}"""


@dataclass(frozen=True, slots=True)
class Page:
    """One page as it came, to be kept. `total`: of all pages; `following`: the cursor of the next one, None at the
    end."""

    body: bytes
    rows: int
    total: int
    following: str | None


class _PageInfo(msgspec.Struct, rename="camel"):
    has_next_page: bool
    end_cursor: str | None = None


# As `feeds.cloud_identities` reads them, so that what is stored can be read.
class _Said(msgspec.Struct):
    value: str | None = None
    name: str | None = None


class _Identity(msgspec.Struct, rename="camel"):
    name_id: str | None = None
    username: str | None = None
    emails: list[_Said] | None = None
    attributes: list[_Said] | None = None


class _User(msgspec.Struct):
    login: str


class _Node(msgspec.Struct, rename="camel"):
    user: _User | None
    saml_identity: _Identity | None = None
    scim_identity: _Identity | None = None


class _Connection(msgspec.Struct, rename="camel"):
    total_count: int
    page_info: _PageInfo
    nodes: list[_Node]


class _Provider(msgspec.Struct, rename="camel"):
    external_identities: _Connection


class _OwnerInfo(msgspec.Struct, rename="camel"):
    saml_identity_provider: _Provider | None = None
    oidc_provider: _Provider | None = None


class _Enterprise(msgspec.Struct, rename="camel"):
    owner_info: _OwnerInfo | None = None


class _Data(msgspec.Struct):
    enterprise: _Enterprise | None = None


class _Error(msgspec.Struct):
    type: str | None = None
    message: str = ""


class _Answer(msgspec.Struct):
    data: _Data | None = None
    errors: list[_Error] = []


def fetch_page(
    connection: CloudConnection,
    rules: Rules,
    after: str | None,
    *,
    first: int = PER_PAGE,
    limits: Limits | None = None,
) -> Page:
    """The page behind a cursor, the first without one; of so many identities at most.

    Raises as `transport.post` and `answers.require_data` do; ExpectedError: IDENTITIES_NOT_SHOWN, NO_IDENTITY_PROVIDER.
    """
    question = msgspec.json.encode(
        {"query": QUERY, "variables": {"slug": connection.slug, "first": first, "after": after}}
    )
    url, route = f"{connection.api_url}/graphql", cloud.route(connection, rules)
    with rest.post(url, connection.token, route, cloud.SCOPE, question=question, limits=limits) as answer:
        cloud.require_data(answer, connection)
        body = b"".join(answers.data(answer, cloud.SCOPE))
        return _page(answer, body)


def contents(body: bytes, host: str = "GitHub") -> Page:
    """A page from its bytes. ExpectedError: ANSWER_NOT_UNDERSTOOD, IDENTITIES_NOT_SHOWN, NO_IDENTITY_PROVIDER."""
    said = rest.decoded_body(body, _Answer, host)
    enterprise = said.data.enterprise if said.data else None
    owner_info = enterprise.owner_info if enterprise else None
    if owner_info is None:
        raise ExpectedError(errors.IDENTITIES_NOT_SHOWN, host=host, scope=cloud.SCOPE)
    provider = owner_info.saml_identity_provider or owner_info.oidc_provider
    if provider is None:
        raise ExpectedError(errors.NO_IDENTITY_PROVIDER)
    found = provider.external_identities
    following = found.page_info.end_cursor if found.page_info.has_next_page else None
    if found.page_info.has_next_page and not following:  # there is more, and no way to ask for it
        detail = errors._("it says that more follows, and not what")
        raise ExpectedError(errors.ANSWER_NOT_UNDERSTOOD, host=host, detail=detail)
    return Page(body, len(found.nodes), found.total_count, following)


def _page(answer: Answer, body: bytes) -> Page:
    said = rest.decoded_body(body, _Answer, answer.host)
    for error in said.errors:
        answers.raise_rate_limit(answer, f"{error.type or ''} {error.message}".replace("_", " "))
    if said.errors and all(error.type is None for error in said.errors):  # "Something went wrong while executing …"
        raise Passing(errors.SERVER_IN_TROUBLE, host=answer.host, status=str(answer.status))
    return contents(body, answer.host)
