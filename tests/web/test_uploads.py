"""Add server usage: files through the plain form and by script, their outcome in words, canceled, tried again."""

import json
import re
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import LazySettings, settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from licensesync.enterprises import deployments, services
from licensesync.enterprises.models import Deployment, Enterprise, Membership, Role
from licensesync.errors import DISK_FULL, ExpectedError
from licensesync.flows.receive_usage import recognise_file
from licensesync.licenses.queries import current_count
from licensesync.syncing import usage_files
from licensesync.syncing.models import FileState, JobState, LicenseSyncJob, UsageFile
from licensesync.users.models import User
from licensesync.users.services import create_user
from licensesync.web import file_rows
from tests.flows.lists import account, cloud_list, cloud_user, import_bytes, import_one, report, server_export
from tests.web.usage import HTMX, Slow, add, last_file, page, work

pytestmark = pytest.mark.django_db(transaction=True)

ANA = "ana@octo.example"


def consumed(enterprise: Enterprise) -> int:
    enterprise.refresh_from_db()
    count = current_count(enterprise)
    return count.consumed if count else 0


def test_a_file_is_taken_in_and_its_outcome_told(client: Client, enterprise: Enterprise, owner: User) -> None:
    client.force_login(owner)
    response = add(client, enterprise, server_export([account(1, ANA), account(2, suspended=True)]))
    assert response.status_code == 302
    assert response["Location"].endswith("/settings/license#add-usage")
    assert "Looking at the file." in page(client, enterprise)
    work()
    html = page(client, enterprise)
    assert "ghes.example: 2 accounts read, 2 new, 0 changed, 0 gone, 1 suspended. 1 license in all." in html
    assert consumed(enterprise) == 1


def test_only_owners_add_files(client: Client, enterprise: Enterprise, billing_manager: User, stranger: User) -> None:
    content = server_export([account(1, ANA)])
    assert add(client, enterprise, content)["Location"].startswith("/sign-in")
    for user in (billing_manager, stranger):
        client.force_login(user)
        assert add(client, enterprise, content).status_code == 404
    assert not UsageFile.objects.exists()


def test_a_plain_form_with_too_many_files_says_so_and_stores_none(
    client: Client, enterprise: Enterprise, owner: User
) -> None:
    client.force_login(owner)
    response = add(client, enterprise, *[b"{}"] * 101)
    assert response.status_code == 302
    assert "More than 100 files came at once. Nothing was stored." in page(client, enterprise)
    assert not UsageFile.objects.exists()
    assert not list(settings.FILE_UPLOAD_TEMP_DIR.iterdir())


def test_who_is_no_owner_any_more_once_the_form_is_there_adds_nothing(
    client: Client, enterprise: Enterprise, owner: User
) -> None:
    """A browser, or whoever plays one, decides how long a form takes."""
    services.add_member(enterprise=enterprise, user=create_user(email="second@octo.example"), role=Role.OWNER)
    membership = Membership.objects.get(user=owner)
    client.force_login(owner)
    form = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.json"\r\n\r\n{}\r\n--x--\r\n'
    slow = Slow(form, lambda: services.remove_member(membership=membership))
    url = reverse("add_usage", args=[enterprise.slug])
    answer = client.generic("POST", url, form, "multipart/form-data; boundary=x", **slow.as_input)
    assert answer.status_code == 404
    assert not UsageFile.objects.exists()


def test_a_form_of_another_site_adds_nothing(enterprise: Enterprise, owner: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    assert add(client, enterprise, b"{}").status_code == 403
    assert not UsageFile.objects.exists()


def test_a_file_that_is_too_large_is_not_stored(
    client: Client, enterprise: Enterprise, owner: User, settings: LazySettings
) -> None:
    settings.MAX_UPLOAD_BYTES = 1024 * 1024
    client.force_login(owner)
    large = SimpleUploadedFile("large.json", b"x" * (1024 * 1024 + 1))
    url = reverse("add_usage", args=[enterprise.slug])
    response = client.post(url, {"files": large}, headers={"Accept": "text/plain"})
    assert response.status_code == 400
    assert response.content.decode().startswith("The file is larger than 1 MB. Nothing was stored.")
    assert not UsageFile.objects.exists()
    assert not list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir())


