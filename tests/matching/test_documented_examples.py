"""The examples of `docs/matching.md`, row by row."""

from licensesync.matching.records import Rule
from tests.matching.universe import Account, Cloud, Email, Place, Server, Universe, engine_places

ANA, BOB, ROB, ZOE = (Email(who, f"{name}@octo.example") for who, name in enumerate(("ana", "bob", "rob", "zoe")))

ana, bob = Account(True, 1), Account(True, 2)
ana_emea, bob_emea, rob_apac, robert_legacy, zoe_emea, zoe_apac, build_emea = (Account(False, n) for n in range(1, 8))

UNIVERSE = Universe(
    (
        Cloud(1, "ana", saml=(ANA,)),
        Cloud(2, "bob", verified=(BOB, ANA), names=frozenset({3})),
    ),
    (
        Server(1, "ana", Email(ANA.who, "Ana@Octo.example")),
        Server(2, "bob", BOB),
        Server(3, "rob", ROB),
        Server(4, "robert", ROB),
        Server(5, "zoe", ZOE),
        Server(6, "zoe2", ZOE),
        Server(7, "build"),
        Server(8, "bob", BOB, suspended=True),
    ),
)


def test_the_documented_examples() -> None:
    of_ana = frozenset({ana, ana_emea})
    of_bob = frozenset({bob, bob_emea, rob_apac, robert_legacy})
    of_zoe = frozenset({zoe_emea, zoe_apac})
    assert engine_places(UNIVERSE) == {
        ana: Place(of_ana, Rule.CLOUD_ACCOUNT, ambiguous=False),
        ana_emea: Place(of_ana, Rule.SAML_OR_SCIM, ambiguous=True),
        bob: Place(of_bob, Rule.CLOUD_ACCOUNT, ambiguous=False),
        bob_emea: Place(of_bob, Rule.VERIFIED_EMAIL, ambiguous=False),
        rob_apac: Place(of_bob, Rule.LINKED_BY_GITHUB, ambiguous=False),
        robert_legacy: Place(of_bob, Rule.SAME_PRIMARY_EMAIL, ambiguous=False),
        zoe_emea: Place(of_zoe, Rule.SAME_PRIMARY_EMAIL, ambiguous=False),
        zoe_apac: Place(of_zoe, Rule.SAME_PRIMARY_EMAIL, ambiguous=False),
        build_emea: Place(frozenset({build_emea}), Rule.NO_EMAIL, ambiguous=False),
    }
