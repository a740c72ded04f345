"""The example enterprise goes the way of every upload and shows what its maker expects."""

import io
import shutil

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from licensesync.config.management.commands.demo import OWNER, connect_example
from licensesync.demo import SLUG, write_demo_files
from licensesync.demo.groups import APAC, EMEA
from licensesync.enterprises import deployments
from licensesync.enterprises.models import Connection, Deployment, Enterprise, LicenseModel
from licensesync.enterprises.queries import visible_to
from licensesync.enterprises.services import create_enterprise
from licensesync.licenses.queries import current_count
from licensesync.simulated_github import Addresses, worlds
from licensesync.usage.models import OPEN, ServerUserAccount
from licensesync.users.models import User
from licensesync.users.queries import by_email

pytestmark = pytest.mark.django_db(transaction=True)


def demo() -> str:
    out = io.StringIO()
    call_command("demo", stdout=out)
    return out.getvalue()


def test_twice_is_once_and_its_owner_can_sign_in() -> None:
    first = demo()
    enterprise = Enterprise.objects.get(slug=SLUG)
    count = current_count(enterprise)
    assert count is not None
    directory = settings.DATA_DIR / "expected"
    directory.mkdir()
    expected = write_demo_files(directory, today=timezone.now()).expected
    shutil.rmtree(directory)
    for name in ("consumed", "cloud_only", "cloud_and_server", "server_only", "visual_studio"):
        assert getattr(count, name) == getattr(expected, name), name
    assert enterprise.purchased < count.consumed < enterprise.purchased + 30, "a few over the limit"

    assert demo() == first
    assert Enterprise.objects.get(slug=SLUG).generation == enterprise.generation
    password = first.rsplit(" ", 1)[1].strip()
    owner = by_email(OWNER)
    assert owner is not None
    assert owner.check_password(password)
    assert enterprise in visible_to(owner)


def test_what_was_there_before_stays_when_it_is_stopped(owner: User) -> None:
    theirs = create_enterprise(owner=owner, slug=SLUG, name="Theirs", license_model=LicenseModel.METERED)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call_command("demo", before_each=stop)
    assert Enterprise.objects.get(slug=SLUG) == theirs
    assert [user.email for user in User.objects.all()] == [owner.email]


def test_a_simulated_github_reports_the_same_people() -> None:
    demo()
    enterprise = Enterprise.objects.get(slug=SLUG)
    github = worlds.example(enterprise.created_at)
    for server in github.servers:
        reported = {(user.id, user.login, user.email, user.created_at) for user in server.accounts}
        rows = ServerUserAccount.objects.filter(deployment__host=server.host, valid_to=OPEN)
        assert reported == {
            (str(row.user_id), row.login, row.email, f"{row.created_at:%Y-%m-%dT%H:%M:%SZ}") for row in rows
        }


def test_the_example_stays_connected_wherever_github_is_played(enterprise: Enterprise) -> None:
    deployments.server_named(enterprise, EMEA)
    Deployment.objects.update(last_usage_at=timezone.now())
    for url in ("http://127.0.0.1:8101", "http://127.0.0.1:9101"):
        addresses = Addresses(cloud="http://127.0.0.1:8100", servers={EMEA: url})
        connect_example(enterprise, addresses, is_new=not Connection.objects.exists())
        assert Connection.objects.get().url == url


def test_the_example_stays_connected_where_ports_move_by_one(enterprise: Enterprise) -> None:
    for host in (EMEA, APAC):
        deployments.server_named(enterprise, host)
    for emea, apac in ((8101, 8102), (8102, 8103), (8101, 8102)):
        servers = {EMEA: f"http://127.0.0.1:{emea}", APAC: f"http://127.0.0.1:{apac}"}
        connect_example(enterprise, Addresses("http://127.0.0.1:8100", servers), is_new=not Connection.objects.exists())
        assert dict(Connection.objects.values_list("deployment__host", "url")) == servers