def test_no_file_is_stored_where_the_disk_is_nearly_full(
    client: Client, enterprise: Enterprise, owner: User, settings: LazySettings
) -> None:
    settings.DISK_RESERVE_MB = 10**12
    client.force_login(owner)
    before = set(settings.UPLOADS_DIR.iterdir())
    assert add(client, enterprise, server_export([account(1, ANA)])).status_code == 302
    html = page(client, enterprise)
    assert "Too little space is left on the disk of LicenseSync or its database." in html
    assert "The last good figures stay in use." in html
    assert not UsageFile.objects.exists()
    assert set(settings.UPLOADS_DIR.iterdir()) == before
    assert not list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir())


def test_no_other_page_takes_files(client: Client, enterprise: Enterprise) -> None:
    file = SimpleUploadedFile("a.json", b"{}")
    response = client.post(reverse("sign_in"), {"username": "a@octo.example", "password": "x", "file": file})
    assert not response.wsgi_request.FILES


def test_the_form_without_a_file(client: Client, enterprise: Enterprise, owner: User) -> None:
    client.force_login(owner)
    assert add(client, enterprise).status_code == 302
    assert "No file was chosen." in page(client, enterprise)


@pytest.mark.parametrize("together", [True, False])
def test_pages_of_a_cloud_list_are_one_list(
    client: Client, enterprise: Enterprise, owner: User, together: bool
) -> None:
    """Sent in one request by the form, or each by itself by the script, and looked at before the next one is here."""
    client.force_login(owner)
    pages = [cloud_list([cloud_user(f"user-{n}-{m}") for m in range(3)], total=9) for n in range(3)]
    if together:
        add(client, enterprise, *pages)
        work()
    else:
        batch = str(uuid4())
        for each in pages:
            assert not LicenseSyncJob.objects.exists()
            add(client, enterprise, each, batch=batch, batch_size="3")
            work()
    assert consumed(enterprise) == 9
    html = page(client, enterprise)
    assert html.count(">GitHub Enterprise Cloud: 9 accounts read") == 1
    assert "and 2 more files" in html


def test_a_page_that_never_comes(client: Client, enterprise: Enterprise, owner: User) -> None:
    client.force_login(owner)
    add(client, enterprise, cloud_list([cloud_user("ana")], total=2), batch=str(uuid4()), batch_size="2")
    work()
    assert "Waiting for the other pages of this list." in page(client, enterprise)
    UsageFile.objects.update(created_at="2026-01-01T00:00:00Z")
    work()
    assert "it holds 1 of 2 consumed licenses (1 missing)" in page(client, enterprise)


