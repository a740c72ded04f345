"""What the total is made of and what it can't know: said beside it, shortly and calmly."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from django.core.cache import cache
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.licenses.comparison import Comparison
from licensesync.licenses.models import Count
from licensesync.usage.models import CloudAddress
from licensesync.usage.queries import cloud_names, lacking_secondary_emails
from licensesync.web import words
from licensesync.web.instance_rows import InstanceRow, is_out_of_date

MOST_BY_NAME = 3


@dataclass
class Completeness:
    """`sources` says which lists are in, `oldest` is the date of the oldest, `missing` what to do something about,
    `limits` how GitHub's rule and its lists are."""

    sources: str
    oldest: datetime | None
    missing: list[str] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)


def completeness(
    enterprise: Enterprise, count: Count, rows: list[InstanceRow], compared: Comparison | None
) -> Completeness:
    """`compared`: with GitHub's list, as far as that is known."""
    deployments = [row.deployment for row in rows]
    said = sources(deployments)
    servers = [each for each in deployments if each.is_server]
    cloud = next((each for each in deployments if not each.is_server and each.last_usage_at), None)
    if cloud is None:
        said.missing.append(_("The cloud’s license list is not here, so nobody can be matched with a cloud account."))
    if not servers:
        said.missing.append(_("No server has reported yet, so only the people of the cloud are counted."))
    said.missing += _missing_of(deployments)
    if cloud is not None:
        names = cache.get_or_set(f"cloud-names:{cloud.pk}:{enterprise.generation}", lambda: cloud_names(cloud), 3600)
        said.limits += _limits_of_cloud(names or set())
        named = {*compared.unknown_hosts} if compared else set()
        said.missing += _without_instance(named - {each.host.lower() for each in servers})
        if cloud.total_seats_consumed is not None and cloud.total_seats_consumed != count.consumed:
            said.limits.append(
                _("GitHub’s own count in that list is %(n)s.") % {"n": words.number(cloud.total_seats_consumed)}
            )
        if cloud.total_seats_purchased and enterprise.purchased not in (0, cloud.total_seats_purchased):
            said.limits.append(_purchased_there_and_here(cloud.total_seats_purchased, enterprise.purchased))
    if servers:
        said.limits.append(_("Secondary e-mails of server accounts are not compared, by us as by GitHub."))
        said.limits += _unseen_doubles(enterprise, servers)
    return said


def sources(deployments: Collection[Deployment]) -> Completeness:
    """Which lists are in, and of when the oldest is: for whoever shows the total, and not what it lacks."""
    reported = [each for each in deployments if each.last_usage_at]
    servers = sum(1 for each in deployments if each.is_server)
    from_servers = sum(1 for each in reported if each.is_server)
    dates = [each.list_date for each in deployments if each.list_date]
    return Completeness(_sources(from_servers, servers, len(reported) > from_servers), min(dates, default=None))


def _missing_of(deployments: list[Deployment]) -> list[str]:
    """What single lists lack: each by its name, but of many one sentence."""
    encrypted, silent, old = [], [], []
    for each in deployments:
        if each.list_encrypted_at:
            encrypted.append(each)
        elif each.last_usage_at is None and each.is_server:  # of the cloud it is said already
            silent.append(each)
        elif is_out_of_date(each):
            old.append(each)
    kinds = (
        (
            encrypted,
            _("The last export of %(source)s has an encrypted list of users."),
            _("The last exports of %(n)s servers have an encrypted list of users."),
        ),
        (silent, _("%(source)s has not reported yet."), _("%(n)s servers have not reported yet.")),
        (
            old,
            _("The list of %(source)s is more than 30 days old."),
            _("The lists of %(n)s sources are more than 30 days old."),
        ),
    )
    missing = []
    for those, of_one, of_many in kinds:
        if len(those) > MOST_BY_NAME:
            missing.append(of_many % {"n": words.number(len(those))})
        else:
            missing += [of_one % {"source": each} for each in those]
    return missing


def _unseen_doubles(enterprise: Enterprise, servers: list[Deployment]) -> list[str]:
    """Where nobody can be seen who is counted twice, since that is seen by secondary e-mails alone."""
    if not enterprise.keeps_secondary_emails:
        return [_("Secondary e-mails are not kept here, so people who are counted twice are not seen.")]
    key = f"lacking-secondary-emails:{enterprise.pk}:{enterprise.generation}"
    silent = cache.get_or_set(key, lambda: lacking_secondary_emails(enterprise), 3600) or set()
    those = [each for each in servers if each.pk in silent]
    if len(those) > MOST_BY_NAME:
        template = _(
            "The lists of %(n)s servers tell few or no secondary e-mails, so not everybody counted twice is seen."
        )
        return [template % {"n": words.number(len(those))}]
    template = _("The list of %(source)s tells few or no secondary e-mails, so not everybody counted twice is seen.")
    return [template % {"source": each} for each in those]


def _without_instance(hosts: set[str]) -> list[str]:
    """The servers that GitHub counts people of, and nobody has added here."""
    if len(hosts) > MOST_BY_NAME:
        template = _("GitHub’s list names accounts of %(n)s servers that are no instances here.")
        return [template % {"n": words.number(len(hosts))}]
    template = _("GitHub’s list names accounts of %(host)s, which is no instance here.")
    return [template % {"host": host} for host in sorted(hosts)]


def _sources(reported: int, servers: int, has_cloud: bool) -> str:
    counts = {"n": words.number(reported), "m": words.number(servers)}
    if not servers:
        return _("Counted from the cloud’s list.")
    if not has_cloud:
        return ngettext("Counted from %(n)s of %(m)s server.", "Counted from %(n)s of %(m)s servers.", servers) % counts
    return (
        ngettext(
            "Counted from %(n)s of %(m)s server and the cloud.",
            "Counted from %(n)s of %(m)s servers and the cloud.",
            servers,
        )
        % counts
    )


def _purchased_there_and_here(there: int, here: int) -> str:
    """Either number decides about words of its own half."""
    entered = ngettext("%(n)s is entered here", "%(n)s are entered here", here) % {"n": words.number(here)}
    return ngettext(
        "GitHub’s list names %(n)s purchased license; %(entered)s.",
        "GitHub’s list names %(n)s purchased licenses; %(entered)s.",
        there,
    ) % {"n": words.number(there), "entered": entered}


def _limits_of_cloud(names: set[int]) -> list[str]:
    limits = []
    if CloudAddress.Kind.SAML_OR_SCIM not in names:
        limits.append(_("The cloud’s list names no SAML identity, so the first rule of matching finds nobody."))
    if CloudAddress.Kind.VERIFIED_EMAIL not in names:
        limits.append(_("The cloud’s list names no e-mail of a verified domain, so the second rule finds nobody."))
    if names:
        limits.append(_("GitHub’s list carries one SAML identity per person and only e-mails of verified domains."))
    return limits
