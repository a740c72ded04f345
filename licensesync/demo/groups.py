"""The example enterprise as a table: every kind of person that owners meet, how many, and how each is to be counted.

`counts` is written down here from GitHub's documented rules, not computed by the product, so that a test can compare.
"""

from dataclasses import dataclass, field
from enum import StrEnum

EMEA = "ghes-emea.octo.example"
APAC = "ghes-apac.octo.example"


class Counted(StrEnum):
    """The four figures of the License page. The values are the names of their fields."""

    CLOUD_ONLY = "cloud_only"
    CLOUD_AND_SERVER = "cloud_and_server"
    SERVER_ONLY = "server_only"
    VISUAL_STUDIO = "visual_studio"


class Domain(StrEnum):
    """What stands behind the @. The enterprise has verified the first two."""

    WORK = "octo.example"
    REGIONAL = "apac.octo.example"
    SUBSIDIARY = "emea-subsidiary.example"  # bought last year; the cloud knows nothing of it
    CONTRACTOR = "contractor.example"
    PRIVATE = "mail.example"


class Cloud(StrEnum):
    """How the cloud knows somebody."""

    NOT = "not at all"
    SAML = "member whose NameID is the work address"
    STAFF_NUMBER = "member whose NameID is a staff number; the addresses are verified"
    OUTSIDE = "outside collaborator, neither SAML nor verified address"
    INVITED = "outside collaborator who has not accepted yet"
    INVITED_BY_EMAIL = "as INVITED, without a login yet"
    TWICE = "as SAML, and a second account with the same verified address"
    SUBSCRIBER = "as SAML, and a linked Visual Studio subscription"
    UNLINKED_SUBSCRIBER = "a Visual Studio subscription and no account"


@dataclass(frozen=True, kw_only=True)
class Group:
    """People who look alike to the cloud and to the servers."""

    size: int
    counts: tuple[Counted, ...]  # the licenses of one of them
    cloud: Cloud = Cloud.NOT
    servers: dict[str, Domain] = field(default_factory=dict)  # where they have accounts, with the primary address
    suspended: bool = False  # on the servers
    suspended_since: bool = False  # GitHub's last sync, so that it still counts them
    known_to_github: bool = True  # GitHub has seen the server accounts in an earlier sync, and linked what it could
    names: tuple[str, ...] = ()  # must be among them


_CLOUD, _BOTH, _SERVER, _VISUAL_STUDIO = ((each,) for each in Counted)
_WORK, _REGIONAL = Domain.WORK, Domain.REGIONAL