def test_all_pages_of_a_list_are_tried_again_together(
    client: Client, enterprise: Enterprise, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a defect of ours, say, that an upgrade has mended."""
    client.force_login(owner)
    batch = str(uuid4())
    with monkeypatch.context() as broken:
        broken.setattr("licensesync.syncing.services.create_file_job", lambda **_: 1 / 0)
        for login in ("ana", "bob"):
            pages = cloud_list([cloud_user(login)], total=2)
            add(client, enterprise, pages, batch=batch, batch_size=2)
        work()
    assert {file.problem_code for file in UsageFile.objects.all()} == {"unexpected_with_file"}
    client.post(reverse("try_file_again", args=[enterprise.slug, last_file().pk]))
    work()
    assert {file.state for file in UsageFile.objects.all()} == {FileState.ACCEPTED}
    assert consumed(enterprise) == 2


def test_the_same_file_again(client: Client, enterprise: Enterprise, owner: User) -> None:
    client.force_login(owner)
    content = server_export([account(1, ANA)])
    for _each in range(2):
        add(client, enterprise, content)
        work()
    assert "ghes.example: the same list as that of" in page(client, enterprise)
    assert LicenseSyncJob.objects.count() == 1


def test_subscriptions_among_what_was_read_are_told(client: Client, enterprise: Enterprise, owner: User) -> None:
    client.force_login(owner)
    unused = [
        cloud_user("", visual_studio_subscription_user=True, visual_studio_subscription_email=f"{name}@octo.example")
        for name in ("ana", "bea")
    ]
    add(client, enterprise, cloud_list([cloud_user("cem"), *unused]))
    work()
    html = page(client, enterprise)
    assert "GitHub Enterprise Cloud: 3 accounts read" in html
    assert "2 of them are Visual Studio subscriptions that no cloud account uses: no accounts, and no licenses" in html
    assert Deployment.objects.get(enterprise=enterprise).accounts == 1


def test_that_two_servers_look_like_one_is_told(client: Client, enterprise: Enterprise, owner: User) -> None:
    client.force_login(owner)
    users = [account(number) for number in range(1, 8)]
    told = "on ghes.example as well, with the same user ids and logins"
    for host in ("ghes.example", "gehs.example"):
        assert told not in page(client, enterprise)
        add(client, enterprise, server_export(users, host=host))
        work()
    assert told in page(client, enterprise)
    right, wrong = Deployment.objects.filter(enterprise=enterprise).order_by("pk")
    assert "under another name." in page(client, enterprise, "instance", wrong.pk)
    assert "under another name." not in page(client, enterprise, "instance", right.pk)
    deployments.delete(right)
    assert "under another name." not in page(client, enterprise, "instance", wrong.pk)


def test_that_a_file_made_an_instance_is_told(client: Client, enterprise: Enterprise, owner: User) -> None:
    """It may be of another company: nobody is asked, as each enterprise's first file makes one."""
    client.force_login(owner)
    note = "ghes.example is a new instance. If it is none of yours, delete it"
    add(client, enterprise, server_export([account(1, ANA)]))
    work()
    assert note in page(client, enterprise)
    last_file().delete()
    add(client, enterprise, server_export([account(1, ANA), account(2)]))
    work()
    assert note not in page(client, enterprise)


def test_what_was_left_out_is_told(client: Client, enterprise: Enterprise, owner: User) -> None:
    client.force_login(owner)
    add(client, enterprise, server_export([account(1, ANA, shoe_size=43), account(2, "no address")]))
    work()
    html = page(client, enterprise)
    assert "1 account has an e-mail that isn’t valid" in html
    assert "Not needed and left out: shoe_size." in html


def test_that_a_list_forgets_who_is_dormant_is_told(client: Client, enterprise: Enterprise, owner: User) -> None:
    client.force_login(owner)
    told = "It does not say who is dormant"
    add(client, enterprise, server_export([account(1, ANA)]))
    work()
    import_one(enterprise, report([(1, ANA)]), server=Deployment.objects.get())
    assert told not in page(client, enterprise)
    add(client, enterprise, server_export([account(1, ANA)], version="3.2"))
    work()
    assert told in page(client, enterprise)
    add(client, enterprise, server_export([account(1, ANA), account(2)]))
    work()
    assert page(client, enterprise).count(told) == 1, "of the list that did, not of those that come after"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty."),
        (b"<!doctype html><html>", "This file is a web page"),
        (server_export([account(1, ANA), account(1, ANA)]), "User id 1 appears more than once"),
        (server_export([account(1, ANA)])[:-20], "The file ends in the middle"),
    ],
)
def test_a_file_that_can_not_be_used(
    client: Client, enterprise: Enterprise, owner: User, content: bytes, sentence: str
) -> None:
    import_one(enterprise, server_export([account(1, ANA), account(2, "bob@octo.example")]))
    client.force_login(owner)
    add(client, enterprise, content)
    work()
    assert sentence in page(client, enterprise)
    assert consumed(enterprise) == 2


