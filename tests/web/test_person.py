"""One person: what counts, why it is one license, and what has changed."""

import re
from datetime import timedelta

import pytest
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.flows import delete_deployment, run_job
from licensesync.licenses.comparison import compare
from licensesync.licenses.models import ConsumedLicense, Count
from licensesync.licenses.person import end_of
from licensesync.users.models import User
from tests.flows.lists import account, cloud_list, cloud_user, identities, import_one, numbers, server_export
from tests.web.usage import page

pytestmark = pytest.mark.django_db(transaction=True)

ANA = "ana@octo.example"


@pytest.fixture(autouse=True)
def signed_in_owner(client: Client, owner: User) -> None:
    client.force_login(owner)


def person(client: Client, enterprise: Enterprise, place: str, login: str) -> str:
    return page(client, enterprise, "license_detail", numbers(enterprise)[place, login])


def test_saml_beats_all(client: Client, enterprise: Enterprise) -> None:
    ana = cloud_user(
        "ana", "ana@mail.example", github_com_saml_name_id=ANA,
        github_com_member_roles=["octo-platform:Owner"], github_com_two_factor_auth=False,
    )  # fmt: skip
    import_one(enterprise, cloud_list([ana]))
    emails = [{"email": ANA, "primary": True}, {"email": "ana@home.example"}]
    import_one(
        enterprise,
        server_export([account(7, login="acarvalho", emails=emails), account(8, ANA, login="old", suspended=True)]),
    )
    html = person(client, enterprise, "cloud", "ana")
    assert "1 server account carries an address of the cloud account." in html
    assert "1. SAML or SCIM" in html
    assert "acarvalho on ghes.example, primary e-mail" in html
    assert "Verified e-mail, no server account’s primary e-mail" in html
    assert "old on ghes.example, suspended" in html
    assert "1 more does not count" in html
    assert "octo-platform: Owner" in html
    assert '<dd class="attention">Off' in html
    assert "ana<wbr>@home.example</span> <small>Not compared</small>" in html
    assert "Suspended" in html
    assert "First counted." in html


def test_verified_email(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, cloud_list([cloud_user("ana", "Ana@octo.example")]))
    import_one(enterprise, server_export([account(7, ANA)]))
    html = person(client, enterprise, "cloud", "ana")
    assert "2. Verified e-mail" in html
    assert "Ana<wbr>@octo.example" in html


def test_who_else_claims_an_account(client: Client, enterprise: Enterprise) -> None:
    """By an address or by GitHub's list; with user ids that are those of others on a server."""
    import_one(enterprise, server_export([account(number, f"{number}@octo.example") for number in range(1, 9)]))
    users = [cloud_user("ana", "7@octo.example"), cloud_user("bob", "7@octo.example"), cloud_user("cem", ANA)]
    import_one(enterprise, cloud_list([*users, cloud_user("dan", enterprise_server_user_ids=["ghes.example:7"])]))
    html = person(client, enterprise, "cloud", "ana")
    claimed = html.split("Also claimed by")[1].split("</p>")[0]
    assert set(re.findall(r">(\w+)</a>", claimed)) == {"Bob", "Dan"}
    link = reverse("license_detail", args=[enterprise.slug, numbers(enterprise)["cloud", "bob"]])
    assert f'href="{link}"' in claimed
    assert "Claimed as well" not in person(client, enterprise, "cloud", "bob")


def test_linked_by_github(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, server_export([account(7, ANA)]))
    import_one(enterprise, cloud_list([cloud_user("ana", enterprise_server_user_ids=["ghes.example:7"])]))
    html = person(client, enterprise, "cloud", "ana")
    assert "3. Linked by GitHub" in html
    assert "GitHub’s own list links 1 server account to the cloud account." in html


def test_on_servers_only(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, server_export([account(7, ANA, login="ana")], host="one.example"))
    import_one(enterprise, server_export([account(8)], host="two.example"))
    import_one(enterprise, server_export([account(8), account(7, ANA, login="ana")], host="two.example"))
    html = person(client, enterprise, "two.example", "ana")
    assert "2 server accounts have the same primary e-mail; no cloud account is known to have it." in html
    assert "Same primary e-mail" in html
    assert "Account ana appeared on two.example. Still one license." in html


