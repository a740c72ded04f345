"""Where calls may go: what the operator allows, then what they deny, then the defaults."""

import socket
from ipaddress import ip_address

import pytest

from licensesync.github.rules import Rules, is_loopback, permits_address, permits_name


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.10",
        "0.0.0.0",
        "0.1.2.3",
        "169.254.1.1",
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "224.0.0.251",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "ff02::1",
        "fd00:ec2::254",
        "fd20:ce::254",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:0:127.0.0.1",
        "2002:7f00:1::",  # 6to4 of 127.0.0.1
        "2002:a9fe:a9fe::",  # 6to4 of 169.254.169.254
        "64:ff9b::7f00:1",  # NAT64 of 127.0.0.1
        "64:ff9b:1::a9fe:a9fe",
        "::127.0.0.1",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",  # Teredo of 127.0.0.1
    ],
)
def test_never_by_default(address: str) -> None:
    assert not permits_address(Rules(), ip_address(address))
    assert permits_name(Rules(), address) is False


@pytest.mark.parametrize(
    "address", ["10.0.0.5", "172.16.3.4", "192.168.1.1", "140.82.112.3", "fd12:3456::1", "2606:50c0::1", "100.64.0.1"]
)
def test_private_and_public_networks_are_open(address: str) -> None:
    assert permits_address(Rules(), ip_address(address))


def test_allow_beats_deny_and_deny_beats_the_defaults() -> None:
    rules = Rules(allow=("10.1.2.0/24", "127.0.0.1"), deny=("0.0.0.0/0",))
    assert permits_address(rules, ip_address("10.1.2.3"))
    assert permits_address(rules, ip_address("127.0.0.1"))
    assert permits_address(rules, ip_address("::ffff:127.0.0.1"))
    assert not permits_address(rules, ip_address("10.1.3.1"))
    assert not permits_address(rules, ip_address("140.82.112.3"))
    assert not permits_address(rules, ip_address("127.0.0.2"))


def test_an_allowed_wrapping_does_not_allow_what_is_wrapped() -> None:
    assert not permits_address(Rules(allow=("64:ff9b::/96",)), ip_address("64:ff9b::7f00:1"))


@pytest.mark.parametrize(
    ("host", "permits"),
    [
        ("GHES.Example.com.", True),
        ("a.lab.example.com", True),
        ("lab.example.com", None),
        ("evil-lab.example.com", None),
        ("bad.example.com", False),
        ("localhost", False),
        ("api.localhost", False),
        ("metadata.google.internal", False),
        ("elsewhere.example.com", None),
        ("[::1]", False),
        ("2130706433", False),
        ("0x7f.1", False),
        ("127.1", False),
        ("10.1", True),
        ("10.0.0.1", True),
    ],
)
def test_names(host: str, permits: bool | None) -> None:
    rules = Rules(allow=("ghes.example.com", "*.lab.example.com"), deny=("bad.example.com", "*.lab.example.com"))
    assert permits_name(rules, host) is permits


def test_loopback_in_any_clothes() -> None:
    assert is_loopback(ip_address("127.0.0.1"))
    assert is_loopback(ip_address("::1"))
    assert is_loopback(ip_address("::ffff:127.0.0.1"))
    assert not is_loopback(ip_address("10.0.0.1"))


def test_the_addresses_of_this_machine_itself() -> None:
    """Whatever they are: a service that listens everywhere is found there as well."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        try:
            way.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no network")
        own = way.getsockname()[0]
    assert not permits_address(Rules(), ip_address(own))
    assert not permits_address(Rules(), ip_address(f"::ffff:{own}"))
    assert permits_address(Rules(allow=(own,)), ip_address(own))
    assert permits_address(Rules(), ip_address("203.0.113.1"))
