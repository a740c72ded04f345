"""GitHub's clients as everybody has them, against the running product: another base URL, and nothing else."""

import csv
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from github import Auth, Github, UnknownObjectException

import licensesync
from licensesync.demo import write_demo_files
from licensesync.web.words import number
from tests.people import PASSWORD
from tests.product import Product

ROOT = Path(licensesync.__file__).parent.parent
OCTOKIT = Path(__file__).parent / "octokit"
SEATS = 2400
KNOWN_BY = (
    "github_com_login",
    "enterprise_server_user_ids",
    "github_com_verified_domain_emails",
    "visual_studio_subscription_email",
)
OWNER = "dana.whitfield@octo.example"
SECONDS = 300  # for what starts another program on a busy machine


@dataclass
class Enterprise:
    """One of the running product, with the example's people, and a token that reads it."""

    product: Product
    slug: str
    token: str
    folder: Path  # of the files that were delivered, and the CSV that was read
    consumed: int  # what must come out

    @property
    def base(self) -> str:
        return f"{self.product.url}/api/v3"


def documented_script() -> str:
    """As docs/api.md has it."""
    [script] = re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE | re.DOTALL)
    return str(script)


@pytest.fixture(scope="module")
def example(running_product: Product, tmp_path_factory: pytest.TempPathFactory) -> Enterprise:
    """Made by the script of docs/api.md; then its owner gets a password."""
    folder = tmp_path_factory.mktemp("lists")
    files = write_demo_files(folder, today=datetime.now(UTC))
    files.server_export.rename(folder / "license-usage.json")
    (folder / "licenses.sh").write_text(documented_script())
    done = run(
        ["sh", str(folder / "licenses.sh"), str(folder), files.report_host],
        cwd=ROOT,
        environment=running_product.environment | {"LICENSESYNC_URL": running_product.url},
    )
    assert done.returncode == 0, done.stderr
    words = ["--enterprise", "acme", "--owner", OWNER, "--password-stdin", "--token"]
    made = running_product.manage("bootstrap", *words, stdin=f"{PASSWORD}\n")
    assert made.returncode == 0, made.stderr
    return Enterprise(running_product, "acme", json.loads(made.stdout)["token"], folder, files.expected.consumed)


def names(users: list[dict[str, Any]]) -> list[str]:
    """Something to know each person by: who is invited by e-mail has no login."""
    found = []
    for user in users:
        value = next(user[name] for name in KNOWN_BY if user[name])
        found.append(", ".join(value) if isinstance(value, list) else value)
    return found


def rows_of_csv(text: str) -> list[str]:
    """The same names out of the CSV report."""
    columns = [name.capitalize().replace("_", " ").replace("Github", "GitHub") for name in KNOWN_BY]
    return [next(row[column] for column in columns if row[column]) for row in csv.DictReader(io.StringIO(text))]


@pytest.fixture(scope="module")
def report(example: Enterprise) -> list[str]:
    """Everybody, by the report of the command line: what all clients must find."""
    printed = example.product.manage("consumed_licenses", example.slug, "--format", "csv")
    found = rows_of_csv(printed.stdout)
    assert len(found) == len(set(found)) == example.consumed
    return found


def test_the_documented_script_ends_with_everybody(example: Enterprise, report: list[str]) -> None:
    assert rows_of_csv((example.folder / "licenses.csv").read_text()) == report


def test_pygithub_lists_everybody(example: Enterprise, report: list[str]) -> None:
    github = Github(base_url=example.base, auth=Auth.Token(example.token), per_page=100, seconds_between_requests=0)
    consumed = github.get_enterprise(example.slug).get_consumed_licenses()
    assert consumed.total_seats_consumed == len(report)
    assert consumed.total_seats_purchased == SEATS
    users = list(consumed.get_users())
    assert names([{name: getattr(user, name) for name in KNOWN_BY} for user in users]) == report
    assert github.rate_limiting[1] == 5000
    with pytest.raises(UnknownObjectException, match="Not Found"):
        github.get_enterprise("nowhere").get_consumed_licenses()