def test_alone(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, server_export([account(7, ANA), account(8)]))
    assert "Only one server account that counts has this primary e-mail" in person(
        client, enterprise, "ghes.example", "user-7"
    )
    html = person(client, enterprise, "ghes.example", "user-8")
    assert "without an e-mail: there is nothing to compare" in html
    assert "No e-mail" in html


def test_only_in_the_cloud(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, cloud_list([cloud_user("ana", ANA)]))
    html = person(client, enterprise, "cloud", "ana")
    assert "Only in the cloud" in html
    assert "Matched by rule" not in html


def test_of_its_type_by_a_subscription_that_no_cloud_account_uses(client: Client, enterprise: Enterprise) -> None:
    subscriber = cloud_user("", visual_studio_subscription_user=True, visual_studio_subscription_email=ANA)
    bob = cloud_user("bob", license_type="Visual Studio subscription")
    import_one(enterprise, cloud_list([cloud_user("ana", ANA), bob, subscriber]))
    said = "A Visual Studio subscription that no cloud account uses has the same e-mail"
    assert said in person(client, enterprise, "cloud", "ana")
    assert said not in person(client, enterprise, "cloud", "bob")


def test_a_saml_name_id_that_is_no_address_is_shown_and_found(client: Client, enterprise: Enterprise) -> None:
    others = [cloud_user(f"u{number}") for number in range(3)]
    import_one(enterprise, cloud_list([cloud_user("ana", github_com_saml_name_id="S-1-5-21"), *others]))
    assert "S-1-5-21</span> <small>SAML NameID</small>" in person(client, enterprise, "cloud", "ana")
    found = page(client, enterprise, "licenses", query="?q=s-1-5")
    assert ("Ana" in found, "U1" in found) == (True, False)


def test_an_address_is_told_once_however_it_is_encoded(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, cloud_list([cloud_user("zoe", "zo\u00eb@octo.example", "zoe\u0308@octo.example")]))
    assert len(ConsumedLicense.objects.get().emails) == 1


def test_nobody_has_this_number(client: Client, enterprise: Enterprise, stranger: User) -> None:
    url = reverse("license_detail", args=[enterprise.slug, 1])
    assert client.get(url).status_code == 404
    import_one(enterprise, server_export([account(7, ANA)]))
    assert client.get(url).status_code == 200
    client.force_login(stranger)
    assert client.get(url).status_code == 404
    client.logout()
    assert client.get(url).status_code == 302


def test_names_are_escaped(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, cloud_list([cloud_user("<i>x", "a@<b>.example", github_com_member_roles=["<u>:<s>"])]))
    html = person(client, enterprise, "cloud", "<i>x")
    for tag in ("<i>x", "<b>", "<u>", "<s>"):
        assert tag not in html


def test_the_next_one_of_the_list_from_which_it_was_opened(client: Client, enterprise: Enterprise) -> None:
    logins = ("ana", "bob", "cem", "dan")
    off = [cloud_user(login, github_com_two_factor_auth=login == "bob") for login in logins]
    import_one(enterprise, cloud_list(off))
    of = {login: numbers(enterprise)["cloud", login] for login in logins}
    url = reverse("license_detail", args=[enterprise.slug, of["cem"]])

    def place(query: str) -> tuple[int, int, int | None, int | None] | None:
        context = client.get(f"{url}{query}").context
        place = context["place"]
        return place and (place.position, context["found"], place.previous, place.next)

    assert place("") == (3, 4, of["bob"], of["dan"])
    assert place("?two_factor=off") == (2, 3, of["ana"], of["dan"])
    assert place("?two_factor=off&sort=-name") == (2, 3, of["dan"], of["ana"])
    assert place("?where=server") is None
    html = client.get(f"{url}?two_factor=off").content.decode()
    assert f'rel="next" href="{reverse("license_detail", args=[enterprise.slug, of["dan"]])}?two_factor=off"' in html
    list_url = reverse("licenses", args=[enterprise.slug])
    assert f'<a href="{list_url}?two_factor=off">Consumed licenses</a>' in html  # the way back


