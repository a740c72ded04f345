"""`manage.py bootstrap`: what it makes, what it leaves alone, what it refuses."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from licensesync.enterprises.models import ApiToken, Enterprise, LicenseModel, Membership, Role
from licensesync.enterprises.services import add_member, create_enterprise
from licensesync.users.models import User
from licensesync.users.queries import by_password_link
from licensesync.users.services import create_user, sha256
from tests.product import MANAGE, product_environment

pytestmark = pytest.mark.django_db

OWNER = "owner@example.com"
PASSWORD = "correct horse battery staple"


def bootstrap(*words: str, enterprise: str = "acme", owner: str = OWNER) -> dict[str, Any]:
    out = io.StringIO()
    call_command("bootstrap", "--enterprise", enterprise, "--owner", owner, *words, stdout=out)
    (line,) = out.getvalue().splitlines()
    result: dict[str, Any] = json.loads(line)
    return result


def test_makes_an_enterprise_with_its_owner() -> None:
    result = bootstrap("--name", "Acme", "--seats", "1500", "--visual-studio-seats", "20")
    link = result.pop("password_link")
    assert result == {
        "enterprise": "acme",
        "name": "Acme",
        "license_model": "volume",
        "seats": 1500,
        "visual_studio_seats": 20,
        "owner": OWNER,
        "token": None,
    }
    assert by_password_link(*link.strip("/").split("/")[-2:]) == User.objects.get(email=OWNER)
    assert Membership.objects.get().role == Role.OWNER


def test_the_first_user_is_the_operator_and_nobody_after() -> None:
    bootstrap()
    bootstrap(owner="other@example.com")
    bootstrap()
    assert list(User.objects.order_by("pk").values_list("email", "is_superuser")) == [
        (OWNER, True),
        ("other@example.com", False),
    ]


def test_run_again_it_changes_nothing() -> None:
    first = bootstrap("--name", "Acme", "--seats", "1500")
    again = bootstrap("--name", "Acme", "--seats", "1500", owner="Owner@Example.com")
    assert first | {"password_link": ""} == again | {"password_link": ""}
    assert (Enterprise.objects.count(), User.objects.count(), Membership.objects.count()) == (1, 1, 1)


def test_what_is_not_said_stays() -> None:
    bootstrap("--name", "Acme", "--seats", "1500", "--visual-studio-seats", "20")
    result = bootstrap("--seats", "1600")
    assert (result["name"], result["seats"], result["visual_studio_seats"]) == ("Acme", 1600, 20)


def test_metered_and_back() -> None:
    assert bootstrap("--metered")["license_model"] == LicenseModel.METERED
    assert bootstrap()["license_model"] == LicenseModel.METERED
    assert bootstrap("--seats", "5")["license_model"] == LicenseModel.VOLUME


def test_sets_the_password_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    assert bootstrap("--password-stdin")["password_link"] is None
    owner = User.objects.get()
    assert owner.check_password(PASSWORD)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    bootstrap("--password-stdin")
    assert User.objects.get().password == owner.password  # nobody is signed out


@pytest.mark.parametrize("typed", ["short\n", "\n", "", f"{OWNER}\n"])
def test_a_weak_password_is_refused_and_nothing_made(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    with pytest.raises(CommandError, match="password"):
        bootstrap("--password-stdin")
    assert not User.objects.exists()


def test_each_token_is_a_new_one() -> None:
    tokens = [bootstrap("--token")["token"], bootstrap("--token")["token"]]
    assert tokens[0] != tokens[1]
    assert {row.token_hash for row in ApiToken.objects.all()} == {sha256(token) for token in tokens}
    assert {row.name for row in ApiToken.objects.all()} == {"bootstrap"}


def test_a_token_may_do_what_is_said() -> None:
    bootstrap("--token")
    assert ApiToken.objects.latest("pk").scopes == ["read:enterprise", "write:usage"]
    bootstrap("--token", "--scope", "admin:enterprise", "--scope", "read:enterprise")
    assert ApiToken.objects.latest("pk").scopes == ["admin:enterprise", "read:enterprise"]


def test_an_owner_may_be_somebody_who_is_there_already() -> None:
    person = create_user(email=OWNER, password=PASSWORD)
    other = create_user(email="other@example.com")
    enterprise = create_enterprise(owner=other, slug="acme", name="Acme", license_model=LicenseModel.VOLUME)
    add_member(enterprise=enterprise, user=person, role=Role.BILLING_MANAGER)
    assert bootstrap()["password_link"] is None
    assert set(Membership.objects.values_list("user__email", "role")) == {
        (OWNER, Role.OWNER),
        ("other@example.com", Role.OWNER),
    }


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--enterprise", "Acme Inc"], "--enterprise: Use small letters"),
        (["--enterprise", "new"], "--enterprise: This word is taken by LicenseSync itself"),
        (["--owner", "owner"], "--owner: Enter a valid email address"),
        (["--seats", "-1"], "Seats can't be negative"),
        (["--metered", "--seats", "5"], "leave out the seats"),
        (["--scope", "admin:enterprise"], "add --token"),
        (["--name", " "], "--name needs 1 to 200 characters"),
    ],
)
def test_wrong_words_are_refused_with_a_sentence(words: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        bootstrap(*words)
    assert not User.objects.exists()
    assert not Enterprise.objects.exists()


def manage(
    data_dir: Path, *words: str, stdout: int = subprocess.PIPE, unbuffered: bool = True
) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, *(["-u"] if unbuffered else []), str(MANAGE), *words]
    environment = product_environment(data_dir)
    return subprocess.run(
        command, env=environment, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False, timeout=120
    )


def test_commands_on_a_fresh_machine(tmp_path: Path) -> None:
    """Before anything else: whoever only reads is told what to do first, and `bootstrap` does all that is needed."""
    for words in (("consumed_licenses", "acme"), ("import_usage", "acme", str(MANAGE))):
        refused = manage(tmp_path, *words)
        assert refused.returncode == 1
        assert refused.stderr.strip().endswith("There is no enterprise acme. Create it with manage.py bootstrap.")
        assert "Traceback" not in refused.stderr
    made = manage(tmp_path, "bootstrap", "--enterprise", "acme", "--owner", OWNER)
    assert json.loads(made.stdout)["enterprise"] == "acme"
    assert json.loads(manage(tmp_path, "consumed_licenses", "acme").stdout)["total_seats_consumed"] == 0


@pytest.fixture(scope="module")
def acme(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with an enterprise; only to be read."""
    data_dir = Path(shutil.copytree(migrated, tmp_path_factory.mktemp("acme") / "data"))
    assert manage(data_dir, "bootstrap", "--enterprise", "acme", "--owner", OWNER).returncode == 0
    return data_dir


@pytest.mark.parametrize("words", [("consumed_licenses", "acme"), ("doctor",), ("help",)])
@pytest.mark.parametrize("unbuffered", [True, False])
def test_whoever_has_read_enough_may_go(acme: Path, words: tuple[str, ...], unbuffered: bool) -> None:
    """As `head` does."""
    reader, writer = os.pipe()
    os.close(reader)
    listed = manage(acme, *words, stdout=writer, unbuffered=unbuffered)
    os.close(writer)
    assert (listed.returncode, listed.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has it")
@pytest.mark.parametrize("form", ["json", "csv"])
def test_a_list_that_finds_no_room_is_said_so(acme: Path, form: str) -> None:
    with open("/dev/full", "w") as full:
        listed = manage(acme, "consumed_licenses", "acme", "--format", form, stdout=full.fileno(), unbuffered=False)
    assert listed.returncode == 1
    assert listed.stderr == "CommandError: The list could not be written to its end: No space left on device.\n"
