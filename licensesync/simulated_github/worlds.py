"""Who there is at the simulated GitHub: the example enterprise, or whoever is in files."""

import csv
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils.crypto import salted_hmac

from licensesync.demo import SEED, SLUG
from licensesync.demo.accounts import ExampleEnterprise
from licensesync.demo.files import REPORT_HEADING, SERVER_IDS, licensed_user, reported_user
from licensesync.demo.groups import ENTERPRISE_LICENSES, VISUAL_STUDIO_LICENSES
from licensesync.simulated_github.enterprise_cloud import SimulatedCloud
from licensesync.simulated_github.enterprise_server import ReportedUser, SimulatedServer
from licensesync.simulated_github.linked_identities import Identity, identity
from licensesync.simulated_github.listening import SimulatedGitHub

PURCHASED = ENTERPRISE_LICENSES + VISUAL_STUDIO_LICENSES


def derived_token(name: str) -> str:
    """The token of a deployment (a server's host, the cloud's slug), the same one for the same secret key."""
    return f"ghp_{salted_hmac('licensesync.simulated_github', name, algorithm='sha256').hexdigest()[:36]}"


def example(today: datetime) -> SimulatedGitHub:
    """The people of `licensesync.demo`, as they were on that day."""
    enterprise = ExampleEnterprise(SEED, today)
    servers = [
        SimulatedServer(
            host=host,
            accounts=[ReportedUser(*map(str, reported_user(account))) for account in accounts],
            server_id=SERVER_IDS[host],
            token=derived_token(host),
            seats=PURCHASED,
        )
        for host, accounts in enterprise.servers.items()
    ]
    cloud = SimulatedCloud(
        slug=SLUG,
        licenses=[licensed_user(row) for row in enterprise.cloud],
        identities=[
            identity(row.login, row.saml_name_id, *row.verified_emails) for row in enterprise.cloud if row.saml_name_id
        ],
        purchased=PURCHASED,
        token=derived_token(SLUG),
        sync_status=[sync_status(server, today) for server in servers],
    )
    return SimulatedGitHub(servers, cloud)


def from_directory(directory: Path, *, slug: str) -> SimulatedGitHub:
    """`HOST.csv` is the all_users report of a server; `consumed-licenses.json` a page of the cloud's list, or an array
    of its pages; `identities.json` the same of the linked identities of its accounts, if it has any. ValueError says
    what is wrong with a file."""
    servers = []
    for path in sorted(directory.glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            heading, *lines = list(csv.reader(file)) or [[]]
        if ",".join(heading) != REPORT_HEADING.strip() or any(len(line) != len(heading) for line in lines):
            raise ValueError(f"{path} doesn't have the columns of all_users.csv: {REPORT_HEADING.strip()}")
        users = [ReportedUser(*line) for line in lines]
        servers.append(SimulatedServer(host=path.stem, accounts=users, token=derived_token(path.stem)))
    cloud = None
    if (file_ := directory / "consumed-licenses.json").exists():
        content = json.loads(file_.read_bytes())
        pages: list[dict[str, Any]] = content if isinstance(content, list) else [content]
        try:
            cloud = SimulatedCloud(
                slug=slug,
                licenses=[user for page in pages for user in page["users"]],
                purchased=pages[0]["total_seats_purchased"],
                consumed=pages[0]["total_seats_consumed"],
                identities=_identities_in(directory / "identities.json"),
                token=derived_token(slug),
            )
        except (LookupError, TypeError) as error:
            raise ValueError(f"{file_} is no list of consumed licenses: {error!r}") from error
    if not servers and not cloud:
        raise ValueError(f"{directory} has neither a HOST.csv nor a consumed-licenses.json.")
    return SimulatedGitHub(servers, cloud)


def _identities_in(file: Path) -> list[Identity] | None:
    if not file.exists():
        return None
    content = json.loads(file.read_bytes())
    pages: list[dict[str, Any]] = content if isinstance(content, list) else [content]
    try:
        providers = [page["data"]["enterprise"]["ownerInfo"]["samlIdentityProvider"] for page in pages]
        return [node for provider in providers for node in provider["externalIdentities"]["nodes"]]
    except (LookupError, TypeError) as error:
        raise ValueError(f"{file} is no list of linked identities: {error!r}") from error


def sync_status(server: SimulatedServer, at: datetime) -> dict[str, Any]:
    last_sync = {"date": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "status": "success", "error": ""}
    return {"server_id": server.server_id, "hostname": server.host, "last_sync": last_sync}