def test_no_query_in_a_loop(
    client: Client, enterprise: Enterprise, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    import_one(enterprise, cloud_list([cloud_user("ana", ANA)]))
    for servers in (1, 5):
        for number in range(servers):
            import_one(
                enterprise, server_export([account(7, ANA), account(8)], host=f"ghes-{servers}-{number}.example")
            )
        ana = numbers(enterprise)["cloud", "ana"]
        with django_assert_num_queries(17):
            page(client, enterprise, "license_detail", ana)


def test_a_license_of_very_many_accounts_shows_some_of_them(client: Client, enterprise: Enterprise) -> None:
    """An address that a script gave to everybody: SQLite takes no condition with a thousand parts."""
    import_one(enterprise, server_export(account(number, "noreply@octo.example") for number in range(1, 1101)))
    [number] = set(numbers(enterprise).values())
    assert "noreply@octo.example" in page(client, enterprise, "license_detail", number)


BEA, CEM = "bea@octo.example", "cem@octo.example"


def gone(client: Client, enterprise: Enterprise, number: int) -> HttpResponseBase:
    return client.get(reverse("license_detail", args=[enterprise.slug, number]))


def test_an_old_number_leads_to_whoever_the_person_is_now_however_often_it_moved_on(
    client: Client, enterprise: Enterprise
) -> None:
    import_one(enterprise, server_export([account(7, ANA)]))
    import_one(enterprise, server_export([account(8, BEA)], host="other.example"))
    import_one(enterprise, cloud_list([cloud_user("cem", CEM)]))
    old = numbers(enterprise)
    first, second, third = old["ghes.example", "user-7"], old["other.example", "user-8"], old["cloud", "cem"]
    import_one(enterprise, server_export([account(8, ANA)], host="other.example"))
    assert gone(client, enterprise, second)["Location"].endswith(f"/{first}")
    import_one(enterprise, cloud_list([cloud_user("cem", CEM, ANA)]))
    for number in (first, second):
        assert gone(client, enterprise, number)["Location"].endswith(f"/{third}")
    assert gone(client, enterprise, third).status_code == 200
    import_one(enterprise, server_export([]))
    import_one(enterprise, server_export([], host="other.example"))
    import_one(enterprise, cloud_list([cloud_user("new", "new@octo.example")]))
    for number in (first, second, third):
        html = page(client, enterprise, "license_detail", number)
        assert "No longer consumes a license since" in html
        assert "<h1>Cem</h1>" in html


def test_whoever_went_with_a_deleted_deployment_is_called_by_the_number(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, server_export([account(7, ANA), account(8, BEA, login="bea")]))
    import_one(enterprise, server_export([account(1, CEM)], host="other.example"))
    number = numbers(enterprise)["ghes.example", "bea"]
    Count.objects.filter(enterprise=enterprise, generation=1).update(finished_at=timezone.now() - timedelta(days=9))
    server = Deployment.objects.get(enterprise=enterprise, host="ghes.example")
    run_job.run_job(delete_deployment.request_deletion(server, requested_by=None).pk)
    html = page(client, enterprise, "license_detail", number)
    assert f"<h1>License {number}</h1>" in html
    assert f"<title>License {number} · Octo Industries" in html
    assert f'<li aria-current="page">License {number}</li>' in html
    assert f'<span class="avatar avatar-large" aria-hidden="true">L{number}</span>' in html
    assert "bea" not in html
    between = page(client, enterprise, "usage_history", query="?from=1&kind=went")
    assert "2 of them had accounts only on instances that were deleted" in between


def test_whoever_is_counted_twice_from_several_servers_is_one_once_all_accounts_have_the_address(
    client: Client, enterprise: Enterprise
) -> None:
    home, work_first = [
        [{"email": each, "primary": each == first} for each in ("ana@home.example", ANA)]
        for first in ("ana@home.example", ANA)
    ]
    hosts = ("a.example", "b.example")
    import_one(enterprise, cloud_list([cloud_user("ana-c", ANA)]))
    for host in hosts:
        import_one(enterprise, server_export([account(7, login="ana", emails=home)], host=host))
    html = page(client, enterprise, "license_detail", numbers(enterprise)["a.example", "ana"])
    assert "make it the primary one of every server account of theirs, and they are one person" in html
    after = [
        import_one(enterprise, server_export([account(7, login="ana", emails=work_first)], host=host)).licenses_after
        for host in hosts
    ]
    assert after == [2, 1]


def test_whoever_seems_to_be_counted_twice_is_told_with_whom(client: Client, enterprise: Enterprise) -> None:
    emails = [{"email": "ana@home.example", "primary": True}, {"email": "ANA@octo.example"}]
    import_one(enterprise, server_export([account(7, login="acarvalho", emails=emails), account(8, BEA)]))
    import_one(enterprise, cloud_list([cloud_user("ana-c", ANA)]))
    ours, theirs = numbers(enterprise)["ghes.example", "acarvalho"], numbers(enterprise)["cloud", "ana-c"]
    html = page(client, enterprise, "license_detail", ours)
    assert "Seems to be counted twice." in html
    assert (
        f'is that of the cloud account <a href="{reverse("license_detail", args=[enterprise.slug, theirs])}">' in html
    )
    other = numbers(enterprise)["ghes.example", "user-8"]
    assert "Seems to be counted twice." not in page(client, enterprise, "license_detail", other)
    compare(enterprise)  # as it is done after each count
    html = page(client, enterprise, "license_detail", theirs)
    assert "Seems to be counted twice." in html
    assert f'<a href="{reverse("license_detail", args=[enterprise.slug, ours])}">acarvalho</a>' in html
    assert "is that of this cloud account." in html


def test_what_is_not_shown_yet_or_of_another_enterprise_ends_nothing(
    client: Client, enterprise: Enterprise, stranger: User
) -> None:
    import_one(enterprise, server_export([account(7, ANA)]))
    number = numbers(enterprise)["ghes.example", "user-7"]
    import_one(enterprise, server_export([account(8, BEA)]))
    assert gone(client, enterprise, number).status_code == 200
    other = Enterprise.objects.get(slug="hubot-labs")
    client.force_login(stranger)
    assert gone(client, enterprise, number).status_code == 404
    assert gone(client, other, number).status_code == 404
    assert end_of(enterprise, number) is not None
    enterprise.generation -= 1
    assert end_of(enterprise, number) is None


def test_what_is_long_is_folded_and_nothing_of_it_is_left_out(client: Client, enterprise: Enterprise) -> None:
    roles = [f"org-{number:02}:Member" for number in range(12)]
    import_one(enterprise, cloud_list([cloud_user("ana", ANA, github_com_member_roles=roles)]))
    for number in range(11):
        import_one(enterprise, server_export([account(1, ANA, login="ana")], host=f"s{number}.example"))
    html = person(client, enterprise, "cloud", "ana")
    why, accounts = html.partition('id="accounts-title"')[::2]
    for folded, shown, hidden in ((why, "s7.example", "s10.example"), (accounts, "org-07", "org-11")):
        in_sight, behind = folded.partition("<details>")[::2]
        assert shown in in_sight
        assert hidden in behind
        assert hidden not in in_sight
    assert "and 3 more" in why
    assert "and 4 more" in accounts


def test_what_met_is_named_a_name_id_or_a_linked_identity(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, cloud_list([cloud_user("ana", github_com_saml_name_id=ANA), cloud_user("bob")]))
    users = [account(7, ANA), account(8, "ana@corp.example"), account(9, "BOB@corp.example")]
    import_one(enterprise, server_export(users))
    import_one(enterprise, identities(("ana", f"{ANA},Ana@corp.example"), ("bob", "bob@corp.example,b@idp.example")))
    html = person(client, enterprise, "cloud", "ana")
    assert "2 server accounts carry an address of the cloud account." in html
    assert html.count("1. SAML or SCIM") == 2
    assert re.search(r"SAML NameID</small>\s*<[^>]+>ana<wbr>@octo.example", html)
    assert re.search(r"Linked identity</small>\s*<[^>]+>Ana<wbr>@corp.example", html)
    assert "SAML NameID, linked identity</small>" in html
    html = person(client, enterprise, "cloud", "bob")
    assert "Linked identity, no server account’s primary e-mail" in html
    assert page(client, enterprise, "licenses", query="?q=b@idp.example").count('class="person"') == 1