def test_an_encrypted_list(client: Client, enterprise: Enterprise, owner: User) -> None:
    client.force_login(owner)
    export = json.loads(server_export([])) | {"users": "QUJDRA==" * 30}
    add(client, enterprise, json.dumps(export).encode())
    work()
    html = page(client, enterprise)
    assert 'data-tone="attention"' in html
    assert "The list of users in this file is encrypted." in html


def test_names_of_files_are_escaped(client: Client, enterprise: Enterprise, owner: User) -> None:
    client.force_login(owner)
    file = SimpleUploadedFile("<img src=x onerror=alert(1)>.json", b"")
    client.post(reverse("add_usage", args=[enterprise.slug]), {"files": file})
    work()
    html = page(client, enterprise)
    assert "<img" not in html
    assert "&lt;img src=x" in html


def test_a_waiting_job_is_canceled_and_tried_again(client: Client, enterprise: Enterprise, owner: User) -> None:
    client.force_login(owner)
    add(client, enterprise, server_export([account(1, ANA)]))
    file = last_file()
    recognise_file(file.pk)
    job = LicenseSyncJob.objects.get()
    response = client.post(reverse("cancel_job", args=[enterprise.slug, job.pk]), headers=HTMX)
    assert b"Canceled. Nothing was changed." in response.content
    assert b"ghes.example stays among the instances, without a list." in response.content
    work()
    assert consumed(enterprise) == 0
    client.post(reverse("try_file_again", args=[enterprise.slug, file.pk]))
    work()
    assert consumed(enterprise) == 1


def test_what_a_script_was_refused_says_who_can_answer(client: Client, enterprise: Enterprise, owner: User) -> None:
    client.force_login(owner)
    [refused] = import_bytes(enterprise, report([(1, ANA)]))
    assert refused.job is None
    UsageFile.objects.update(uploaded_by=owner)  # whose token it was
    assert "A script delivered it, so nobody was asked." in page(client, enterprise)
    add(client, enterprise, b"")
    work()
    assert page(client, enterprise).count("A script delivered it") == 1


def test_a_mishap_can_be_tried_again(client: Client, enterprise: Enterprise, owner: User) -> None:
    client.force_login(owner)
    add(client, enterprise, server_export([account(1, ANA)]))
    file = last_file()
    usage_files.refuse([file], ExpectedError(DISK_FULL))
    assert "Try again" in page(client, enterprise)
    client.post(reverse("try_file_again", args=[enterprise.slug, file.pk]))
    work()
    assert consumed(enterprise) == 1


def test_all_pages_of_a_list_are_put_away_together(client: Client, enterprise: Enterprise, owner: User) -> None:
    client.force_login(owner)
    batch = str(uuid4())
    for login in ("ana", "bob"):
        add(client, enterprise, cloud_list([cloud_user(login)], total=2), batch=batch, batch_size=2)
    work()
    assert "and 1 more file" in page(client, enterprise)
    client.post(reverse("dismiss_file", args=[enterprise.slug, UsageFile.objects.earliest("pk").pk]))
    assert 'class="file"' not in page(client, enterprise).split('id="files"')[1].split("<template")[0]


