"""Whom the simulated GitHub has in tests: a handful, or as many as you like."""

from licensesync.simulated_github import Addresses, SimulatedCloud, SimulatedGitHub, SimulatedServer
from licensesync.simulated_github.enterprise_cloud import member
from licensesync.simulated_github.enterprise_server import ReportedUser

Played = tuple[SimulatedGitHub, Addresses]  # what there is, and where it answers


def small() -> SimulatedGitHub:
    """Six accounts on one server and three licenses in the cloud, one of each kind that makes a difference."""
    server = SimulatedServer(
        host="ghe.octo.example",
        server_id="f1d0c0de-0000-4000-8000-00000000abcd",
        accounts=[
            account(2, "octo-admin", "root@octo.example", role="admin"),
            account(4, "monalisa", "mona@octo.example"),
            account(5, "hubot", "hubot@octo.example", suspended=True),
            account(6, "sleepy", "sleepy@octo.example", dormant=True),
            account(7, "no-mail", ""),
            account(9, "only-here", "only.here@octo.example"),
        ],
        seats=100,
    )
    mona = member("mona-lisa", "mona@octo.example")
    mona |= {"enterprise_server_user": True, "total_user_accounts": 2}
    mona |= {"enterprise_server_user_ids": [f"{server.host}:4"]}
    mona |= {"enterprise_server_primary_emails": ["mona@octo.example"]}
    licenses = [member("defunkt", "defunkt@octo.example"), mona, member("pj", "pj@octo.example")]
    return SimulatedGitHub([server], SimulatedCloud(slug="octo-industries", licenses=licenses, purchased=100))


def generated(*, servers: int = 1, accounts: int = 10, licenses: int = 100) -> SimulatedGitHub:
    """As large as asked for. Every person of the servers is also in the cloud, as far as it goes."""
    hosts = [f"ghe-{number}.octo.example" for number in range(1, servers + 1)]
    return SimulatedGitHub(
        [
            SimulatedServer(
                host=host,
                server_id=f"00000000-0000-4000-8000-{number:012}",
                accounts=[
                    account(user_id, f"user-{user_id}", f"user-{user_id}@octo.example")
                    for user_id in range(1, accounts + 1)
                ],
            )
            for number, host in enumerate(hosts, start=1)
        ],
        SimulatedCloud(
            slug="octo-industries",
            licenses=[member(f"octo-{number}", f"user-{number}@octo.example") for number in range(1, licenses + 1)],
            purchased=licenses,
        ),
    )


def account(
    user_id: int, login: str, email: str, *, role: str = "user", suspended: bool = False, dormant: bool = False
) -> ReportedUser:
    return ReportedUser(
        created_at="2024-02-01T09:00:00Z",
        id=str(user_id),
        login=login,
        email=email,
        role=role,
        suspended=str(suspended).lower(),
        last_logged_ip="192.0.2.1",
        repos="3",
        ssh_keys="1",
        org_memberships="2",
        dormant=str(dormant).lower(),
        last_active="2024-03-01T09:00:00Z" if dormant else "2026-11-01T09:00:00Z",
        raw_login=login,
        two_factor="true",
    )
