"""Visual Studio subscriptions through the whole product (docs/matching.md)."""

import pytest

from licensesync.enterprises.models import Enterprise
from licensesync.licenses.models import LicenseType
from licensesync.licenses.person import person_of
from licensesync.licenses.queries import licenses
from tests.flows.lists import account, cloud_list, cloud_user, import_one, new_enterprise, numbers, server_export

pytestmark = pytest.mark.django_db(transaction=True)


def types(enterprise: Enterprise) -> dict[str, str]:
    enterprise.refresh_from_db()
    return {license.login: license.license_type for license in licenses(enterprise)}


def subscriber(email: str, **more: object) -> dict[str, object]:
    return cloud_user("", visual_studio_subscription_user=True, visual_studio_subscription_email=email, **more)


def test_an_unlinked_subscriber_takes_the_license_of_whom_it_meets_and_counts_nowhere_else() -> None:
    enterprise = new_enterprise()
    import_one(enterprise, server_export([account(1, "ana@octo.example", login="ana"), account(2, "", login="bot")]))
    rows = [
        cloud_user("cem", "cem@octo.example"),
        subscriber("CEM@octo.example"),
        subscriber("ana@octo.example"),
        subscriber("nobody@octo.example"),
    ]
    import_one(enterprise, cloud_list(rows))
    assert types(enterprise) == {
        "ana": LicenseType.VISUAL_STUDIO,
        "bot": LicenseType.ENTERPRISE,
        "cem": LicenseType.VISUAL_STUDIO,
    }


def test_a_subscription_that_two_cloud_accounts_claim_is_marked_ambiguous() -> None:
    enterprise = new_enterprise()
    claimed = "ana@octo.example"
    rows = [cloud_user("bo", claimed), cloud_user("ana", claimed), subscriber("Ana@octo.example"), cloud_user("cem")]
    import_one(enterprise, cloud_list(rows))
    assert types(enterprise) == {
        "ana": LicenseType.VISUAL_STUDIO,
        "bo": LicenseType.ENTERPRISE,
        "cem": LicenseType.ENTERPRISE,
    }
    assert [license.login for license in licenses(enterprise) if license.ambiguous] == ["ana"]
    ana, bo = (numbers(enterprise)["cloud", login] for login in ("ana", "bo"))
    found = person_of(enterprise, ana)
    assert found
    assert [rival.number for rival in found.rivals] == [bo]


@pytest.mark.parametrize("email", ["", "ana@private.example"])
def test_a_subscriber_whom_github_sees_on_a_server_only_is_met_there_by_the_server_address(email: str) -> None:
    enterprise = new_enterprise()
    import_one(enterprise, server_export([account(1, "ana@octo.example", login="ana")]))
    on_server = {
        "enterprise_server_user_ids": ["ghes.example:1"],
        "enterprise_server_primary_emails": ["ana@octo.example"],
    }
    import_one(enterprise, cloud_list([subscriber(email, **on_server)]))
    assert types(enterprise) == {"ana": LicenseType.VISUAL_STUDIO}
    import_one(enterprise, cloud_list([cloud_user("cem")]), accept_shrink=True)
    assert types(enterprise) == {"ana": LicenseType.ENTERPRISE, "cem": LicenseType.ENTERPRISE}
