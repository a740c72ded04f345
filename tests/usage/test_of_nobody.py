"""What an earlier version could leave behind of a deleted instance goes with the upgrade."""

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from licensesync.enterprises.models import Enterprise
from licensesync.usage.models import CloudAddress, CloudUser, ServerUserAccount
from tests.flows.lists import account, cloud_list, cloud_user, import_one, server_export

pytestmark = pytest.mark.django_db(transaction=True)

NOBODY = 1_000_000  # the number of a deployment that is not there


def test_accounts_of_a_deployment_that_is_not_there_go(enterprise: Enterprise) -> None:
    import_one(enterprise, server_export([account(1), account(2)]))
    import_one(enterprise, cloud_list([cloud_user(login, f"{login}@octo.example") for login in ("ana", "bo")]))
    ServerUserAccount.objects.filter(user_id=2).update(deployment_id=NOBODY)
    CloudUser.objects.filter(login="bo").update(deployment_id=NOBODY)
    import_module("licensesync.usage.migrations.0005_of_nobody").forget(apps, connection.schema_editor())
    assert [each.user_id for each in ServerUserAccount.objects.all()] == [1]
    assert [each.login for each in CloudUser.objects.all()] == ["ana"]
    assert [each.address for each in CloudAddress.objects.all()] == ["ana@octo.example"]
