"""`manage.py demo`: the example enterprise of `up --demo`, and somebody who can sign in to it."""

import os
import secrets
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from licensesync.demo import NAME, SEED, SLUG, DemoFiles, write_demo_files
from licensesync.demo.accounts import ExampleEnterprise
from licensesync.demo.groups import APAC, EMEA, ENTERPRISE_LICENSES, VISUAL_STUDIO_LICENSES, Domain
from licensesync.demo.history import write_earlier_lists
from licensesync.enterprises import connections
from licensesync.enterprises.domains import add_domains
from licensesync.enterprises.models import Connection, Deployment, Enterprise, LicenseModel
from licensesync.enterprises.services import create_enterprise, update_enterprise
from licensesync.flows import delete_enterprise
from licensesync.flows.import_files import import_files
from licensesync.licenses.models import ConsumedLicense, Count, LicenseChange
from licensesync.simulated_github import Addresses, SimulatedServer
from licensesync.simulated_github.worlds import derived_token
from licensesync.syncing.models import LicenseSyncJob, UsageFile
from licensesync.users.models import User
from licensesync.users.queries import by_email
from licensesync.users.services import create_user

OWNER = "dana.whitfield@octo.example"


class Command(BaseCommand):
    help = "Ensure the example enterprise and its owner. Run again, it changes nothing."
    stealth_options = ("github", "before_each")  # for `up --demo`, not for the command line

    def handle(
        self, *_: Any, github: Addresses | None = None, before_each: Callable[[], None] = lambda: None, **__: Any
    ) -> None:
        """`github`: where `up --demo` plays the GitHub that the example is connected to. `before_each` list that is
        taken in, and may stop it."""
        password = demo_password()
        known, there = by_email(OWNER), Enterprise.objects.filter(slug=SLUG).first()
        owner = known or create_user(email=OWNER, password=password, is_operator=not User.objects.exists())
        enterprise = there or create_enterprise(
            owner=owner,
            slug=SLUG,
            name=NAME,
            license_model=LicenseModel.VOLUME,
            enterprise_licenses=ENTERPRISE_LICENSES,
            visual_studio_licenses=VISUAL_STUDIO_LICENSES,
        )
        is_new = not enterprise.generation
        if is_new:
            try:
                make_up(enterprise, before_each)
            except BaseException:  # half of it would stay so
                if there is None:
                    delete_enterprise.request_deletion(enterprise)
                    delete_enterprise.delete(enterprise.pk)
                if known is None:
                    owner.delete()
                raise
        if github:
            connect_example(enterprise, github, is_new=is_new)
        which = f"the password {password}" if owner.check_password(password) else "the password that it was given since"
        self.stdout.write(f"{NAME} is made up. Sign in to it as {OWNER} with {which}")


def example() -> Enterprise:
    return Enterprise.objects.get(slug=SLUG)


def make_up(enterprise: Enterprise, before_each: Callable[[], None]) -> None:
    add_domains(enterprise=enterprise, text=f"{Domain.WORK} {Domain.REGIONAL}")
    with tempfile.TemporaryDirectory(dir=settings.DATA_DIR) as directory:
        # As on the day of the enterprise, so that a simulated GitHub can be told to report the same people.
        today = enterprise.created_at
        remember(enterprise, Path(directory), today=today, before_each=before_each)
        fill(enterprise, write_demo_files(Path(directory), today=today), before_each=before_each)


def remember(enterprise: Enterprise, directory: Path, *, today: datetime, before_each: Callable[[], None]) -> None:
    """Take in the lists of earlier days, and write on everything that came of them that it came on that day."""
    for lists in write_earlier_lists(directory, ExampleEnterprise(SEED, today), today=today):
        update_enterprise(enterprise, enterprise_licenses=lists.enterprise_licenses)
        for path, host in (
            (lists.cloud_licenses, ""),
            (lists.server_export, ""),
            (lists.server_report, APAC),
        ):
            if path is not None:
                before_each()
                date_back(enterprise, take_in(enterprise, path, host), lists.at)
    update_enterprise(enterprise, enterprise_licenses=ENTERPRISE_LICENSES)


def fill(enterprise: Enterprise, files: DemoFiles, *, before_each: Callable[[], None]) -> None:
    """Take the files of today in, one after the other, the way of every upload."""
    lists = [
        (files.cloud_licenses, ""),
        (files.server_export, ""),
        (files.server_report, files.report_host),
        (files.later_report, EMEA),
    ]
    for path, host in lists:
        before_each()
        take_in(enterprise, path, host)


def take_in(enterprise: Enterprise, path: Path, host: str) -> LicenseSyncJob:
    [imported] = import_files(enterprise=enterprise, paths=[path], host=host)
    if imported.job is None or imported.job.problem_code:
        raise CommandError(f"{path.name} of the example could not be taken in.")
    return imported.job


def date_back(enterprise: Enterprise, job: LicenseSyncJob, at: datetime) -> None:
    """Only for the example: the clock of a product that has been there for a year can't be waited for."""
    Deployment.objects.filter(pk=job.deployment_id).update(list_date=at, last_usage_at=at)
    LicenseSyncJob.objects.filter(pk=job.pk).update(
        created_at=at, started_at=at, finished_at=at + ((job.finished_at or at) - (job.started_at or at))
    )
    UsageFile.objects.filter(job=job).update(created_at=at)
    generation = Count.objects.filter(enterprise=enterprise).latest("generation").generation
    Count.objects.filter(enterprise=enterprise, generation=generation).update(finished_at=at)
    LicenseChange.objects.filter(enterprise=enterprise, generation=generation).update(at=at)
    ConsumedLicense.objects.filter(enterprise=enterprise, since_generation=generation).update(since=at)


def connect_example(enterprise: Enterprise, github: Addresses, *, is_new: bool) -> None:
    """Connect the example to the GitHub that is played now. What somebody has disconnected since stays so."""
    for host, url in github.servers.items():  # all before one, since its port may have been another's the last time
        Connection.objects.filter(deployment__enterprise=enterprise, deployment__host=host).update(url=url)
    for deployment in Deployment.objects.filter(enterprise=enterprise):
        if not (is_new or Connection.objects.filter(deployment=deployment).exists()):
            continue
        if not deployment.is_server:
            connections.connect(
                deployment,
                url=github.cloud,
                cloud_slug=SLUG,
                token=derived_token(SLUG),
                connected_by=None,
                is_same=True,  # played at another address each time
            )
        elif deployment.host in github.servers:
            connections.connect(
                deployment,
                url=github.servers[deployment.host],
                login=SimulatedServer.login,
                token=derived_token(deployment.host),
                connected_by=None,
                is_same=True,
            )


def demo_password() -> str:
    """The password of the example's owner, made once and kept beside the database: no two installations share it."""
    file = settings.DATA_DIR / "demo-password"
    if not file.exists():
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as new:
            new.write(secrets.token_urlsafe(12))
    return str(file.read_text().strip())
