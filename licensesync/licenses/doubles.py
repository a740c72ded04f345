"""Who seems to be counted twice, and with whom: a person on servers only, of whose account a secondary e-mail is known
to a cloud account. Only primary ones are compared (`docs/matching.md`), so nothing makes them one person."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.licenses.entries import SERVER_KIND
from licensesync.licenses.models import ConsumedLicense, LicensedAccount
from licensesync.matching.addresses import address_key
from licensesync.usage.models import CLAIMS, CloudAddress, CloudUser, ServerUserAccount, valid_at
from licensesync.usage.queries import accounts_by


@dataclass(frozen=True, slots=True)
class Double:
    """`number` is the license on servers only, `address` the secondary e-mail as the server writes it, `cloud_number`
    the license of the cloud account."""

    number: int
    login: str
    deployment: Deployment
    address: str
    cloud_login: str
    cloud_number: int


def doubles_of(enterprise: Enterprise, licenses: Iterable[ConsumedLicense]) -> dict[int, list[Double]]:
    """Those of a few licenses, by their numbers."""
    number_of = {
        (entry["deployment"], entry["user_id"]): license.number
        for license in licenses
        for entry in license.accounts
        if entry["kind"] == SERVER_KIND
    }
    accounts = accounts_by(number_of).filter(valid_at(enterprise.generation), consumes=True)
    by_license: dict[int, list[ServerUserAccount]] = {}
    for account in accounts.select_related("deployment"):
        by_license.setdefault(number_of[account.deployment_id, account.user_id], []).append(account)
    return doubles(enterprise, by_license)


def doubles(enterprise: Enterprise, accounts: Mapping[int, Sequence[ServerUserAccount]]) -> dict[int, list[Double]]:
    """The same of server accounts, by their licenses."""
    secondary = {
        address_key(address)
        for several in accounts.values()
        for account in several
        for address in account.other_emails or ()
    }
    known = _known_to_cloud(enterprise, secondary) if secondary else {}
    found: dict[int, list[Double]] = {}
    for number, several in accounts.items():
        for account in several:
            for address in account.other_emails or ():
                for login, cloud_number in known.get(address_key(address), ()):
                    double = Double(number, account.login, account.deployment, address, login, cloud_number)
                    found.setdefault(number, []).append(double)
    return found


def _known_to_cloud(enterprise: Enterprise, addresses: set[str]) -> dict[str, list[tuple[str, int]]]:
    """Login and license of the consuming cloud accounts that have an address, by the address."""
    valid = valid_at(enterprise.generation)
    said = CloudAddress.objects.filter(valid, address__in=addresses, kind__in=CLAIMS)
    pairs = sorted({*said.values_list("address", "cloud_user")})
    users = CloudUser.objects.filter(
        valid, pk__in=[user for _, user in pairs], deployment__enterprise=enterprise, consumes=True
    ).in_bulk()
    licensed = LicensedAccount.objects.filter(
        valid, enterprise=enterprise, user_id__in=[user.user_id for user in users.values()]
    )
    numbers = {(each.deployment_id, each.user_id): each.number for each in licensed}
    known: dict[str, list[tuple[str, int]]] = {}
    for address, pk in pairs:
        user = users.get(pk)
        number = numbers.get((user.deployment_id, user.user_id)) if user else None
        if user and number is not None:
            known.setdefault(address, []).append((user.login, number))
    return known
