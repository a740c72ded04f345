"""What a total is made of and what it can't know, to be said beside it. English templates, translated by whoever shows
them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.utils import timezone

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.errors import NO_IDENTITY_PROVIDER, _
from licensesync.licenses.comparison import Comparison
from licensesync.licenses.models import Count
from licensesync.matching.explain import Sentence, ngettext
from licensesync.usage.models import CloudAddress
from licensesync.usage.queries import cloud_names, lacking_secondary_emails

OUT_OF_DATE_AFTER = timedelta(days=30)
MOST_BY_NAME = 3
REMEMBERED_SECONDS = 3600

FROM_CLOUD = _("Counted from the cloud’s list.")
FROM_SERVERS = ngettext("Counted from %(n)s of %(m)s server.", "Counted from %(n)s of %(m)s servers.")
FROM_BOTH = ngettext(
    "Counted from %(n)s of %(m)s server and the cloud.", "Counted from %(n)s of %(m)s servers and the cloud."
)

NO_CLOUD = _("The cloud’s license list is not here, so nobody can be matched with a cloud account.")
NO_SERVER = _("No server has reported yet, so only the people of the cloud are counted.")
ENCRYPTED = (
    _("The last export of %(source)s has an encrypted list of users."),
    _("The last exports of %(n)s servers have an encrypted list of users."),
)
SILENT = _("%(source)s has not reported yet."), _("%(n)s servers have not reported yet.")
OUT_OF_DATE = (
    _("The list of %(source)s is more than 30 days old."),
    _("The lists of %(n)s sources are more than 30 days old."),
)
NO_INSTANCE = (
    _("GitHub’s list names accounts of %(source)s, which is no instance here."),
    _("GitHub’s list names accounts of %(n)s servers that are no instances here."),
)

NO_SAML = _("The cloud’s list names no SAML identity, so the first rule of matching finds nobody.")
NO_VERIFIED_EMAIL = _("The cloud’s list names no e-mail of a verified domain, so the second rule finds nobody.")
FEW_ADDRESSES = _("GitHub’s list carries one SAML identity per person and only e-mails of verified domains.")
NO_IDENTITIES = _(
    "GitHub’s list carries one SAML identity per person and only e-mails of verified domains. The linked identities, "
    "which tell more, are not here."
)
FEW_VERIFIED_EMAILS = _("GitHub’s list carries only e-mails of verified domains.")
OLD_IDENTITIES = _("The linked identities of the cloud’s accounts are more than 30 days old.")
GITHUB_COUNTS = _("GitHub’s own count in that list is %(n)s.")
PURCHASED_THERE = ngettext(
    "GitHub’s list names %(n)s purchased license; entered here: %(here)s.",
    "GitHub’s list names %(n)s purchased licenses; entered here: %(here)s.",
)
SECONDARY_EMAILS = _("Secondary e-mails of server accounts are not compared, by us as by GitHub.")
DOUBLES_UNSEEN = _("Secondary e-mails are not kept here, so people who are counted twice are not seen.")
FEW_SECONDARY_EMAILS = (
    _("The list of %(source)s tells few or no secondary e-mails, so not everybody counted twice is seen."),
    _("The lists of %(n)s servers tell few or no secondary e-mails, so not everybody counted twice is seen."),
)


@dataclass(frozen=True, slots=True)
class Sources:
    """Which lists are in. `oldest` is the date of the oldest."""

    servers: int
    servers_reported: int
    cloud_reported: bool
    oldest: datetime | None

    @property
    def sentence(self) -> Sentence:
        if not self.servers:
            return Sentence(FROM_CLOUD, {})
        one, many = FROM_BOTH if self.cloud_reported else FROM_SERVERS
        return Sentence(one, {"n": self.servers_reported, "m": self.servers}, many, self.servers)


@dataclass(frozen=True, slots=True)
class Completeness:
    """`missing` is what to do something about, `limits` how GitHub's rule and its lists are."""

    sources: Sources
    missing: list[Sentence]
    limits: list[Sentence]


def sources_of(deployments: Collection[Deployment]) -> Sources:
    """For whoever shows the total, and not what it lacks."""
    reported = [each for each in deployments if each.last_usage_at]
    dates = [each.list_date for each in deployments if each.list_date]
    return Sources(
        servers=sum(each.is_server for each in deployments),
        servers_reported=sum(each.is_server for each in reported),
        cloud_reported=not all(each.is_server for each in reported),
        oldest=min(dates, default=None),
    )


