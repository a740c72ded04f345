"""Says in words why an account is in its license, and what a license is made of. English templates, translated by
whoever shows them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from licensesync.errors import _
from licensesync.matching.records import Rule


def ngettext(one: str, many: str) -> tuple[str, str]:
    """Mark a pair of templates for translation without translating it here (makemessages looks for this name)."""
    return one, many


@dataclass(frozen=True, slots=True)
class Sentence:
    """To show it: `gettext(one) % params`, or where there is a plural `ngettext(one, many, count) % params`."""

    one: str
    params: dict[str, str | int]
    many: str = ""
    count: int = 1


RULE_LABELS = {
    Rule.CLOUD_ACCOUNT: _("Cloud account"),
    Rule.SAML_OR_SCIM: _("SAML or SCIM"),
    Rule.VERIFIED_EMAIL: _("Verified e-mail"),
    Rule.LINKED_BY_GITHUB: _("Linked by GitHub"),
    Rule.SAME_PRIMARY_EMAIL: _("Same primary e-mail"),
    Rule.SUBSCRIPTION_EMAIL: _("Subscription e-mail"),
    Rule.NO_MATCH: _("No match"),
    Rule.NO_EMAIL: _("No e-mail"),
}

INVITATION = _("An invitation by e-mail: it counts, and there is no account yet.")
REASONS = {
    Rule.CLOUD_ACCOUNT: _("%(login)s is the cloud account."),
    Rule.SAML_OR_SCIM: _(
        "The primary e-mail %(address)s of %(login)s on %(host)s is in the SAML or SCIM identity of the cloud account."
    ),
    Rule.VERIFIED_EMAIL: _(
        "The primary e-mail %(address)s of %(login)s on %(host)s is a verified e-mail of the cloud account."
    ),
    Rule.LINKED_BY_GITHUB: _("GitHub’s list of %(listed_on)s links %(login)s on %(host)s to the cloud account."),
    Rule.SAME_PRIMARY_EMAIL: _(
        "The primary e-mail %(address)s of %(login)s on %(host)s is that of another server account of this license."
    ),
    Rule.SUBSCRIPTION_EMAIL: _("The e-mail %(address)s of the Visual Studio subscription belongs to this license."),
    Rule.NO_MATCH: _(
        "No cloud account is known to have the primary e-mail %(address)s of %(login)s on %(host)s in its SAML or SCIM "
        "identity or among its verified e-mails, and no other server account that counts has it."
    ),
    Rule.NO_EMAIL: _("%(login)s on %(host)s has no e-mail to compare."),
}

CARRIED = ngettext(
    "%(count)s server account carries an address of the cloud account.",
    "%(count)s server accounts carry an address of the cloud account.",
)
LINKED = ngettext(
    "GitHub’s own list links %(count)s server account to the cloud account.",
    "GitHub’s own list links %(count)s server accounts to the cloud account.",
)
LIKE_LINKED = ngettext(
    "%(count)s server account has the primary e-mail of one that GitHub links.",
    "%(count)s server accounts have the primary e-mail of one that GitHub links.",
)
SHARED = ngettext(
    "%(count)s server account has a primary e-mail that no cloud account is known to have.",
    "%(count)s server accounts have the same primary e-mail; no cloud account is known to have it.",
)
SUBSCRIBED = _(
    "A Visual Studio subscription that no cloud account uses has the same e-mail, so this license is of that type."
)
CLOUD_ONLY = _("Only in the cloud: no server account is counted with it.")
NO_MATCH = _("Only one server account that counts has this primary e-mail; no cloud account is known to have it.")
NO_EMAIL = _("A server account without an e-mail: there is nothing to compare, so it counts by itself.")
AMBIGUOUS = _(
    "More than one cloud account claims an account or a subscription of this license; it is counted with the first."
)


def reason(rule: Rule, *, login: str, host: str, address: str, listed_on: str) -> Sentence:
    """Why one account is in its license. `listed_on` is the date of GitHub's list as the reader writes dates."""
    template = INVITATION if rule is Rule.CLOUD_ACCOUNT and not login else REASONS[rule]
    return Sentence(template, {"login": login, "host": host, "address": address, "listed_on": listed_on})


def summary(rules: Iterable[Rule], *, ambiguous: bool, has_subscriber: bool) -> list[Sentence]:
    """What a license is made of, from the rules of all its accounts: nearly always one sentence. `has_subscriber`: it
    is of its type by a subscription that no cloud account uses."""
    counts = Counter(rules)
    in_cloud = counts[Rule.CLOUD_ACCOUNT]
    servers = counts.total() - in_cloud
    rows = (
        (CARRIED, counts[Rule.SAML_OR_SCIM] + counts[Rule.VERIFIED_EMAIL]),
        (LINKED, counts[Rule.LINKED_BY_GITHUB]),
        (LIKE_LINKED if in_cloud else SHARED, counts[Rule.SAME_PRIMARY_EMAIL]),
        ((CLOUD_ONLY, ""), 0 if servers else in_cloud),
        ((NO_MATCH, ""), counts[Rule.NO_MATCH]),
        ((NO_EMAIL, ""), counts[Rule.NO_EMAIL]),
        ((SUBSCRIBED, ""), int(has_subscriber)),
        ((AMBIGUOUS, ""), int(ambiguous)),
    )
    return [Sentence(one, {"count": count}, many, count) for (one, many), count in rows if count]


def in_english(sentence: Sentence) -> str:
    """For whoever reads no translation: a script."""
    template = sentence.many if sentence.many and sentence.count != 1 else sentence.one
    return template % sentence.params
