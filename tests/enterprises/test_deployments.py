"""What is a host name, and what can't be one."""

import pytest

from licensesync.enterprises import deployments
from licensesync.errors import SERVER_NAMELESS, ExpectedError


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