def completeness_of(
    enterprise: Enterprise, count: Count, deployments: Collection[Deployment], compared: Comparison | None
) -> Completeness:
    """Of the count that everybody sees, with all deployments of the enterprise in the order in which they are shown;
    `compared` with GitHub's list, as far as that is known yet."""
    servers = [each for each in deployments if each.is_server]
    cloud = next((each for each in deployments if not each.is_server and each.last_usage_at), None)
    missing: list[Sentence] = []
    limits: list[Sentence] = []
    if cloud is None:
        missing.append(Sentence(NO_CLOUD, {}))
    if not servers:
        missing.append(Sentence(NO_SERVER, {}))
    missing += _lacking_lists(deployments)
    if cloud is not None:
        named = {*compared.unknown_hosts} if compared else set()
        missing += _by_name(NO_INSTANCE, sorted(named - {each.host.lower() for each in servers}))
        if _is_old(cloud.identities_at):
            missing.append(Sentence(OLD_IDENTITIES, {}))
        limits += _limits_of_cloud(enterprise, cloud)
        limits += _numbers_of_cloud(enterprise, count, cloud)
    if servers:
        limits.append(Sentence(SECONDARY_EMAILS, {}))
        limits += _unseen_doubles(enterprise, servers)
    return Completeness(sources_of(deployments), missing, limits)


def is_out_of_date(deployment: Deployment) -> bool:
    return _is_old(deployment.list_date or deployment.last_usage_at)


def _is_old(dated: datetime | None) -> bool:
    return dated is not None and timezone.now() - dated > OUT_OF_DATE_AFTER


def _by_name(templates: tuple[str, str], sources: Collection[object]) -> list[Sentence]:
    """Each by its name, but of many one sentence."""
    of_one, of_many = templates
    if len(sources) > MOST_BY_NAME:
        return [Sentence(of_many, {"n": len(sources)})]
    return [Sentence(of_one, {"source": str(each)}) for each in sources]


def _lacking_lists(deployments: Collection[Deployment]) -> list[Sentence]:
    """What single lists lack, one thing of each."""
    encrypted, silent, old = [], [], []
    for each in deployments:
        if each.list_encrypted_at:
            encrypted.append(each)
        elif each.last_usage_at is None and each.is_server:  # of the cloud it is said already
            silent.append(each)
        elif is_out_of_date(each):
            old.append(each)
    return _by_name(ENCRYPTED, encrypted) + _by_name(SILENT, silent) + _by_name(OUT_OF_DATE, old)


def _limits_of_cloud(enterprise: Enterprise, cloud: Deployment) -> list[Sentence]:
    key = f"cloud-names:{cloud.pk}:{enterprise.generation}"
    names = cache.get_or_set(key, lambda: cloud_names(cloud, enterprise.generation), REMEMBERED_SECONDS) or set()
    limits = []
    if names.isdisjoint((CloudAddress.Kind.SAML_OR_SCIM, CloudAddress.Kind.IDENTITY)):
        limits.append(Sentence(NO_SAML, {}))
    if CloudAddress.Kind.VERIFIED_EMAIL not in names:
        limits.append(Sentence(NO_VERIFIED_EMAIL, {}))
    if names:
        limits.append(Sentence(_what_addresses_lack(cloud), {}))
    return limits


def _what_addresses_lack(cloud: Deployment) -> str:
    if cloud.identities_at:
        return FEW_VERIFIED_EMAILS
    has_none = (cloud.identities_problem or {}).get("code") == NO_IDENTITY_PROVIDER.code
    return FEW_ADDRESSES if has_none else NO_IDENTITIES


def _numbers_of_cloud(enterprise: Enterprise, count: Count, cloud: Deployment) -> list[Sentence]:
    """Where the numbers that GitHub's list says are not ours."""
    consumed, purchased = cloud.total_seats_consumed, cloud.total_seats_purchased
    numbers = []
    if consumed is not None and consumed != count.consumed:
        numbers.append(Sentence(GITHUB_COUNTS, {"n": consumed}))
    if purchased and enterprise.purchased not in (0, purchased):
        one, many = PURCHASED_THERE
        numbers.append(Sentence(one, {"n": purchased, "here": enterprise.purchased}, many, purchased))
    return numbers


def _unseen_doubles(enterprise: Enterprise, servers: list[Deployment]) -> list[Sentence]:
    """Where nobody can be seen who is counted twice, since that is seen by secondary e-mails alone."""
    if not enterprise.keeps_secondary_emails:
        return [Sentence(DOUBLES_UNSEEN, {})]
    key = f"lacking-secondary-emails:{enterprise.pk}:{enterprise.generation}"
    silent = cache.get_or_set(key, lambda: lacking_secondary_emails(enterprise), REMEMBERED_SECONDS) or set()
    return _by_name(FEW_SECONDARY_EMAILS, [each for each in servers if each.pk in silent])