def test_octokit_lists_everybody(example: Enterprise, report: list[str], tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("There is no npm here: install nodejs and npm to run Octokit.")
    folder = shutil.copytree(OCTOKIT, tmp_path / "octokit")
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    installed = run(["npm", "ci", *quiet], cwd=folder)
    assert installed.returncode == 0, installed.stderr
    done = run(
        ["node", "list.mjs", example.base, example.slug],
        cwd=folder,
        environment={**os.environ, "LICENSESYNC_TOKEN": example.token},
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert names(said.pop("users")) == report
    assert said == {
        "total": len(report),
        "purchased": SEATS,
        "first": 30,
        "unchanged": 304,
        "licenses": len(report),
        "missing": [404, f"Not Found - {example.product.url}/api/docs"],
    }


def test_curl_follows_the_links(example: Enterprise, report: list[str]) -> None:
    found: list[str] = []
    address, status = f"{example.base}/enterprises/{example.slug}/consumed-licenses?per_page=100", ""
    while address:
        done = run(["curl", "--silent", "--include", "--header", f"Authorization: token {example.token}", address])
        head, _, body = done.stdout.partition("\n\n")
        status = head.partition("\n")[0]
        assert "200" in status, done.stdout
        found += names(json.loads(body)["users"])
        following = re.search(r'^link:.*<([^>]*)>; rel="next"', head, re.IGNORECASE | re.MULTILINE)
        address = following[1] if following else ""
    assert found == report


def test_page_api_and_csv_say_the_same(example: Enterprise, report: list[str]) -> None:
    headers = {"Authorization": f"Bearer {example.token}"}
    with httpx.Client(base_url=example.base, headers=headers, timeout=60) as script:
        told = script.get(f"/enterprises/{example.slug}/consumed-licenses").json()
        settings = script.get(f"/enterprises/{example.slug}").json()
        listed = script.get(f"/enterprises/{example.slug}/licenses").json()
        text = script.get(f"/enterprises/{example.slug}/consumed-licenses.csv").text
    assert rows_of_csv(text) == report
    total = told["total_seats_consumed"]
    assert total == settings["seats"]["total"]["consumed"] == listed["total_count"] == len(report)
    assert told["total_seats_purchased"] == settings["seats"]["total"]["purchased"]
    for browser in signed_in(example):
        page = browser.get(f"/enterprises/{example.slug}/settings/license").text
        assert re.search(rf'id="count-licenses"[^>]*>{number(total)}<', page), page
        download = browser.get(f"/enterprises/{example.slug}/settings/license/consumed/report.csv")
        assert download.text == text


def test_a_file_whose_length_nobody_announces(example: Enterprise) -> None:
    """Transfer-Encoding: chunked, as `curl -T -` and pipes send it."""
    content = (example.folder / "license-usage.json").read_bytes()
    pieces = (content[start : start + 7_000] for start in range(0, len(content), 7_000))
    headers = {"Authorization": f"Bearer {example.token}"}
    with httpx.Client(base_url=example.base, headers=headers, timeout=60) as script:
        answer = script.post(f"/enterprises/{example.slug}/usage?name=piped.json", content=pieces)
        assert answer.request.headers["Transfer-Encoding"] == "chunked"
        assert answer.status_code == 202, answer.text
        assert answer.json()["sha256"] == hashlib.sha256(content).hexdigest()
        assert answer.json()["size"] == len(content)
        version = {"X-GitHub-Api-Version": "2022-11-28"}
        first = script.get(answer.headers["Location"], headers=version)
        assert first.headers["X-GitHub-Api-Version"] == "2022-11-28"


def test_json_whose_length_nobody_announces_is_refused_instead_of_overlooked(example: Enterprise) -> None:
    headers = {"Authorization": f"Bearer {example.token}", "Content-Type": "application/json"}
    with httpx.Client(base_url=example.base, headers=headers, timeout=60) as script:
        answer = script.patch(f"/enterprises/{example.slug}", content=iter([b'{"name":', b'"Piped"}']))
        assert answer.request.headers["Transfer-Encoding"] == "chunked"
        assert answer.status_code == 411
        assert answer.json()["message"].endswith("Nothing was changed.")


def signed_in(example: Enterprise) -> Iterator[httpx.Client]:
    """A browser without script."""
    with httpx.Client(base_url=example.product.url, follow_redirects=True, timeout=60) as browser:
        form = browser.get("/sign-in").text
        secret = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
        assert secret, form
        typed = {"username": OWNER, "password": PASSWORD, "csrfmiddlewaretoken": secret[1]}
        assert browser.post("/sign-in", data=typed, headers={"Referer": example.product.url}).status_code == 200
        yield browser


def run(
    command: list[str], *, cwd: Path | None = None, environment: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
    )
