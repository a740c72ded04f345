import json
from pathlib import Path
from typing import Any

import pytest

from licensesync import errors
from licensesync.feeds import CloudIdentity, ReadReport
from licensesync.feeds.cloud_identities import COMPARED

from .writing import export, identity, identity_page, look, page, problem_of, read_linked, user

NAME, EMAIL = sorted(COMPARED)[1], "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"


def test_every_attribute_that_github_compares(tmp_path: Path) -> None:
    node = identity(
        samlIdentity={
            "nameId": "name-id@x.example",
            "username": "saml-user@x.example",
            "emails": [{"value": "saml-mail@x.example", "primary": True, "type": "work"}],
            "attributes": [
                {"name": name, "value": f"{number}@x.example"} for number, name in enumerate(sorted(COMPARED))
            ]
            + [{"name": "manager", "value": "boss@x.example"}, {"name": None, "value": "none@x.example"}],
        },
        scimIdentity={"username": "scim-user@x.example", "emails": [{"value": "scim-mail@x.example"}]},
    )
    (found,) = read_linked(tmp_path, identity_page(node))
    expected = {f"{number}@x.example" for number in range(5)}
    expected |= {f"{each}@x.example" for each in ("name-id", "saml-user", "saml-mail", "scim-user", "scim-mail")}
    assert set(found.addresses) == expected
    assert len(found.addresses) == len(expected)


def test_what_is_no_address_is_not_kept(tmp_path: Path) -> None:
    node = identity(
        samlIdentity={"nameId": "E123456", "username": " mona@x.example ", "emails": [{"value": None}, {}]},
        scimIdentity={"username": "mona@x.example", "emails": None},
    )
    report = ReadReport()
    assert read_linked(tmp_path, identity_page(node), report=report) == [CloudIdentity("monalisa", ("mona@x.example",))]
    assert (report.rows, report.ignored_keys) == (1, {})


def test_identities_that_nobody_uses_count_as_read_alone(tmp_path: Path) -> None:
    report = ReadReport()
    content = identity_page(identity(None, "gone@x.example"), identity("mona", "mona@x.example"), identity("bob", "b7"))
    assert read_linked(tmp_path, content, report=report) == [CloudIdentity("mona", ("mona@x.example",))]
    assert report.rows == 3


@pytest.mark.parametrize("joined", [json.dumps, lambda pages: "\n".join(map(json.dumps, pages))])
def test_pages_in_an_array_or_one_after_the_other(tmp_path: Path, joined: Any) -> None:
    pages = [
        identity_page(identity("ana", "ana@x.example"), total=2, more=True),
        identity_page(identity("bob", "bob@x.example"), total=2),
    ]
    content = joined(pages)
    assert [found.login for found in read_linked(tmp_path, content)] == ["ana", "bob"]
    recognition = look(tmp_path, content)
    assert (recognition.rows, recognition.total_identities, recognition.more_follows) == (2, 2, False)
    first = look(tmp_path, pages[0])
    assert (first.rows, first.total_identities, first.more_follows) == (1, 2, True)


def test_edges_oidc_and_organizations(tmp_path: Path) -> None:
    connection = {"edges": [{"cursor": "a", "node": identity("ana", "ana@x.example")}]}
    for provider in (
        {
            "enterprise": {
                "ownerInfo": {"samlIdentityProvider": None, "oidcProvider": {"externalIdentities": connection}}
            }
        },
        {"organization": {"samlIdentityProvider": {"externalIdentities": connection}}},
    ):
        assert read_linked(tmp_path, {"data": provider}) == [CloudIdentity("ana", ("ana@x.example",))]
        assert look(tmp_path, {"data": provider}).total_identities is None


@pytest.mark.parametrize(
    "data",
    [
        {"enterprise": None},
        {"enterprise": {"ownerInfo": None}},
        {"enterprise": {"ownerInfo": {"samlIdentityProvider": None, "oidcProvider": None}}},
        {"enterprise": {"ownerInfo": {"samlIdentityProvider": {"externalIdentities": None}}}},
        {"users": {"externalIdentities": {"nodes": []}}},
    ],
)
def test_an_answer_without_any_says_why(tmp_path: Path, data: Any) -> None:
    error = problem_of(lambda: look(tmp_path, {"data": data, "errors": [{"type": "FORBIDDEN"}]}))
    assert error is not None
    assert error.problem is errors.NO_IDENTITIES


def test_a_key_of_that_name_makes_no_other_list_one(tmp_path: Path) -> None:
    linked = identity_page(identity())
    assert look(tmp_path, export(user(1)) | linked).kind == "server_export"
    assert look(tmp_path, page() | linked).kind == "cloud_licenses"


@pytest.mark.parametrize(
    ("node", "detail"),
    [
        ({"samlIdentity": None}, "its user is missing"),
        ({"node": 5}, "its “node” is not an object"),
        (identity() | {"user": "mona"}, "its “user” is not an object"),
        (identity() | {"user": {"login": 7}}, "its “login” is not text"),
        (identity() | {"scimIdentity": {"username": 7}}, "its “e-mail” is not text"),
        (identity() | {"scimIdentity": {"emails": "a@x.example"}}, "its “emails” is not a list of objects"),
        (identity() | {"samlIdentity": {"attributes": ["x"]}}, "its “attributes” is not a list of objects"),
    ],
)
def test_a_wrong_shape_names_the_row(tmp_path: Path, node: Any, detail: str) -> None:
    error = problem_of(lambda: read_linked(tmp_path, identity_page(identity("ana"), node)))
    assert error is not None
    assert error.problem is errors.WRONG_SHAPE
    assert detail in str(error)
    assert "Account number 2 " in str(error)


@pytest.mark.parametrize("node", [None, 5, ["x"]])
def test_a_row_that_github_could_not_answer(tmp_path: Path, node: Any) -> None:
    error = problem_of(lambda: read_linked(tmp_path, identity_page(identity("ana"), node)))
    assert error is not None
    assert error.problem is errors.WRONG_SHAPE


def test_hostile_nesting(tmp_path: Path) -> None:
    for text in (
        '{"data":' * 1_000_000,
        '{"data":' * 50 + "1" + "}" * 50,
        '{"data":{"externalIdentities":{"nodes":[' * 9,
    ):
        error = problem_of(lambda text=text: look(tmp_path, text))  # type: ignore[misc]
        assert error is not None
        assert error.problem in (errors.TOO_DEEP, errors.TRUNCATED, errors.NO_IDENTITIES, errors.NOT_RECOGNISED)


def test_a_list_that_is_cut_off(tmp_path: Path) -> None:
    text = json.dumps(identity_page(*[identity(f"user{number}", f"u{number}@x.example") for number in range(50)]))
    for end in range(30, len(text) - 1, 97):
        error = problem_of(lambda end=end: look(tmp_path, text[:end]))  # type: ignore[misc]
        assert error is not None
        assert error.problem is errors.TRUNCATED, text[:end]
