"""The page of the audit log: who did what, by whom it may be read, and as a report."""

import csv
import io
import re

import pytest
from django.test import Client

from licensesync.enterprises import services, tokens
from licensesync.enterprises.models import AuditAction, AuditEvent, Enterprise, Membership, Role, Through
from licensesync.enterprises.services import Settings
from licensesync.syncing.models import Question
from licensesync.users.models import User
from licensesync.users.services import create_user
from licensesync.web.audit_log import FIELDS, GROUPS, SENTENCES
from licensesync.web.paging import PAGE_SIZE
from tests.flows.lists import account, report, server_export
from tests.people import PASSWORD, SignedIn
from tests.web.usage import add, answer, last_file, work

pytestmark = pytest.mark.django_db(transaction=True)

SETTINGS = "/enterprises/octo-industries/settings"
LOG = f"{SETTINGS}/audit-log"
ANA = "ana@octo.example"


def rows(html: str) -> list[str]:
    """The text of each row."""
    body = re.findall(r"<tr>(.*?)</tr>", html.partition("<tbody>")[2], re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", row.replace("<wbr>", "")).split()) for row in body]


def test_what_an_owner_does_is_told_with_their_name(
    signed_in: SignedIn, owner: User, billing_manager: User, enterprise: Enterprise
) -> None:
    browser = signed_in(owner)
    membership = Membership.objects.get(user=billing_manager)
    browser.post(f"{SETTINGS}/people/{membership.pk}/role", {"role": "owner"})
    shown = browser.get(f"{SETTINGS}/profile").context["form"]
    seats = {f"initial-{name}": shown[name].value() for name in shown.fields}
    profile = {"name": "Octo", "license_model": "volume", "enterprise_licenses": "1,600", "visual_studio_licenses": "0"}
    browser.post(f"{SETTINGS}/profile", {**seats, **profile, "keeps_names": "on"})
    newest, second, *_others = rows(browser.get(LOG).content.decode())
    assert newest.startswith("Changed profile and seats Name: Octo Industries → Octo")
    assert "Enterprise licenses: 100 → 1,600" in newest
    assert "Secondary e-mails: on → off" in newest
    assert "Profile names" not in newest  # it stays as it was
    assert "owner@octo.example today" in newest
    assert second.startswith(
        "Changed the role of billing@octo.example Role: Billing manager → Owner owner@octo.example"
    )


def test_who_joins_did_it_themselves(signed_in: SignedIn, owner: User, enterprise: Enterprise) -> None:
    made = signed_in(owner).post(f"{SETTINGS}/people", {"email": ANA, "role": "owner"}, follow=True).content.decode()
    link = re.search(r"http://testserver(/invitations/\w+)", made)
    assert link
    newcomer = Client()
    newcomer.post(link[1], {"new_password1": PASSWORD, "new_password2": PASSWORD})
    newest, second, *_others = rows(newcomer.get(LOG).content.decode())
    assert newest.startswith("Accepted the invitation Role: Owner ana@octo.example")
    assert second.startswith("Invited ana@octo.example Role: Owner owner@octo.example")


def test_a_new_instance_was_added_by_whoever_brought_its_list(
    signed_in: SignedIn, owner: User, enterprise: Enterprise
) -> None:
    """The worker finds it."""
    browser = signed_in(owner)
    add(browser, enterprise, server_export([account(1, ANA)]))
    work()
    assert rows(browser.get(LOG).content.decode())[0].startswith("Added ghes.example owner@octo.example")
    add(browser, enterprise, report([(2, ANA)]))
    work()
    answer(browser, last_file(), answer="new", host="new.example")
    answered, added, *_others = rows(browser.get(LOG).content.decode())
    assert answered.startswith("Answered the question about file-1.json Instance: new.example owner@octo.example")
    assert added.startswith("Added new.example owner@octo.example")


@pytest.mark.parametrize(
    "download",
    [
        "license/consumed/report.csv",
        "license/consumed/licenses.json",
        "license/history/changes.csv",
        "license/github/people.csv",
        "audit-log/report.csv",
    ],
)
def test_whoever_takes_a_list_away_is_told(
    signed_in: SignedIn, owner: User, billing_manager: User, enterprise: Enterprise, download: str
) -> None:
    browser = signed_in(owner if "audit-log" in download else billing_manager)
    file = browser.get(f"{SETTINGS}/{download}")
    assert file.status_code == 200
    event = AuditEvent.objects.latest("pk")
    assert (event.action, event.actor) == ("report.download", User.objects.get(pk=browser.session["_auth_user_id"]))
    assert event.subject in file["Content-Disposition"]


def test_it_is_narrowed_by_what_and_who(
    signed_in: SignedIn, owner: User, billing_manager: User, stranger: User, enterprise: Enterprise
) -> None:
    browser = signed_in(owner)
    browser.post(f"{SETTINGS}/domains", {"names": "octo.example"})
    signed_in(billing_manager).get(f"{SETTINGS}/license/consumed/report.csv")

    def found(query: str) -> list[str]:
        return rows(browser.get(f"{LOG}?{query}").content.decode())

    assert [row.partition(" ")[0] for row in found("what=domain")] == ["Added"]
    assert len(found(f"who={billing_manager.pk}")) == len(found("what=report")) == 1
    assert found(f"what=domain&who={billing_manager.pk}") == []
    assert "No event matches this filter" in browser.get(f"{LOG}?what=token").content.decode()
    everything = found("")
    assert found(f"who={stranger.pk}") == found("what=nonsense&who=x") == everything  # nobody of this enterprise
    assert stranger.email not in browser.get(LOG).content.decode()


def test_older_events_are_on_the_next_page_and_all_in_the_report(
    signed_in: SignedIn, owner: User, enterprise: Enterprise
) -> None:
    browser = signed_in(owner)
    names = [f"d{number}.example" for number in range(PAGE_SIZE + 3)]
    browser.post(f"{SETTINGS}/domains", {"names": "\n".join(names)})
    html = browser.get(f"{LOG}?what=domain").content.decode()
    older = re.search(r'id="log-older" href="\?([^"#]+)', html)
    assert older
    first, second = rows(html), rows(browser.get(f"{LOG}?{older[1].replace('&amp;', '&')}").content.decode())
    assert (len(first), len(second)) == (PAGE_SIZE, 3)
    told = [row.split()[4] for row in first + second]
    assert told == names[::-1]
    file = browser.get(f"{LOG}/report.csv?what=domain")
    lines = list(csv.DictReader(io.StringIO(b"".join(file).decode())))
    assert [line["Subject"] for line in lines] == names[::-1]
    assert {(line["Action"], line["Actor"], line["Through"]) for line in lines} == {
        ("domain.add", owner.email, "browser")
    }


def test_what_nobody_can_be_named_for(signed_in: SignedIn, owner: User, enterprise: Enterprise) -> None:
    """By a command, by a script, and by and to accounts that are deleted since."""
    person = create_user(email=ANA, password=None)
    membership = services.add_member(enterprise=enterprise, user=person, role=Role.OWNER)
    AuditEvent.objects.filter(subject=ANA).update(actor=person, through=Through.API, token="nightly <b>")
    browser = signed_in(owner)
    html = browser.get(LOG).content.decode()
    assert rows(html)[0].startswith(f"Added {ANA} Role: Owner {ANA} by the API token “nightly &lt;b&gt;”")
    assert "Command line" in rows(html)[1]
    services.delete_account(membership.user)
    html = browser.get(LOG).content.decode()
    assert ANA not in html
    assert rows(html)[1].startswith("Added somebody whose account is deleted Role: Owner Deleted account by the API")


def test_whatever_is_done_or_set_has_a_name() -> None:
    set_by = {*Settings.__annotations__, "role", "scopes", "expires_at", "deployment", "url", "login", "cloud_slug"}
    assert set_by | {"schedule"} | set(Question) == set(FIELDS)
    assert set(SENTENCES) == set(AuditAction)
    assert {action.partition(".")[0] for action in AuditAction} == set(GROUPS)


def test_formulas_stay_texts_in_the_report(signed_in: SignedIn, owner: User, enterprise: Enterprise) -> None:
    tokens.create_api_token(enterprise=enterprise, owner=owner, name="=1+1", scopes=[])
    lines = csv.DictReader(io.StringIO(b"".join(signed_in(owner).get(f"{LOG}/report.csv?what=token")).decode()))
    assert [line["Subject"] for line in lines] == ["'=1+1"]


def test_only_owners_have_it_in_their_navigation(
    signed_in: SignedIn, owner: User, billing_manager: User, enterprise: Enterprise
) -> None:
    assert LOG in signed_in(owner).get(f"{SETTINGS}/people").content.decode()
    assert LOG not in signed_in(billing_manager).get(f"{SETTINGS}/people").content.decode()
