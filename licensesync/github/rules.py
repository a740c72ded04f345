"""Where our calls may go. Owners type addresses that this server then calls: none of them may lead into itself.

The order, first hit wins:
1. what the operator allows (a host name, `*.domain`, an address or a network),
2. what the operator denies,
3. the defaults: never this machine, link-local and metadata addresses, multicast, or addresses that belong to nobody.
   Private networks are allowed, since appliances live there.

An IPv6 address that carries an IPv4 address (mapped, 6to4, Teredo, NAT64) is judged by both.
"""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

OWN_NAMES = ("localhost", "*.localhost", "metadata.google.internal", "metadata")
"""Names that lead to this machine or its cloud's metadata; matters where a proxy resolves names instead of us."""

NEVER = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",  # "this host": Linux connects to itself
            "127.0.0.0/8",
            "169.254.0.0/16",  # link-local, with the metadata service of most clouds
            "100.100.100.200/32",  # metadata at Alibaba Cloud
            "168.63.129.16/32",  # metadata at Azure
            "192.0.0.192/32",  # metadata at Oracle Cloud
            "224.0.0.0/4",
            "240.0.0.0/4",
            "::/128",
            "::1/128",
            "fe80::/10",
            "fec0::/10",
            "ff00::/8",
            "fd00:ec2::/32",  # metadata at AWS
            "fd20:ce::254/128",  # metadata at Google Cloud
        ),
    )
)
NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
IPV4_COMPATIBLE = IPv6Network("::/96")
IPV4_TRANSLATED = IPv6Network("::ffff:0:0:0/96")


@dataclass(frozen=True, slots=True)
class Rules:
    """Host names, `*.domain`, addresses and networks (CIDR) that the operator allows and denies."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()


def permits_name(rules: Rules, host: str) -> bool | None:
    """What the rules say about a host by its name alone: True, False, or None when its addresses decide."""
    literal = address_in(host)
    if literal:
        return permits_address(rules, literal)
    if _names(rules.allow, host):
        return True
    if _names(rules.deny, host) or _names(OWN_NAMES, host):
        return False
    return None


def permits_address(rules: Rules, address: Address) -> bool:
    """What the rules say about an address, whatever name it was found under."""
    return all(_permits(rules, form) for form in _forms(address))


def is_loopback(address: Address) -> bool:
    return any(form.is_loopback for form in _forms(address))


def _permits(rules: Rules, address: Address) -> bool:
    if _contains(_networks(rules.allow), address):
        return True
    return not (_contains(_networks(rules.deny), address) or _contains(NEVER, address) or _is_ours(address))


def _is_ours(address: Address) -> bool:
    """Whether it is one of this machine: the way there begins where it ends. Nothing is sent."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as way:
            way.connect((str(address), 9))
            return bool(way.getsockname()[0] == str(address))
    except OSError:  # no way there, as without IPv6: whoever connects is told
        return False


def _forms(address: Address) -> list[Address]:
    """The address and the IPv4 address inside it; a mapped one is nothing but the IPv4 address."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    forms: list[Address] = [address]
    if address.sixtofour:
        forms.append(address.sixtofour)
    if address.teredo:
        forms.extend(address.teredo)
    holds_one = any(address in network for network in (*NAT64, IPV4_TRANSLATED))
    if holds_one or (address in IPV4_COMPATIBLE and int(address) > 1):
        forms.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return forms


def _names(entries: Iterable[str], host: str) -> bool:
    host = plain_host(host)
    return any(
        host.endswith(entry[1:]) if entry.startswith("*.") else host == entry for entry in map(plain_host, entries)
    )


def plain_host(host: str) -> str:
    return host.strip().strip("[]").rstrip(".").lower()


def _networks(entries: Iterable[str]) -> list[Network]:
    networks = []
    for entry in entries:
        try:
            networks.append(ip_network(plain_host(entry), strict=False))
        except ValueError:
            continue  # a name
    return networks


def _contains(networks: Iterable[Network], address: Address) -> bool:
    return any(address in network for network in networks if network.version == address.version)


def address_in(host: str) -> Address | None:
    """The address that a host is, also in the old ways to write one of IPv4 (127.1, 0x7f000001, 2130706433), which a
    proxy may know as our own name service does.
    """
    plain = plain_host(host)
    try:
        return ip_address(plain)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(plain))
    except (OSError, ValueError):
        return None
