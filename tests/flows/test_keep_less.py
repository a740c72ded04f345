"""An owner keeps less of people: it is in no list from then on, and what was stored goes with the next one."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.enterprises.services import keep, update_enterprise
from licensesync.flows.forget import forget_old
from licensesync.licenses.models import ConsumedLicense, LicenseChange
from licensesync.syncing.models import LicenseSyncJob
from licensesync.usage import staging
from licensesync.usage.models import OPEN, CloudUser, ServerUserAccount
from licensesync.users.models import User
from tests.flows.lists import account, cloud_list, cloud_user, import_one, new_enterprise, server_export

pytestmark = pytest.mark.django_db(transaction=True)

EMAILS = [{"email": "ana@octo.example", "primary": True}, {"email": "second@octo.example", "primary": False}]
SERVER = server_export([{**account(1, login="ana"), "profile_name": "Ana Abel", "emails": EMAILS}])
CLOUD = cloud_list([cloud_user("bo", "bo@octo.example", github_com_name="Bo Berg")])


def stored(enterprise: Enterprise) -> dict[str, Any]:
    """What is known of everybody now."""
    now = {"valid_to": OPEN}
    return {
        "server": list(ServerUserAccount.objects.filter(**now).values_list("name", "other_emails")),
        "cloud": list(CloudUser.objects.filter(**now).values_list("name", flat=True)),
        "licenses": sorted(ConsumedLicense.objects.filter(**now).values_list("name", flat=True)),
        "texts": "".join(str(each) for each in ConsumedLicense.objects.filter(**now).values_list("accounts", "search")),
    }


def test_the_same_lists_take_with_them_what_is_not_kept_any_more() -> None:
    enterprise = new_enterprise()
    for content in (SERVER, CLOUD):
        import_one(enterprise, content)
    before = stored(enterprise)
    assert before["licenses"] == ["Ana Abel", "Bo Berg"]
    assert before["server"] == [("Ana Abel", ["second@octo.example"])]
    keep(enterprise=enterprise, names=False, secondary_emails=False)
    assert stored(enterprise) == before, "until a list comes"
    for content in (SERVER, CLOUD):
        import_one(enterprise, content)
    less = stored(enterprise)
    assert (less["server"], less["cloud"], less["licenses"]) == ([("", None)], [""], ["ana", "bo"])
    assert not any(word in less["texts"].lower() for word in ("abel", "berg", "second"))
    jobs = LicenseSyncJob.objects.count()
    import_one(enterprise, SERVER)
    assert LicenseSyncJob.objects.count() == jobs, "it brings nothing new"
    keep(enterprise=enterprise, names=True, secondary_emails=True)
    for content in (SERVER, CLOUD):
        import_one(enterprise, content)
    assert stored(enterprise) == before


def test_of_two_owners_each_sets_what_they_say_alone() -> None:
    """Both read the settings before either has saved."""
    new_enterprise()
    one, other = Enterprise.objects.get(), Enterprise.objects.get()
    update_enterprise(one, keeps_names=False)
    update_enterprise(other, keeps_secondary_emails=False)
    now = Enterprise.objects.get()
    assert (now.keeps_names, now.keeps_secondary_emails) == (False, False)


def test_a_list_that_is_being_read_meanwhile_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    enterprise = new_enterprise()
    import_one(enterprise, SERVER)
    compare = staging.compare_server_list

    def compare_late(server: Deployment) -> staging.Diff:
        keep(enterprise=Enterprise.objects.get(pk=enterprise.pk), names=False, secondary_emails=False)
        return compare(server)

    newer = SERVER.replace(b"Ana Abel", b"Ana Bebel")
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(staging, "compare_server_list", compare_late)
        import_one(enterprise, newer)
    import_one(enterprise, newer)
    assert stored(enterprise)["server"] == [("", None)]


def test_a_first_list_is_stored_without() -> None:
    enterprise = new_enterprise()
    keep(enterprise=enterprise, names=False, secondary_emails=True)
    for content in (SERVER, CLOUD):
        import_one(enterprise, content)
    found = stored(enterprise)
    assert (found["server"], found["cloud"]) == ([("", ["second@octo.example"])], [""])


def test_the_history_forgets_names() -> None:
    enterprise = new_enterprise()
    import_one(enterprise, SERVER)
    import_one(enterprise, server_export([account(2, login="cem", profile_name="Cem Can")]))
    changes = LicenseChange.objects.filter(enterprise=enterprise)
    assert set(changes.values_list("name", flat=True)) == {"Ana Abel", "Cem Can"}
    keep(enterprise=enterprise, names=False, secondary_emails=True)
    forget_old()
    assert set(changes.values_list("name", "login")) == {("ana", "ana"), ("cem", "cem")}


def test_an_owner_says_so_on_the_page(client: Client, enterprise: Enterprise, owner: User) -> None:
    client.force_login(owner)
    address = reverse("enterprise_profile", args=[enterprise.slug])
    shown = {
        "name": "Octo Industries",
        "license_model": "volume",
        "enterprise_licenses": "100",
        "visual_studio_licenses": "0",
    }
    saw = {f"initial-{name}": value for name, value in shown.items()} | {
        "initial-keeps_names": "True", "initial-keeps_secondary_emails": "True",
    }  # fmt: skip
    import_one(enterprise, SERVER)
    told = [
        reverse("license", args=[enterprise.slug]),
        reverse("instance", args=[enterprise.slug, Deployment.objects.get(enterprise=enterprise).pk]),
    ]
    assert all("ogins, names" in client.get(page).content.decode() for page in told)
    client.post(address, {**shown, **saw, "keeps_secondary_emails": "on"})
    assert not any("ogins, names" in client.get(page).content.decode() for page in told)
    saw["initial-keeps_names"] = "False"
    client.post(address, {**shown, **saw, "keeps_names": "on"})
    enterprise.refresh_from_db()
    assert (enterprise.keeps_names, enterprise.keeps_secondary_emails) == (True, False)
    assert enterprise.enterprise_licenses == 100
