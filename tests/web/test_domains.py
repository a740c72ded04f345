"""Verified domains: what may be entered, and whom they find."""

import pytest
from django.test import Client
from django.urls import reverse

from licensesync.enterprises.domains import normalised
from licensesync.enterprises.models import Enterprise
from licensesync.enterprises.queries import verified_domains
from licensesync.errors import ExpectedError
from licensesync.users.models import User
from tests.flows.lists import account, cloud_list, cloud_user, import_one, server_export
from tests.people import SignedIn
from tests.web.usage import page

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("Octo.Example", "octo.example"),
        ("@octo.example.", "octo.example"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("Bu\u0308cher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("Straße.example", "xn--strae-oqa.example"),  # strasse.example is somebody else's
        ("ΟΔΟΣ.example", "xn--pxavbq.example"),
        ("οδος.example", "xn--pxavbm.example"),
        ("ab--cd.example", "ab--cd.example"),
        ("ab--cd.bücher.example", "ab--cd.xn--bcher-kva.example"),
        ("☃.net", "xn--n3h.net"),
    ],
)
def test_a_domain_is_stored_as_the_net_has_it(typed: str, stored: str) -> None:
    assert normalised(typed) == stored


@pytest.mark.parametrize(
    "typed",
    ["", "octo", "ana@octo.example", "https://octo.example", "*.octo.example", "-a.example", "a..b", "127.0.0.1",
     "x" * 64 + ".example", ".".join(["abcdefgh"] * 30), "octo_x.example"],
)  # fmt: skip
def test_what_is_no_domain(typed: str) -> None:
    with pytest.raises(ExpectedError):
        normalised(typed)


def add(client: Client, enterprise: Enterprise, names: str) -> str:
    response = client.post(reverse("domains", args=[enterprise.slug]), {"names": names}, follow=True)
    return " ".join(response.content.decode().split())


def test_an_owner_adds_several_at_once_and_removes_one(client: Client, enterprise: Enterprise, owner: User) -> None:
    client.force_login(owner)
    assert "No domain yet" in page(client, enterprise, "domains")
    assert "apac.octo.example, octo.example are added." in add(client, enterprise, "apac.octo.example\nOCTO.example, ")
    assert "were here already" in add(client, enterprise, "octo.example")
    assert "“what?” is not a domain. Nothing was changed." in add(client, enterprise, "new.example what?")
    several = add(client, enterprise, "what? new.example\nana@octo.example " + " ".join(f"no_{n}" for n in range(9)))
    assert "These are not domains: “what?”, “ana@octo.example”, “no_0”, " in several
    assert "“no_7”…. Nothing was changed." in several
    assert verified_domains(enterprise) == ["apac.octo.example", "octo.example"]
    domain = enterprise.verified_domains.get(name="octo.example")
    client.post(reverse("remove_domain", args=[enterprise.slug, domain.pk]))
    assert verified_domains(enterprise) == ["apac.octo.example"]


def test_a_saml_name_id_is_an_address_as_well(client: Client, enterprise: Enterprise, owner: User) -> None:
    names = ("ana@octo.example", "bob@mail.example", "eve")
    import_one(
        enterprise, cloud_list([cloud_user(f"u{n}", github_com_saml_name_id=name) for n, name in enumerate(names)])
    )
    client.force_login(owner)
    assert "2 of 3 people have no e-mail of a verified domain" in add(client, enterprise, "octo.example")


def test_people_without_an_e_mail_of_them(client: Client, enterprise: Enterprise, owner: User) -> None:
    import_one(enterprise, cloud_list([cloud_user("ana", "ana@octo.example")]))
    accounts = [account(1, "ana@bücher.example"), account(2, "bob@mail.example"), account(3, "eve@mail.example")]
    import_one(enterprise, server_export(accounts))
    client.force_login(owner)
    assert 'value="mail.example"' in page(client, enterprise, "domains")  # to be added with one click
    html = add(client, enterprise, "bücher.example")
    assert "bücher.example is added." in html
    assert "2 of 4 people have no e-mail of a verified domain" in html
    assert '<td class="num" data-label="People">1</td>' in html
    assert client.get(reverse("licenses", args=[enterprise.slug]) + "?domain=none").context["found"] == 2


@pytest.mark.parametrize(
    ("domain", "address"),
    [
        ("straße.example", "ana@Straße.example"),
        ("straße.example", "ana@xn--strae-oqa.example"),
        ("οδος.example", "ana@οδος.example"),
        ("bücher.example", "ana@bu\u0308cher.example"),
        ("octo.example", "ana@Octo.example."),
        ("bücher.example", "ana@ｂücher。example"),
        ("☃.net", "ana@☃.net"),
        ("☃.net", "ana@xn--n3h.net"),
    ],
)
def test_an_address_of_a_domain_however_it_is_written(
    client: Client, enterprise: Enterprise, owner: User, domain: str, address: str
) -> None:
    import_one(enterprise, server_export([account(1, address), account(2, "bob@strasse.example")]))
    client.force_login(owner)
    assert "1 of 2 people has no e-mail of a verified domain" in add(client, enterprise, domain)


def test_a_billing_manager_sees_them_and_changes_nothing(
    signed_in: SignedIn, billing_manager: User, enterprise: Enterprise, owner: User
) -> None:
    add(signed_in(owner), enterprise, "octo.example")
    html = page(signed_in(billing_manager), enterprise, "domains")
    assert "octo.example" in html
    assert "Remove" not in html
    assert "Add domains" not in html


def test_a_domain_of_another_enterprise_is_out_of_reach(
    signed_in: SignedIn, owner: User, stranger: User, enterprise: Enterprise
) -> None:
    add(signed_in(owner), enterprise, "octo.example")
    domain = enterprise.verified_domains.get()
    answer = signed_in(stranger).post(reverse("remove_domain", args=["hubot-labs", domain.pk]))
    assert answer.status_code == 404
    assert verified_domains(enterprise) == ["octo.example"]
