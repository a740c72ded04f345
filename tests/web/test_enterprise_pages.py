"""A new enterprise, and its profile and seats."""

import re
from html import unescape

import pytest

from licensesync.enterprises.models import Enterprise
from licensesync.users.models import User
from tests.people import SignedIn

PROFILE = "/enterprises/octo-industries/settings/profile"
GIVEN = {
    "name": "Octo Group",
    "license_model": "volume",
    "enterprise_licenses": "2,200",
    "visual_studio_licenses": "200",
}


def test_an_owner_changes_profile_and_seats(signed_in: SignedIn, owner: User, enterprise: Enterprise) -> None:
    page = signed_in(owner).post(PROFILE, GIVEN, follow=True).content.decode()
    assert "Profile and seats are saved." in page
    enterprise.refresh_from_db()
    assert (enterprise.name, enterprise.enterprise_licenses, enterprise.visual_studio_licenses) == (
        "Octo Group",
        2200,
        200,
    )


def test_of_two_tabs_neither_takes_back_what_the_other_changed(
    signed_in: SignedIn, owner: User, enterprise: Enterprise
) -> None:
    client = signed_in(owner)
    tab = shown_in_form(client.get(PROFILE).content.decode())
    assert tab.keys() > {"name", "license_model", "initial-name", "initial-license_model"}
    client.post(PROFILE, tab | {"name": "Octo Group", "license_model": "metered", "visual_studio_licenses": "7"})
    refused = client.post(PROFILE, tab | {"enterprise_licenses": "24OO"}).content.decode()
    client.post(PROFILE, shown_in_form(refused) | {"enterprise_licenses": "2,200"})
    enterprise.refresh_from_db()
    assert (enterprise.name, enterprise.license_model) == ("Octo Group", "metered")
    assert (enterprise.enterprise_licenses, enterprise.visual_studio_licenses) == (2200, 7)


def shown_in_form(page: str) -> dict[str, str]:
    """What a browser would send back as it is."""
    fields = [
        dict(re.findall(r'([\w-]+)="([^"]*)"', tag) or []) | {"tag": tag} for tag in re.findall(r"<input[^>]*>", page)
    ]
    sent = [each for each in fields if "name" in each and (each.get("type") != "radio" or " checked" in each["tag"])]
    return {each["name"]: unescape(each.get("value", "")) for each in sent}


@pytest.mark.parametrize("number", ["24OO", "-1", "1.5", "99999999999"])
def test_a_number_that_is_none_is_said_at_its_field(
    signed_in: SignedIn, owner: User, enterprise: Enterprise, number: str
) -> None:
    page = signed_in(owner).post(PROFILE, GIVEN | {"enterprise_licenses": number}).content.decode()
    assert "Enter a whole number, for example 2400." in page
    assert 'aria-invalid="true"' in page
    enterprise.refresh_from_db()
    assert enterprise.enterprise_licenses == 100


def test_an_address_may_be_typed_in_capitals(signed_in: SignedIn, owner: User, enterprise: Enterprise) -> None:
    page = signed_in(owner).get(PROFILE.replace(enterprise.slug, enterprise.slug.upper()))
    assert page.status_code == 200
    assert PROFILE in page.content.decode()


def test_a_billing_manager_reads(signed_in: SignedIn, billing_manager: User) -> None:
    page = signed_in(billing_manager).get(PROFILE).content.decode()
    assert "Octo Industries" in page
    assert "Save changes" not in page


@pytest.mark.parametrize(
    ("slug", "words"),
    [
        ("octo-industries", "is already the slug of an enterprise here"),
        ("new", "taken by LicenseSync itself"),
        ("Two Words", "Use small letters, digits and single hyphens"),
    ],
)
def test_a_slug_that_does_not_fit_is_said_at_its_field(
    signed_in: SignedIn, owner: User, enterprise: Enterprise, slug: str, words: str
) -> None:
    page = signed_in(owner).post("/enterprises/new", GIVEN | {"slug": slug}).content.decode()
    assert words in page
    assert Enterprise.objects.count() == 1


def test_the_slug_comes_from_the_name_when_none_is_given(
    signed_in: SignedIn, owner: User, enterprise: Enterprise
) -> None:
    assert signed_in(owner).post("/enterprises/new", GIVEN | {"name": "Zürich & Söhne"}).status_code == 302
    assert Enterprise.objects.filter(slug="zurich-sohne").exists()


def test_it_is_deleted_by_whoever_types_its_slug(signed_in: SignedIn, owner: User, enterprise: Enterprise) -> None:
    client, url = signed_in(owner), "/enterprises/octo-industries/settings/delete"
    assert url in client.get(PROFILE).content.decode()
    html = client.get(url).content.decode()
    assert "0 consumed licenses" in html
    assert "the access of 1 member," in html
    refused = client.post(url, {"slug": "octo"}).content.decode()
    assert "This is not the slug of the enterprise. Nothing was deleted." in refused
    assert client.get(url).status_code == 200
    answer = client.post(url, {"slug": enterprise.slug}, follow=True)
    assert answer.redirect_chain == [("/enterprises", 302)]
    assert "Octo Industries is deleted." in answer.content.decode()
    assert client.get(url).status_code == 404
