"""Numbers that are names stand in addresses and in forms as they are: 1234567, never 1,234,567."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from django.apps import apps
from django.db import connection, models
from django.urls import reverse

from licensesync.enterprises import connections, services, tokens
from licensesync.enterprises.models import Deployment, DeploymentKind, Enterprise, Membership, Role
from licensesync.flows import receive_usage
from licensesync.syncing.models import JobKind, JobState, LicenseSyncJob, Trigger
from licensesync.users.models import User
from licensesync.web import comparison
from tests.flows.lists import account, cloud_list, cloud_user, import_one, report, server_export
from tests.people import SignedIn
from tests.web.usage import add, last_file, work

pytestmark = pytest.mark.django_db(transaction=True)

BIG = 1_234_567
FOR_PEOPLE = {"aria-label", "title", "content", "placeholder", "data-sentence", "data-label", "data-too-large"}
FORMATTED = re.compile(r"\d,\d{3}(?!\d)")


def begin_ids_at(number: int | None) -> None:
    """The next id of every table of ours; None: as in a new database."""
    tables = [
        each._meta.db_table
        for each in apps.get_models()
        if each.__module__.startswith("licensesync.") and isinstance(each._meta.pk, models.AutoField)
    ]
    with connection.cursor() as cursor:
        for table in tables:
            if connection.vendor == "postgresql":
                with_number = f"WITH {number}" if number else ""
                cursor.execute(f'ALTER TABLE "{table}" ALTER COLUMN "id" RESTART {with_number}')
                continue
            cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
            if number:
                cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, number - 1])


@pytest.fixture(autouse=True)
def big_ids(transactional_db: None) -> Iterator[None]:
    begin_ids_at(BIG)
    yield
    begin_ids_at(None)


class Attributes(HTMLParser):
    """Every attribute of a page that a machine reads and that holds a number with separators."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.formatted: list[str] = []
        self.read = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name not in FOR_PEOPLE and tag != "meta":
                self.read += str(BIG)[:4] in (value or "")
                if FORMATTED.search(value or ""):
                    self.formatted.append(f'<{tag} {name}="{value}">')


@pytest.fixture
def full(enterprise: Enterprise, owner: User, signed_in: SignedIn) -> Enterprise:
    """Everything with a number: a count, a question, jobs that wait, run and failed, members, tokens."""
    Enterprise.objects.filter(pk=enterprise.pk).update(generation=BIG)
    enterprise.refresh_from_db()
    import_one(enterprise, cloud_list([cloud_user("ana", "ana@octo.example")]))
    people = [account(number, f"{number}@octo.example") for number in range(BIG, BIG + 1100)]
    import_one(enterprise, server_export(people))
    import_one(enterprise, server_export([account(1, "1@octo.example")], host="two.example"))
    browser = signed_in(owner)
    add(browser, enterprise, report([(1, "1@octo.example")]))
    work()
    add(browser, enterprise, server_export(people[:1099]))
    receive_usage.recognise_file(last_file().pk)  # its job waits
    one, two = Deployment.objects.filter(enterprise=enterprise, kind=DeploymentKind.SERVER).order_by("host")
    for deployment, state in ((one, JobState.FAILURE), (two, JobState.PENDING)):
        LicenseSyncJob.objects.create(
            deployment=deployment, kind=JobKind.SYNC, trigger=Trigger.SYNC_NOW, state=state, problem_code="disk_full"
        )
    connections.connect(two, url="https://two.example", login="admin", token="secret", connected_by=owner)
    services.invite(enterprise=enterprise, email="new@octo.example", role=Role.OWNER, invited_by=owner)
    tokens.create_api_token(enterprise=enterprise, owner=owner, name="script", scopes=["read:licenses"])
    tokens.create_api_token(enterprise=enterprise, owner=owner, name="push", scopes=["write:usage"], deployment=two)
    return enterprise


def test_no_address_and_no_form_holds_a_number_with_separators(
    full: Enterprise, owner: User, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "ROWS", 1)  # else the thousandth page is far away
    User.objects.filter(pk=owner.pk).update(is_superuser=True)
    assert Membership.objects.get(user=owner).pk >= BIG
    server = Deployment.objects.get(enterprise=full, host="two.example").pk
    names: list[tuple[str, list[int], str]] = [
        ("license", [], ""),
        ("license_news", [], "?seen=file-1:x"),
        ("licenses", [], f"?only={server}"),
        ("license_detail", [1050], ""),
        ("usage_history", [], ""),
        ("comparison", [], "?page=1001"),
        ("comparison", [], "?page=1000&cause=server"),
        ("instance", [server], ""),
        ("instance_news", [server], ""),
        ("cloud", [], ""),
        ("sync_history", [], ""),
        ("push", [server], ""),
        ("schedule", [server], ""),
        ("people", [], ""),
        ("tokens", [], ""),
    ]
    addresses = [reverse(name, args=[full.slug, *more]) + query for name, more, query in names]
    browser = signed_in(owner)
    read = 0
    for address in [*addresses, reverse("operations")]:
        answer = browser.get(address)
        assert answer.status_code == 200, address
        found = Attributes(answer.getvalue().decode())
        assert found.formatted == [], address
        read += found.read
    assert read > 50


def test_a_job_is_called_by_its_id(full: Enterprise, owner: User, signed_in: SignedIn) -> None:
    User.objects.filter(pk=owner.pk).update(is_superuser=True)
    LicenseSyncJob.objects.filter(state=JobState.FAILURE).update(finished_at=full.created_at)
    failed = LicenseSyncJob.objects.get(state=JobState.FAILURE)
    assert f"Job {failed.pk}<" in signed_in(owner).get(reverse("operations")).content.decode()
