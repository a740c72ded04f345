"""Searches beside going through everybody, word by word."""

import random
from collections.abc import Iterator

import pytest

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.licenses.facets import plain
from licensesync.licenses.models import ConsumedLicense
from licensesync.licenses.queries import licenses
from licensesync.licenses.searching import PREFIX
from tests.flows.lists import account, import_one, server_export
from tests.licenses.test_finding import asked

pytestmark = pytest.mark.django_db(transaction=True)

HOSTS = ("ghes-emea.octo.example", "ghes-apac.corp.example", "berlin.dev", "octo-x.example")
PARTS = (
    "ana", "octo", "emea", "apac", "ghes", "berlin", "a", "bo", "Zoë", "ø", "x:y", "5", "42", "100%", "u_1", "\\", "'",
    "“", "王小", "ß", "corp", "dev:7",
)  # fmt: skip
TYPED = (*PARTS, "exam", "example", "ghes-emea.octo.example:3", "emea:4", "gh", "be", "oct", "hes", "nobody")


def words_of(text: str, hosts: list[str]) -> Iterator[str]:
    for word in plain(text).split():
        host, _, user_id = word.rpartition(":")
        yield from (host, user_id) if host and user_id.isdigit() and any(host in each for each in hosts) else (word,)


def has(person: ConsumedLicense, word: str, hosts: list[str]) -> bool:
    if len(word) >= PREFIX:
        return word in person.search or any(word in host for host in hosts)
    return any(each.startswith(word) for each in (*person.search.split(), *hosts))


@pytest.mark.parametrize(
    "q",
    [
        "@aabe", "https://github.com/aabe", "https://ghes.example/aabe/", "Aoi Abe <aoi.abe@octo.example>",
        "<aoi.abe@octo.example>", "mailto:aoi.abe@octo.example", "aoi,abe", "Abe; Aoi", '"aoi abe"', "(aabe)",
        "O'Sullivan aoi", "o’sullivan aoi", "osullivan aoi",
        "ghes.example: 673", "ghes.example:673", "aabe ghes.example:",
    ],
)  # fmt: skip
def test_what_people_paste(enterprise: Enterprise, q: str) -> None:
    people = [
        account(673, "aoi.abe@octo.example", login="aabe", name="Aoi O’Sullivan Abe"),
        account(1, "mona@octo.example", login="mona", name="O'Sullivan"),
    ]
    import_one(enterprise, server_export(people))
    assert [each.login for each in asked(enterprise, q=q).page(25).rows] == ["aabe"]


def test_a_word_of_signs_is_one(enterprise: Enterprise) -> None:
    import_one(enterprise, server_export([account(1, "mona@octo.example", name='"Mona" (Octo)')]))
    for q, number in (('"', 1), ("(", 1), ("<", 0), (",", 1), ("@octo.example", 1), ("@octo.exam", 1), ("@mona", 1)):
        assert asked(enterprise, q=q).count() == (number, True), q


@pytest.mark.parametrize("seed", [1, 2])
def test_every_word_is_in_the_text_or_the_name_of_a_host(enterprise: Enterprise, seed: int) -> None:
    chance = random.Random(seed)
    for host in HOSTS:
        users = [
            account(
                number,
                f"{chance.randrange(60)}@{chance.choice(['octo', 'corp', 'berlin'])}.example" if number % 5 else "",
                login=f"{chance.choice(['ana', 'emea', 'octo'])}-{number}",
                name=" ".join(chance.sample(PARTS, chance.randrange(3))),
            )
            for number in range(1, 21)
        ]
        import_one(enterprise, server_export(users, host=host))
    hosts = dict(Deployment.objects.values_list("pk", "host"))
    people = {each: [hosts[entry["deployment"]] for entry in each.accounts] for each in licenses(enterprise)}

    found = set()
    for _ in range(100):
        q = " ".join(chance.choice(TYPED) for _ in range(chance.randrange(1, 5)))
        words = list(words_of(q, list(hosts.values())))
        expected = {each.number for each, theirs in people.items() if all(has(each, word, theirs) for word in words)}
        assert {each.number for each in asked(enterprise, q=q).page(100).rows} == expected, q
        assert set(asked(enterprise, q=q).numbers().tolist()) == expected, q
        assert asked(enterprise, q=q).count() == (len(expected), True), q
        found |= expected
    assert len(found) > len(people) / 2  # or nothing was asked
