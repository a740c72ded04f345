"""Whatever lists come in whatever order, everybody has the linked identities that they should, and is counted as they
would be if all of it came at once."""

import random
from dataclasses import dataclass, field

import pytest

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.matching.addresses import address_key
from licensesync.syncing.models import JobState
from licensesync.usage.models import OPEN, CloudAddress, CloudUser
from tests.flows.lists import cloud_list, cloud_user, identities, import_bytes, new_enterprise, people, report

pytestmark = pytest.mark.django_db(transaction=True)

MAILS = [f"m{number}@corp.example" for number in range(40)]
KIND = CloudAddress.Kind


@dataclass
class World:
    """What is true: primary e-mails on a server, (NameID, verified e-mails) by cloud login, identities by login."""

    random: random.Random
    server: dict[int, str] = field(default_factory=dict)
    cloud: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    linked: dict[str, set[str]] = field(default_factory=dict)
    logins: int = 0

    def newcomer(self) -> str:
        self.logins += 1
        login = f"{self.random.choice('abcXY')}-{self.logins}"
        name_id = self.random.choice(["", f"E{self.logins}", self.random.choice(MAILS)])
        self.cloud[login] = name_id, self.random.sample(MAILS, self.random.choice([0, 0, 1]))
        return login

    def link_anew(self, count: int) -> None:
        logins = self.random.sample(sorted(self.cloud), count)
        self.linked = {login: set(self.random.sample(MAILS, self.random.choice([1, 2]))) for login in logins}

    def come_and_go(self) -> None:
        for login in self.random.sample(sorted(self.cloud), 2):
            del self.cloud[login]
            self.linked.pop(login, None)
        for _ in range(3):
            self.newcomer()

    def rename(self) -> None:
        """Whose NameID nobody else has is known again."""
        name_ids = [name_id for name_id, _verified in self.cloud.values()]
        alone = [login for login, (name_id, _) in self.cloud.items() if name_id and name_ids.count(name_id) == 1]
        for login in self.random.sample(alone, 2):
            known = self.cloud.pop(login)
            new = self.newcomer()
            self.cloud[new] = known
            if login in self.linked:
                self.linked[new] = self.linked.pop(login)

    def move_on_server(self) -> None:
        for user_id in (*self.random.sample(sorted(self.server), 3), max(self.server) + 1):
            self.server[user_id] = self.random.choice(MAILS)

    def server_list(self) -> bytes:
        return report(sorted(self.server.items()))

    def cloud_list(self) -> bytes:
        rows = [cloud_user(login, *said, github_com_saml_name_id=name) for login, (name, said) in self.cloud.items()]
        return cloud_list(rows)

    def identity_list(self) -> bytes:
        return identities(*[(login.swapcase(), ",".join(sorted(said))) for login, said in self.linked.items()])


def take(enterprise: Enterprise, *contents: bytes, server: Deployment | None = None) -> None:
    for imported in import_bytes(enterprise, *contents, server=server, accept_shrink=True):
        assert imported.job, imported.file.problem_code
        assert imported.job.state == JobState.SUCCESS, imported.job.problem_code


def with_server(world: World) -> tuple[Enterprise, Deployment]:
    enterprise = new_enterprise()
    server = Deployment.objects.create(enterprise=enterprise, kind="server", host="ghes.example")
    take(enterprise, world.server_list(), server=server)
    return enterprise, server


def check_addresses(enterprise: Enterprise, world: World) -> None:
    users = {each.login: each for each in CloudUser.objects.filter(deployment__enterprise=enterprise, valid_to=OPEN)}
    assert users.keys() == world.cloud.keys()
    for login, (name_id, verified) in world.cloud.items():
        linked = world.linked.get(login, set())
        assert set(users[login].identity_addresses.split()) == linked
        expected = [(KIND.IDENTITY, said) for said in linked] + [(KIND.VERIFIED_EMAIL, said) for said in verified]
        expected += [(KIND.SAML_OR_SCIM, address_key(name_id))] if name_id else []
        stored = CloudAddress.objects.filter(cloud_user=users[login], valid_to=OPEN)
        assert sorted(stored.values_list("kind", "address")) == sorted(expected)


@pytest.mark.parametrize("seed", range(3))
def test_lists_in_any_order(seed: int) -> None:
    world = World(random.Random(seed))
    world.server = {number: world.random.choice(MAILS) for number in range(1, 40)}
    for _ in range(30):
        world.newcomer()
    enterprise, server = with_server(world)
    take(enterprise, world.cloud_list())
    for _step in range(12):
        match world.random.choice(["server", "cloud", "renamed", "identities", "both"]):
            case "server":
                world.move_on_server()
                take(enterprise, world.server_list(), server=server)
            case "cloud":
                world.come_and_go()
                take(enterprise, world.cloud_list())
            case "renamed":
                world.rename()
                take(enterprise, world.cloud_list())
            case "identities":
                world.link_anew(world.random.choice([0, 10, 20]))
                take(enterprise, world.identity_list())
            case "both":
                world.come_and_go()
                world.link_anew(15)
                take(enterprise, *world.random.sample([world.cloud_list(), world.identity_list()], 2))
        check_addresses(enterprise, world)
        at_once, _server = with_server(world)
        take(at_once, world.cloud_list(), world.identity_list())
        assert people(at_once) == people(enterprise)
