"""How a license of ours looks: in a list, and alone with all its accounts and the reason of each."""

from collections.abc import Iterator
from typing import Any

import msgspec
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.reverse import reverse

from licensesync.api import examples
from licensesync.api.shapes import Moment
from licensesync.enterprises.models import Deployment
from licensesync.licenses.entries import CloudFacts
from licensesync.licenses.models import ConsumedLicense, LicenseChange, LicenseType, Where
from licensesync.licenses.person import Person
from licensesync.matching import explain
from licensesync.matching.records import Rule
from licensesync.usage.models import CloudUser, ServerUserAccount


class AccountSerializer(serializers.Serializer[Any]):
    """An account that counts. `rule` is what brought it into the license."""

    instance_id = serializers.IntegerField()
    deployment = serializers.CharField(help_text="Host name, or GitHub Enterprise Cloud.")
    user_id = serializers.IntegerField(allow_null=True, help_text="The server’s own number; null in the cloud.")
    login = serializers.CharField()
    email = serializers.CharField(help_text="Primary e-mail on a server; SAML NameID in the cloud.")
    rule = serializers.ChoiceField([(rule.value, rule.value) for rule in Rule])


class LicenseSerializer(serializers.Serializer[Any]):
    """A consumed license: one person. `number` is permanent."""

    number = serializers.IntegerField()
    url = serializers.CharField()
    name = serializers.CharField()
    emails = serializers.ListField(child=serializers.CharField())
    where = serializers.ChoiceField(Where.choices)
    type = serializers.ChoiceField(LicenseType.choices)
    ambiguous = serializers.BooleanField()
    dormant = serializers.BooleanField()
    two_factor_off = serializers.BooleanField()
    pending_invitation = serializers.BooleanField()
    since = Moment()
    since_or_before = serializers.BooleanField(help_text="It came with the first list of its instance.")
    account_count = serializers.IntegerField()
    accounts = AccountSerializer(many=True)


@extend_schema_serializer(examples=[examples.LICENSES])
class LicensesSerializer(serializers.Serializer[Any]):
    total_count = serializers.IntegerField()
    incomplete_results = serializers.BooleanField(help_text="True: there are more than `total_count`.")
    licenses = LicenseSerializer(many=True)


class ExplainedAccountSerializer(AccountSerializer):
    """An account with why it is in this license, or that it doesn’t count."""

    rule = serializers.ChoiceField([(rule.value, rule.value) for rule in Rule], allow_null=True)
    reason = serializers.CharField(help_text="Empty for an account that doesn’t count.")
    counts = serializers.BooleanField()
    suspended = serializers.BooleanField()
    dormant = serializers.BooleanField(allow_null=True)
    site_admin = serializers.BooleanField()
    other_emails = serializers.ListField(child=serializers.CharField(), help_text="Known, and not compared.")
    last_active_at = Moment(allow_null=True)


class CloudAccountSerializer(serializers.Serializer[Any]):
    profile = serializers.CharField()
    verified_emails = serializers.ListField(child=serializers.CharField())
    identity_emails = serializers.ListField(child=serializers.CharField(), help_text="Of its linked identities.")
    member_roles = serializers.ListField(child=serializers.CharField())
    enterprise_roles = serializers.ListField(child=serializers.CharField())
    pending_invites = serializers.ListField(child=serializers.CharField())
    two_factor = serializers.BooleanField(allow_null=True)
    visual_studio_status = serializers.CharField()
    visual_studio_email = serializers.CharField()


class ChangeSerializer(serializers.Serializer[LicenseChange]):
    at = Moment()
    kind = serializers.ChoiceField(LicenseChange.Kind.choices)
    deployment = serializers.CharField(allow_null=True)
    login = serializers.CharField()
    other_number = serializers.IntegerField(allow_null=True)


@extend_schema_serializer(examples=[examples.EXPLAINED_LICENSE])
class ExplainedLicenseSerializer(LicenseSerializer):
    """A license, with every account and the reason of each, and what has become of it."""

    summary = serializers.ListField(child=serializers.CharField(), help_text="Why this is one license, in sentences.")
    accounts = ExplainedAccountSerializer(many=True)
    cloud = CloudAccountSerializer(allow_null=True)
    changes = ChangeSerializer(many=True)


def license_address(request: Request, slug: str, number: int) -> str:
    return str(reverse("api_license", args=[slug, number], request=request))


def shown(request: Request, slug: str, license: ConsumedLicense, deployments: dict[int, Deployment]) -> dict[str, Any]:
    """A license as the list has it."""
    names = set(LicenseSerializer().fields) - {"url", "type", "accounts"}
    return {
        **{name: getattr(license, name) for name in names},
        "url": license_address(request, slug, license.number),
        "type": license.license_type,
        "accounts": [_account(entry, deployments) for entry in license.accounts],
    }


def _account(entry: dict[str, Any], deployments: dict[int, Deployment]) -> dict[str, Any]:
    place = deployments[entry["deployment"]]
    return {
        "instance_id": place.pk,
        "deployment": str(place),
        "user_id": entry["user_id"] if place.is_server else None,
        "login": entry["login"],
        "email": entry["email"],
        "rule": entry["rule"],
    }


def explained(request: Request, slug: str, person: Person) -> dict[str, Any]:
    """One license with all that is known of it."""
    rules = [Rule(entry["rule"]) for entry in person.license.accounts]
    sentences = explain.summary(rules, ambiguous=person.license.ambiguous, has_subscriber=person.has_subscriber)
    return {
        **shown(request, slug, person.license, person.deployments),
        "summary": [explain.in_english(each) for each in sentences],
        "accounts": list(_accounts(person)),
        "cloud": _cloud_account(person.cloud) if person.cloud else None,
        "changes": person.changes,
    }


def _cloud_account(cloud: CloudUser) -> dict[str, Any]:
    facts = msgspec.to_builtins(msgspec.convert(cloud.facts, CloudFacts))
    return {**facts, "identity_emails": cloud.identity_addresses.split()}


def _accounts(person: Person) -> Iterator[dict[str, Any]]:
    listed_on = f"{person.listed_at:%Y-%m-%d}" if person.listed_at else ""
    on_servers = {(each.deployment_id, each.user_id): each for each in (*person.servers, *person.not_counted)}
    for entry in person.license.accounts:
        account = _account(entry, person.deployments)
        reason = explain.reason(
            Rule(entry["rule"]),
            login=account["login"],
            host=account["deployment"],
            address=account["email"],
            listed_on=listed_on,
        )
        server = on_servers.get((entry["deployment"], entry["user_id"]))
        yield {**account, "reason": explain.in_english(reason), "counts": True, **_state(server)}
    for server in person.not_counted:
        place = person.deployments[server.deployment_id]
        yield {
            "instance_id": place.pk,
            "deployment": str(place),
            "user_id": server.user_id,
            "login": server.login,
            "email": server.email,
            "rule": None,
            "reason": "",
            "counts": False,
            **_state(server),
        }


def _state(server: ServerUserAccount | None) -> dict[str, Any]:
    return {
        "suspended": bool(server and server.suspended),
        "dormant": server.dormant if server else None,
        "site_admin": bool(server and server.site_admin),
        "other_emails": (server.other_emails if server else None) or [],
        "last_active_at": server.last_active_at if server else None,
    }