GROUPS = (
    # The bulk of the staff, matched by SAML or by a verified address.
    Group(size=379, cloud=Cloud.SAML, counts=_CLOUD, names=("Catarina Figueiredo", "Joaquín Etxeberria")),
    Group(
        size=560,
        cloud=Cloud.SAML,
        servers={EMEA: _WORK},
        counts=_BOTH,
        names=("Ada Lindqvist", "Chidi Okonkwo", "Cillian Ó Briain", "Dmitri Halvorsen", "Lwazi Mthembu"),
    ),
    Group(size=240, cloud=Cloud.STAFF_NUMBER, servers={EMEA: _WORK}, counts=_BOTH, names=("Elif Yıldırım",)),
    Group(size=170, cloud=Cloud.SAML, servers={APAC: _WORK}, counts=_BOTH, names=("Niamh Gallagher",)),
    Group(size=100, cloud=Cloud.SAML, servers={APAC: _REGIONAL}, counts=_BOTH, names=("Arjun Venkataraghavan",)),
    Group(
        size=70,
        cloud=Cloud.SAML,
        servers={EMEA: _WORK, APAC: _REGIONAL},
        counts=_BOTH,
        names=("Ana Beatriz Carvalho", "Gustavo Henrique Pacheco", "Daria Kowalczyk-Wiśniewska"),
    ),
    Group(size=40, cloud=Cloud.SAML, servers={EMEA: _WORK}, suspended=True, counts=_CLOUD),
    # Only on servers.
    Group(size=120, servers={EMEA: _WORK}, counts=_SERVER, names=("Bjørn Ødegård",)),
    Group(size=70, servers={APAC: _REGIONAL}, counts=_SERVER, names=("Hana Kobayashi",)),
    Group(size=20, servers={EMEA: _WORK, APAC: _WORK}, counts=_SERVER, names=("Adaeze Nwachukwu",)),
    Group(size=14, servers={EMEA: Domain.CONTRACTOR}, counts=_SERVER, names=("Andreas Brüggemann",)),
    Group(size=9, servers={EMEA: _WORK}, known_to_github=False, counts=_SERVER),  # new since GitHub's last sync
    # Gone: every account is suspended.
    Group(size=83, servers={EMEA: _WORK}, suspended=True, counts=()),
    Group(size=7, servers={EMEA: _WORK}, suspended=True, suspended_since=True, counts=()),
    Group(size=48, servers={APAC: _REGIONAL}, suspended=True, counts=()),
    # What owners can't see at GitHub.
    Group(  # no address leads to their cloud account, only GitHub's own link
        size=12,
        cloud=Cloud.SAML,
        servers={EMEA: Domain.SUBSIDIARY},
        counts=_BOTH,
        names=("Maximiliane von Hohenlohe-Langenburg",),
    ),
    Group(  # counted twice: their work address is only the secondary one of the server account
        size=9, cloud=Cloud.SAML, servers={EMEA: Domain.PRIVATE}, counts=_CLOUD + _SERVER
    ),
    Group(  # ambiguous: two cloud accounts claim the address of the server account
        size=2, cloud=Cloud.TWICE, servers={EMEA: _WORK}, counts=_BOTH + _CLOUD, names=("Farah Al-Masri",)
    ),
    # From outside.
    Group(size=26, cloud=Cloud.OUTSIDE, counts=_CLOUD, names=("Alejandro Ruiz Sepúlveda",)),
    Group(size=6, cloud=Cloud.OUTSIDE, servers={EMEA: Domain.CONTRACTOR}, counts=_BOTH),  # by GitHub's link, too
    Group(size=5, cloud=Cloud.INVITED, counts=_CLOUD),
    Group(size=3, cloud=Cloud.INVITED_BY_EMAIL, counts=_CLOUD),
    # Visual Studio subscriptions: 140 in use, ten that nobody uses.
    Group(size=52, cloud=Cloud.SUBSCRIBER, counts=_VISUAL_STUDIO, names=("Esperanza Villanueva",)),
    Group(
        size=60,
        cloud=Cloud.SUBSCRIBER,
        servers={EMEA: _WORK},
        counts=_VISUAL_STUDIO,
        names=("Beatrix Hall", "Ingrid Sørensen"),
    ),
    Group(size=20, cloud=Cloud.SUBSCRIBER, servers={APAC: _WORK}, counts=_VISUAL_STUDIO),
    Group(
        size=8,
        cloud=Cloud.UNLINKED_SUBSCRIBER,
        servers={EMEA: _WORK},
        known_to_github=False,
        counts=_VISUAL_STUDIO,
    ),
    Group(size=10, cloud=Cloud.UNLINKED_SUBSCRIBER, counts=()),
)

# Accounts that are no people: login, server, primary e-mail. Each consumes a license.
MACHINE_USERS = (
    ("build-emea", EMEA, "build-emea@ghes-emea.octo.example"),
    ("deploy-emea", EMEA, "deploy-emea@ghes-emea.octo.example"),
    ("renovate-emea", EMEA, ""),
    ("mirror-emea", EMEA, ""),
    ("jenkins-apac", APAC, ""),
    ("sonar-apac", APAC, "sonar@ghes-apac.octo.example"),
)
SCIM_ADMIN = "scim-admin"  # GHES makes it for SCIM, on every server that has it set up; it consumes nothing

ENTERPRISE_LICENSES = 1_850
VISUAL_STUDIO_LICENSES = 150
OVER_THE_LIMIT = 12
