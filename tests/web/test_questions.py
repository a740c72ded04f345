"""What only a person can know about a file: each question answered through its form."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.flows import receive_usage
from licensesync.licenses.queries import current_count
from licensesync.syncing.models import FileState, Question, UsageFile
from licensesync.usage.models import OPEN, CloudUser, ServerUserAccount
from licensesync.users.models import User
from tests.flows.lists import (
    account,
    cloud_list,
    cloud_user,
    identities,
    import_bytes,
    import_one,
    report,
    server_export,
)
from tests.web.usage import HTMX, add, answer, last_file, page, work

pytestmark = pytest.mark.django_db(transaction=True)

ANA, BOB = "ana@octo.example", "bob@octo.example"


@pytest.fixture(autouse=True)
def signed_in(client: Client, owner: User) -> None:
    client.force_login(owner)


def accounts(enterprise: Enterprise) -> dict[str, int]:
    return dict(Deployment.objects.filter(enterprise=enterprise).values_list("host", "accounts"))


def ask(client: Client, enterprise: Enterprise, content: bytes, question: Question, words: str) -> None:
    add(client, enterprise, content)
    work()
    assert last_file().question == question
    assert words in page(client, enterprise)


def test_which_server_one_that_is_known(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, server_export([account(1, ANA)]))
    ask(client, enterprise, report([(1, ANA), (2, BOB)]), Question.WHICH_SERVER, "does not say which server")
    server = Deployment.objects.get(enterprise=enterprise)
    answer(client, last_file(), answer="server", server=str(server.pk))
    work()
    assert accounts(enterprise) == {"ghes.example": 2}


def test_which_server_of_several_is_chosen_by_nobody_else(client: Client, enterprise: Enterprise) -> None:
    for host in ("ghes-emea.example", "ghes-apac.example"):
        import_one(enterprise, server_export([account(1, ANA)], host=host))
    ask(client, enterprise, report([(1, ANA), (2, BOB)]), Question.WHICH_SERVER, '<option value="">Choose…</option>')
    assert " selected" not in page(client, enterprise).split('name="server"')[1].split("</select>")[0]


def test_which_server_by_its_accounts(client: Client, enterprise: Enterprise) -> None:
    """A report says of no server, but whose accounts it has; where two servers have them, or few are the same, nothing
    is proposed."""

    def proposed(*user_ids: int) -> str:
        add(client, enterprise, report((n, f"{n}@octo.example") for n in user_ids))
        work()
        assert last_file().question == Question.WHICH_SERVER
        select = page(client, enterprise).split('name="server"')[1].split("</select>")[0]
        answer(client, last_file(), answer="discard")
        return "".join(re.findall(r" selected>([^<]+)", select))

    for host, first in (("ghes-emea.example", 1), ("ghes-apac.example", 101)):
        users = [account(n, f"{n}@octo.example", login=f"user-{n}") for n in range(first, first + 8)]
        import_one(enterprise, server_export(users, host=host))
    assert proposed(*range(101, 110)) == "ghes-apac.example"
    assert proposed(*range(1, 9), *range(200, 208)) == "", "as many others"
    assert proposed(*range(1, 5)) == "", "too few to tell"
    twin = [account(n, f"{n}@octo.example", login=f"user-{n}") for n in range(101, 109)]
    import_one(enterprise, server_export(twin, host="ghes-copy.example"))
    assert proposed(*range(101, 110)) == "", "two have them"


def test_which_server_a_new_one(client: Client, enterprise: Enterprise) -> None:
    ask(client, enterprise, report([(1, ANA)]), Question.WHICH_SERVER, "A new instance, with the host name")
    answer(client, last_file(), answer="new", host="https://GHES-apac.example/")
    work()
    assert accounts(enterprise) == {"ghes-apac.example": 1}
    assert "is a new instance" not in page(client, enterprise), "who named it knows"


@pytest.mark.parametrize("host", ["", "not a host", "<b>"])
@pytest.mark.parametrize("headers", [HTMX, {}])
def test_a_host_name_that_can_not_be_one(
    client: Client, enterprise: Enterprise, host: str, headers: dict[str, str]
) -> None:
    ask(client, enterprise, report([(1, ANA)]), Question.WHICH_SERVER, "does not say which server")
    url = reverse("answer_file", args=[enterprise.slug, last_file().pk])
    response = client.post(url, {"answer": "new", "host": host}, headers=headers)
    html = response.content.decode()
    assert "can’t be a host name" in html
    assert "<b>" not in html
    assert last_file().state == FileState.NEEDS_ANSWER
    assert not accounts(enterprise)


def test_a_server_of_somebody_else(client: Client, enterprise: Enterprise, stranger: User) -> None:
    theirs = Enterprise.objects.exclude(pk=enterprise.pk).get()
    server = Deployment.objects.create(enterprise=theirs, kind="server", host="ghes.theirs.example")
    ask(client, enterprise, report([(1, ANA)]), Question.WHICH_SERVER, "does not say which server")
    assert answer(client, last_file(), answer="server", server=str(server.pk)).status_code == 404


@pytest.mark.parametrize(("said", "left"), [("older", 1), ("discard", 2)])
def test_an_older_file(client: Client, enterprise: Enterprise, said: str, left: int) -> None:
    import_one(enterprise, server_export([account(1, ANA), account(2, BOB)], exported_at="2026-02-01T00:00:00Z"))
    older = server_export([account(1, ANA)], exported_at="2026-01-08T00:00:00Z")
    ask(
        client,
        enterprise,
        older,
        Question.OLDER,
        "It is from Jan 8, 2026, 00:00; the accounts of ghes.example are from",
    )
    answer(client, last_file(), answer=said)
    work()
    assert accounts(enterprise) == {"ghes.example": left}


def test_an_older_file_of_the_same_minute(client: Client, enterprise: Enterprise) -> None:
    """The seconds say which is which."""
    import_one(enterprise, server_export([account(1, ANA)], exported_at="2026-02-01T10:00:30Z"))
    sentence = "It is from Feb 1, 2026, 10:00:00; the accounts of ghes.example are from Feb 1, 2026, 10:00:30."
    older = server_export([account(2, BOB)], exported_at="2026-02-01T10:00:00Z")
    ask(client, enterprise, older, Question.OLDER, sentence)


def test_an_older_file_is_asked_about_again_when_a_newer_list_has_come(client: Client, enterprise: Enterprise) -> None:
    """Nobody gives up a list that they were not told of."""
    import_one(enterprise, server_export([account(1, ANA)], exported_at="2026-02-01T10:00:00Z"))
    older = server_export([account(2, BOB)], exported_at="2026-01-01T10:00:00Z")
    ask(client, enterprise, older, Question.OLDER, "are from Feb 1, 2026, 10:00.")
    file = last_file()
    newest = server_export([account(1, ANA), account(3, "eve@octo.example")], exported_at="2026-02-02T10:00:00Z")
    import_one(enterprise, newest)
    answer(client, file, answer="older")
    work()
    assert accounts(enterprise) == {"ghes.example": 2}
    assert "are from Feb 2, 2026, 10:00." in page(client, enterprise)
    answer(client, file, answer="older")
    work()
    assert accounts(enterprise) == {"ghes.example": 1}


def test_a_list_that_another_overtakes_is_no_failure(client: Client, enterprise: Enterprise) -> None:
    for users in ([account(1, ANA), account(2, BOB)], [account(1, ANA)]):
        add(client, enterprise, server_export(users))
    first, last = UsageFile.objects.order_by("pk")
    for file in (last, first):
        receive_usage.recognise_file(file.pk)
    work()
    html = page(client, enterprise)
    assert "A newer file of ghes.example took its place before its turn came." in html
    assert 'data-state="CANCELED"' in html
    assert 'data-state="FAILURE"' not in html
    assert accounts(enterprise) == {"ghes.example": 1}


def test_reports_of_the_same_second(client: Client, enterprise: Enterprise) -> None:
    """Without a date of their own that of their arrival counts: whoever is answered later takes the place."""
    for number, email in ((1, ANA), (2, BOB)):
        add(client, enterprise, report([(number, email)]))
    work()
    now = timezone.now().replace(microsecond=0)
    first, second = UsageFile.objects.order_by("pk").select_related("enterprise")
    UsageFile.objects.filter(pk=first.pk).update(created_at=now)
    UsageFile.objects.filter(pk=second.pk).update(created_at=now + timedelta(milliseconds=1))
    for file in (second, first):
        answer(client, file, answer="new", host="ghes.example")
        work()
    file = UsageFile.objects.get(pk=first.pk)
    assert (file.state, file.question) == (FileState.ACCEPTED, "")
    assert ServerUserAccount.objects.get(valid_to=OPEN).email == ANA


@pytest.mark.parametrize(("said", "left"), [("shrink", 1), ("discard", 20)])
def test_a_list_that_removes_many(client: Client, enterprise: Enterprise, said: str, left: int) -> None:
    import_one(enterprise, server_export([account(n, f"user-{n}@octo.example") for n in range(1, 21)]))
    few = server_export([account(1, "user-1@octo.example")])
    ask(client, enterprise, few, Question.SHRINKS, "This list would remove 19 of the 20 accounts of ghes.example.")
    answer(client, last_file(), answer=said)
    work()
    assert accounts(enterprise) == {"ghes.example": left}
    enterprise.refresh_from_db()
    count = current_count(enterprise)
    assert count
    assert count.consumed == left


def people_of(name: str, *, first: int = 1) -> list[dict[str, Any]]:
    users = range(first, first + 20)
    return [account(n, f"{name}-{n}@octo.example", login=f"{name}-{n}") for n in users]


def as_report(name: str) -> bytes:
    lines = [f"{n},{name}-{n},{name}-{n}@octo.example,false" for n in range(1, 25)]
    return "\n".join(["id,login,email,suspended?", *lines]).encode()


def test_a_list_of_other_people(client: Client, enterprise: Enterprise) -> None:
    """Every server counts its user ids from 1: nobody is removed, but all are somebody else."""
    for host, name in (("ghes.example", "ana"), ("apac.example", "bob")):
        import_one(enterprise, server_export(people_of(name), host=host))
    ghes, apac = Deployment.objects.filter(enterprise=enterprise).order_by("pk")
    ask(client, enterprise, as_report("bob"), Question.WHICH_SERVER, "does not say which server")
    assert f'<option value="{apac.pk}" selected>' in page(client, enterprise), "whose accounts they are"
    answer(client, last_file(), answer="server", server=str(ghes.pk))
    work()
    html = page(client, enterprise)
    assert "In this list 20 of the 20 accounts of ghes.example have another login and no e-mail in common" in html
    choices = html.split('name="server"')[1].split("</select>")[0]
    assert ("apac.example" in choices, "ghes.example" in choices) == (True, False)
    answer(client, last_file(), answer="new", host="GHES.example")
    assert last_file().question == Question.OTHER_PEOPLE
    answer(client, last_file(), answer="server", server=str(apac.pk))
    work()
    assert accounts(enterprise) == {"ghes.example": 20, "apac.example": 24}
    assert last_file().state == FileState.ACCEPTED


def test_a_list_of_other_people_that_is_right(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, server_export(people_of("ana")))
    others = server_export(people_of("bob"))
    ask(client, enterprise, others, Question.OTHER_PEOPLE, "Use it for ghes.example all the same")
    assert 'name="server"' not in page(client, enterprise), "an export says itself of which server it is"
    answer(client, last_file(), answer="shrink")
    work()
    assert ServerUserAccount.objects.filter(valid_to=OPEN, login__startswith="bob").count() == 20
    assert "To take that back, add the list from before once more." in page(client, enterprise)


def test_what_was_confirmed_by_mistake_is_taken_back_by_the_list_from_before(
    client: Client, enterprise: Enterprise
) -> None:
    before = server_export(people_of("ana"))
    import_one(enterprise, before)
    yesterday = timezone.now() - timedelta(days=1)  # of two lists in one second neither is older
    UsageFile.objects.update(created_at=yesterday)
    Deployment.objects.update(list_date=yesterday)
    import_one(enterprise, server_export(people_of("bob")), accept_shrink=True)
    ask(client, enterprise, before, Question.OLDER, "This list first came on")
    answer(client, last_file(), answer="older")
    work()
    assert last_file().question == Question.OTHER_PEOPLE
    answer(client, last_file(), answer="shrink")
    work()
    assert ServerUserAccount.objects.filter(valid_to=OPEN, login__startswith="ana").count() == 20


def test_new_logins_or_new_addresses_are_the_same_people(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, server_export(people_of("ana")))
    moved = [account(n, f"ana-{n}@new.example", login=f"ANA-{n}") for n in range(1, 21)]
    renamed = [account(n, f"ana-{n}@new.example", login=f"a.{n}") for n in range(1, 21)]
    for users in (moved, renamed):
        add(client, enterprise, server_export(users))
        work()
        assert (last_file().state, last_file().question) == (FileState.ACCEPTED, "")


def test_another_tab_answers_only_what_it_shows(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, server_export(people_of("ana")))
    server = Deployment.objects.get(enterprise=enterprise)
    ask(client, enterprise, report([(1, ANA)]), Question.WHICH_SERVER, "does not say which server")
    answer(client, last_file(), asked="which_server", answer="server", server=str(server.pk))
    work()
    assert last_file().question == Question.SHRINKS
    late = "has been answered, or asks something else by now."
    answer(client, last_file(), asked="which_server", answer="new", host="stale.example")
    assert last_file().question == Question.SHRINKS
    assert late in page(client, enterprise)
    answer(client, last_file(), asked="which_server", answer="discard")
    assert late not in page(client, enterprise), "whatever it asks, it is not wanted"
    answer(client, last_file(), asked="shrinks", answer="shrink")
    assert late in page(client, enterprise)
    assert accounts(enterprise) == {"ghes.example": 20}


def test_a_server_that_was_replaced(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, server_export([account(1, ANA)]))
    ask(
        client, enterprise, server_export([account(7, BOB)], server_id="another"), Question.SERVER_CONFLICT,
        "The host name ghes.example is known, but with another server id than that of this file.",
    )  # fmt: skip
    server = Deployment.objects.get(enterprise=enterprise)
    assert f'<option value="{server.pk}" selected>' in page(client, enterprise)
    answer(client, last_file(), answer="server", server=str(server.pk))
    work()
    server.refresh_from_db()
    assert (server.server_id, server.accounts) == ("another", 1)


def test_a_server_with_a_new_name(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, server_export([account(1, ANA)]))
    renamed = server_export([account(1, ANA)], host="new.example", server_id="id-of-ghes.example")
    told = "The server id of this file is that of ghes.example, but its host name, new.example, is new."
    ask(client, enterprise, renamed, Question.SERVER_CONFLICT, told)
    import_one(enterprise, server_export([account(1, ANA)], host="two.example"))
    of_two = server_export([account(1, ANA)], host="two.example", server_id="id-of-ghes.example")
    told = "The server id of this file is that of ghes.example, but its host name is that of two.example."
    ask(client, enterprise, of_two, Question.SERVER_CONFLICT, told)


def test_a_server_whose_id_can_be_no_name(client: Client, enterprise: Enterprise) -> None:
    evil = '=HYPERLINK("https://evil.example")'
    odd = server_export([account(1, ANA)], host="", server_id=evil)
    ask(client, enterprise, odd, Question.WHICH_SERVER, "does not say which server")
    answer(client, last_file(), answer="new", host="ghes.example")
    work()
    server = Deployment.objects.get(enterprise=enterprise)
    assert (server.host, server.server_id, server.accounts) == ("ghes.example", evil, 1)


def test_a_server_without_a_name_is_called_by_its_id(client: Client, enterprise: Enterprise) -> None:
    for server_id in ("0b1c-22", "0B1C-22"):  # the second one is another id, under the same name
        import_bytes(enterprise, server_export([account(1, ANA)], host="", server_id=server_id))
    assert Deployment.objects.get(enterprise=enterprise).host == "0b1c-22"
    assert last_file().problem_code == "server_conflict"


def test_a_copy_of_a_server(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, server_export([account(1, ANA)]))
    copy = server_export([account(1, ANA), account(2, BOB)], server_id="another")
    ask(client, enterprise, copy, Question.SERVER_CONFLICT, "It is a copy, with the host name")
    answer(client, last_file(), answer="new", host="staging.example")
    work()
    assert accounts(enterprise) == {"ghes.example": 1, "staging.example": 2}


def test_whoever_types_keeps_the_row(client: Client, enterprise: Enterprise) -> None:
    """A question that has not changed does not come again, though its form has a new token each time."""
    ask(client, enterprise, report([(1, ANA)]), Question.WHICH_SERVER, "does not say which server")
    url = reverse("license_news", args=[enterprise.slug])
    [fragment] = client.get(url, headers=HTMX).context["new_files"]
    seen = f"{fragment.key}:{fragment.version}"
    assert fragment.key.encode() not in client.get(url, {"seen": seen}, headers=HTMX).content


def test_identities_that_many_would_lose_and_older_ones(client: Client, enterprise: Enterprise) -> None:
    logins = [f"user-{number}" for number in range(30)]
    import_one(enterprise, cloud_list([cloud_user(login) for login in logins]))
    everybody = identities(*[(login, f"{login}@corp.example") for login in logins])
    import_one(enterprise, everybody)
    few = identities((logins[0], "x@corp.example"))
    words = "29 of the 30 cloud accounts with a linked identity have none any more."
    ask(client, enterprise, few, Question.FEWER_IDENTITIES, words)
    assert "Use it all the same" in page(client, enterprise)
    answer(client, last_file(), answer="shrink")
    work()
    assert linked() == 1
    UsageFile.objects.update(created_at=timezone.now() - timedelta(hours=1))
    Deployment.objects.update(identities_at=timezone.now() - timedelta(minutes=30))
    ask(client, enterprise, everybody, Question.OLDER, "The linked identities that are here are newer")
    answer(client, last_file(), answer="older")
    work()
    assert linked() == 30


def linked() -> int:
    return CloudUser.objects.filter(valid_to=OPEN).exclude(identity_addresses="").count()
