"""What is a host name, and what can't be one."""

from datetime import timedelta

import pytest
from django.utils import timezone

from licensesync.enterprises import deployments
from licensesync.enterprises.models import UsageEvent
from licensesync.errors import SERVER_NAMELESS, ExpectedError
from licensesync.feeds.records import ServerFacts
from tests.flows.lists import new_enterprise


@pytest.mark.parametrize(
    "typed",
    [
        "ghes-emea.octo.example",
        " GHES-EMEA.octo.example. ",
        "ghes-emea.octo.example/",
        "ghes-emea.octo.example:8443",
        "ghes-emea.octo.example.:443",
        "https://ghes-emea.octo.example:443/",
        "http://ghes-emea.octo.example/setup/settings?tab=1#top",
    ],
)
def test_a_host_name_is_taken_out_of_an_address(typed: str) -> None:
    assert deployments.host_name(typed) == "ghes-emea.octo.example"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "/setup",
        ":443",
        "no host",
        "ghes:",
        "ghes:https",
        "ghes:443:443",
        "ghes:123456",
        "mona@ghes.example",
        "ghes.example?x",
        "ftp://ghes.example",
        "https://",
        "[::1]:443",
        "fd12::1",
        "-ghes",
        "a..b",
    ],
)
def test_what_can_not_be_a_host_name(typed: str) -> None:
    with pytest.raises(ExpectedError) as refused:
        deployments.host_name(typed)
    assert refused.value.problem is SERVER_NAMELESS


@pytest.mark.django_db
def test_an_id_of_another_instance_is_left_there() -> None:
    """A copy that the owner told apart says the id of the original with each list."""
    enterprise = new_enterprise()
    one, copy = (deployments.server_named(enterprise, host) for host in ("one.example", "copy.example"))
    for server in (one, copy):
        deployments.take_facts(server, ServerFacts(server_id="id-of-one", version="3.19.2"))
        server.refresh_from_db()
    assert (one.server_id, copy.server_id, copy.version) == ("id-of-one", "", "3.19.2")


@pytest.mark.django_db
def test_a_list_that_comes_again_makes_none_older() -> None:
    """Its date is what older lists are told by: one that was looked at late must not take it back."""
    server = deployments.server_named(new_enterprise(), "ghes.example")
    now, earlier, later = (timezone.now() + timedelta(days=days) for days in (0, -1, 1))
    deployments.show_list(server, list_date=now)
    dates = []
    for date in (earlier, later):
        deployments.list_came_again(server, event=UsageEvent.SERVER_UPLOADED, taken_at=now, list_date=date)
        server.refresh_from_db()
        dates.append(server.list_date)
    assert dates == [now, later]