def test_what_asks_is_not_hidden_by_what_came_later(
    client: Client, enterprise: Enterprise, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many files some wait for their place on the page, and follow at the end of the list."""
    monkeypatch.setattr(file_rows, "SHOWN", 3)
    client.force_login(owner)
    add(client, enterprise, report([(1, ANA)]), b"", b"1", b"2", b"3")
    work()
    asking, *_hidden, shown, newest = UsageFile.objects.order_by("pk")
    html = page(client, enterprise)
    assert re.findall(r'<li id="file-(\d+)"', html) == [str(newest.pk), str(shown.pk), str(asking.pk)]
    assert "2 more files follow as these are answered or removed." in html
    seen = {"seen": f"file-{newest.pk}:x file-{shown.pk}:x file-{asking.pk}:x"}
    url = reverse("dismiss_file", args=[enterprise.slug, newest.pk])
    news = client.post(url, seen, headers=HTMX).content.decode()
    follows = news.partition('hx-swap-oob="beforeend:#files"')[2].partition("</ul>")[0]
    assert re.findall(r'<li id="file-(\d+)"', follows) == [str(shown.pk - 1)]
    assert "1 more file follows once one of these is answered or removed." in news


def test_all_that_is_done_is_put_away_at_once(client: Client, enterprise: Enterprise, owner: User) -> None:
    client.force_login(owner)
    url = reverse("dismiss_done", args=[enterprise.slug])
    add(client, enterprise, report([(1, ANA)]), b"")
    work()
    assert url not in page(client, enterprise)  # of one, its own button is enough
    add(client, enterprise, server_export([account(1, ANA)]))
    work()
    running = LicenseSyncJob.objects.create(
        deployment=Deployment.objects.get(), kind="file", trigger="uploaded", state=JobState.RUNNING
    )
    open_file = UsageFile.objects.create(
        enterprise=enterprise, job=running, name="open", size=1, state=FileState.ACCEPTED, uploaded_by=owner
    )
    add(client, enterprise, b"1")
    work()
    until = re.search(r'name="until" value="(\d+)"', page(client, enterprise))
    assert until
    add(client, enterprise, b"nobody has seen what became of this")
    work()
    unseen = last_file()
    assert client.post(url, {"until": until[1]}).status_code == 302
    asking = UsageFile.objects.get(state=FileState.NEEDS_ANSWER)
    assert set(UsageFile.objects.filter(dismissed=False)) == {asking, open_file, unseen}
    assert url not in page(client, enterprise)


def test_what_was_put_away_is_back_when_it_is_tried_again(client: Client, enterprise: Enterprise, owner: User) -> None:
    """As from another tab. It may ask something."""
    client.force_login(owner)
    add(client, enterprise, report([(1, ANA)]))
    file = last_file()
    usage_files.refuse([file], ExpectedError(DISK_FULL))
    usage_files.dismiss(last_file())
    client.post(reverse("try_file_again", args=[enterprise.slug, file.pk]))
    work()
    assert "This report does not say which server it is from." in page(client, enterprise)


def test_an_outcome_is_put_away(client: Client, enterprise: Enterprise, owner: User) -> None:
    client.force_login(owner)
    add(client, enterprise, b"")
    work()
    file = last_file()
    url = reverse("dismiss_file", args=[enterprise.slug, file.pk])
    response = client.post(url, {"seen": f"file-{file.pk}:1"}, headers=HTMX)
    assert f'<li id="file-{file.pk}" hx-swap-oob="delete">' in response.content.decode()
    assert "The file is empty." not in page(client, enterprise)


def test_actions_are_for_owners_of_this_enterprise(
    client: Client, enterprise: Enterprise, owner: User, billing_manager: User, stranger: User
) -> None:
    client.force_login(owner)
    add(client, enterprise, server_export([account(1, ANA)]))
    work()
    file, job = last_file(), LicenseSyncJob.objects.get()
    for user in (billing_manager, stranger):
        client.force_login(user)
        for name in ("answer_file", "try_file_again", "dismiss_file"):
            assert client.post(reverse(name, args=[enterprise.slug, file.pk])).status_code == 404
        assert client.post(reverse("dismiss_done", args=[enterprise.slug])).status_code == 404
        assert client.post(reverse("cancel_job", args=[enterprise.slug, job.pk])).status_code == 404
    client.force_login(stranger)
    theirs = Enterprise.objects.exclude(pk=enterprise.pk).get()
    assert client.post(reverse("dismiss_file", args=[theirs.slug, file.pk])).status_code == 404
    assert last_file().state == FileState.ACCEPTED
    assert Deployment.objects.filter(enterprise=enterprise).count() == 1
    assert LicenseSyncJob.objects.get().state == JobState.SUCCESS
