"""What becomes of a request whose session has ended: the door, some words, and the way back."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from licensesync.enterprises.models import Enterprise
from licensesync.syncing.models import UsageFile
from licensesync.users.models import User
from tests.people import PASSWORD
from tests.web.usage import HTMX

pytestmark = pytest.mark.django_db(transaction=True)

ENDED, LOST = "You were signed out. Sign in to go on.", "You were signed out, so what you just sent did not arrive."


def door(client: Client) -> str:
    return client.get(reverse("sign_in")).content.decode()


def test_a_page_leads_to_the_door_and_back_without_words(client: Client, enterprise: Enterprise, owner: User) -> None:
    page = reverse("license", args=[enterprise.slug])
    answer = client.get(page)
    assert answer.status_code == 302
    assert parse_qs(urlsplit(answer["Location"]).query) == {"next": [page]}
    assert "You were signed out" not in client.get(answer["Location"]).content.decode()
    signed_in = client.post(answer["Location"], {"username": owner.email, "password": PASSWORD, "next": page})
    assert signed_in["Location"] == page


@pytest.mark.parametrize(
    "headers", [{"Referer": "http://testserver/enterprises/octo-industries/settings/license?a=b"}, {}]
)
def test_a_form_leads_back_to_its_page(client: Client, enterprise: Enterprise, headers: dict[str, str]) -> None:
    """And not to where it was sent, where nobody can go."""
    files = {"files": SimpleUploadedFile("list.json", b"{}")}
    answer = client.post(reverse("add_usage", args=[enterprise.slug]), files, headers=headers)
    assert (answer.status_code, urlsplit(answer["Location"]).path) == (302, reverse("sign_in"))
    onward = parse_qs(urlsplit(answer["Location"]).query)
    assert onward == ({"next": ["/enterprises/octo-industries/settings/license?a=b"]} if headers else {})
    assert LOST in door(client)
    assert LOST not in door(client), "once"
    assert not UsageFile.objects.exists()


def test_a_form_that_is_sent_to_its_own_page_leads_back_there(client: Client, enterprise: Enterprise) -> None:
    url = reverse("domains", args=[enterprise.slug])
    answer = client.post(url, {"names": "octo.example"}, headers={"Referer": f"http://testserver{url}"})
    assert parse_qs(urlsplit(answer["Location"]).query) == {"next": [url]}


def test_no_form_leads_to_another_site(client: Client, enterprise: Enterprise) -> None:
    url = reverse("add_usage", args=[enterprise.slug])
    assert client.post(url, headers={"Referer": "https://evil.example/x"})["Location"] == reverse("sign_in")


@pytest.mark.parametrize("referer", ["http://[", "http://testserver", "\\x00"])
def test_a_form_of_nowhere_leads_to_the_door_alone(client: Client, enterprise: Enterprise, referer: str) -> None:
    answer = client.post(reverse("add_usage", args=[enterprise.slug]), headers={"Referer": referer})
    assert (answer.status_code, answer["Location"]) == (302, reverse("sign_in"))


def test_a_download_leads_back_to_its_page(client: Client, enterprise: Enterprise) -> None:
    """Else the door would stay on the screen while the file is saved."""
    page = reverse("licenses", args=[enterprise.slug])
    referer = {"Referer": f"http://testserver{page}?q=ana"}
    answer = client.get(reverse("csv_of_licenses", args=[enterprise.slug]), headers=referer)
    assert parse_qs(urlsplit(answer["Location"]).query) == {"next": [f"{page}?q=ana"]}
    assert ENDED in door(client)


def test_signing_out_twice_needs_no_words(client: Client, enterprise: Enterprise) -> None:
    assert client.post(reverse("sign_out"))["Location"] == reverse("sign_in")
    assert "You were signed out" not in door(client)


def test_pages_of_who_is_signed_in_are_kept_by_no_browser(client: Client, enterprise: Enterprise, owner: User) -> None:
    """Else Back would show them after signing out."""
    assert "no-store" in client.get(reverse("sign_in"))["Cache-Control"]
    client.force_login(owner)
    for name in ("license", "licenses", "csv_of_licenses"):
        assert client.get(reverse(name, args=[enterprise.slug]))["Cache-Control"] == "no-store"
    assert client.get(reverse("account"))["Cache-Control"] == "no-store"


def test_a_link_that_lets_somebody_in_is_not_shown_to_the_next_one(
    client: Client, enterprise: Enterprise, owner: User
) -> None:
    client.force_login(owner)
    client.post(reverse("people", args=[enterprise.slug]), {"email": "new@octo.example", "role": "owner"})
    client.post(reverse("sign_out"))
    assert "/invitations/" not in door(client)


def test_what_was_told_to_many_requests_is_said_once(client: Client, enterprise: Enterprise) -> None:
    for _ in range(3):
        client.get(reverse("license_news", args=[enterprise.slug]), headers=HTMX)
    assert door(client).count(ENDED) == 1


def test_other_requests_go_to_the_door(client: Client, enterprise: Enterprise) -> None:
    assert client.get(reverse("license", args=[enterprise.slug]), headers={"Accept": "image/*"}).status_code == 302
    assert "You were signed out" not in door(client)


def test_a_script_has_the_page_loaded_anew(client: Client, enterprise: Enterprise) -> None:
    """The page then leads to the door, where the words are."""
    news = reverse("license_news", args=[enterprise.slug])
    answer = client.get(news, headers=HTMX)
    assert (answer.status_code, answer["HX-Refresh"], answer.content) == (200, "true", b"")
    assert ENDED in door(client)
    answer = client.post(reverse("add_usage", args=[enterprise.slug]), headers=HTMX)
    assert answer["HX-Refresh"] == "true"
    assert LOST in door(client)
    answer = client.post(reverse("add_usage", args=[enterprise.slug]), headers={"Accept": "text/plain"})
    assert (answer.status_code, answer.content) == (401, b"")
    assert LOST in door(client)
