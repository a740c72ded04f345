"""What is kept for how long: history for 400 days, the bytes of files for 7. What everybody sees now stays."""

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from licensesync.enterprises.models import Enterprise, Invitation, Role
from licensesync.enterprises.services import invite
from licensesync.flows import forget
from licensesync.licenses.models import ConsumedLicense, Count, LicenseChange, LicensedAccount
from licensesync.syncing.models import FileState, JobState, LicenseSyncJob, Question, UsageFile
from licensesync.usage.models import CloudAddress, CloudUser, Generational, ServerOnlyPerson, ServerUserAccount
from licensesync.users.models import User
from tests.flows.lists import account, cloud_list, cloud_user, import_one, new_enterprise, people, server_export

pytestmark = pytest.mark.django_db(transaction=True)

FIRST = [account(number, f"user-{number}@octo.example") for number in range(1, 6)]
SECOND = [*FIRST[:4], account(9, "new@octo.example")]


@pytest.fixture
def enterprise() -> Enterprise:
    """Two lists were taken in, a week apart; the second one changed somebody."""
    enterprise = new_enterprise()
    for users in (FIRST, SECOND):
        import_one(enterprise, server_export(users))
    return enterprise


def age(enterprise: Enterprise, *first_and_second: timedelta) -> None:
    """Let the two have been so long ago."""
    now = timezone.now()
    jobs = LicenseSyncJob.objects.filter(deployment__enterprise=enterprise).order_by("pk")
    counts = Count.objects.filter(enterprise=enterprise).order_by("generation")
    for job, count, ago in zip(jobs, counts, first_and_second, strict=True):
        LicenseSyncJob.objects.filter(pk=job.pk).update(finished_at=now - ago)
        UsageFile.objects.filter(job=job).update(created_at=now - ago)
        Count.objects.filter(pk=count.pk).update(finished_at=now - ago)
        LicenseChange.objects.filter(enterprise=enterprise, generation=count.generation).update(at=now - ago)


def test_the_defaults(settings: Any) -> None:
    assert (timedelta(days=7), timedelta(days=400)) == (settings.PAYLOAD_RETENTION, settings.HISTORY_RETENTION)


def test_old_history_goes_and_the_last_count_stays(enterprise: Enterprise, settings: Any) -> None:
    age(enterprise, settings.HISTORY_RETENTION + timedelta(days=7), settings.HISTORY_RETENTION)
    before = people(enterprise)
    forget.forget_old()
    forget.forget_old()  # what has no bytes any more since the first time
    assert [count.generation for count in Count.objects.filter(enterprise=enterprise)] == [2]
    assert not LicenseChange.objects.filter(enterprise=enterprise).exists()
    assert not LicenseSyncJob.objects.filter(deployment__enterprise=enterprise).exists()
    assert not UsageFile.objects.filter(enterprise=enterprise).exists()
    assert people(enterprise) == before
    import_one(enterprise, server_export(FIRST))
    assert len(people(enterprise)) == 5


def test_what_is_within_the_time_stays(enterprise: Enterprise, settings: Any) -> None:
    age(enterprise, settings.HISTORY_RETENTION - timedelta(days=1), timedelta())
    forget.forget_old()
    assert Count.objects.filter(enterprise=enterprise).count() == 2
    assert LicenseChange.objects.filter(enterprise=enterprise).exists()
    files = UsageFile.objects.filter(enterprise=enterprise, job__isnull=False).order_by("pk")
    assert [bool(file.stored_name) for file in files] == [False, True], "the bytes go after a week, the row stays"


def test_changes_go_with_their_count_whatever_the_date_of_its_list(enterprise: Enterprise, settings: Any) -> None:
    """A list may have been old when it was counted, and somebody's clock may have been wrong."""
    import_one(enterprise, server_export(FIRST))
    other = new_enterprise()
    for users in (FIRST, SECOND):
        import_one(other, server_export(users))
    now, long = timezone.now(), settings.HISTORY_RETENTION + timedelta(days=7)
    Count.objects.filter(enterprise=enterprise, generation__lte=2).update(finished_at=now - long)
    LicenseChange.objects.filter(generation__lte=2).update(at=now)
    LicenseChange.objects.filter(enterprise=enterprise, generation=3).update(at=now - long)
    LicenseChange.objects.filter(enterprise=other).update(at=now - long)
    assert generations_of_changes(enterprise) == {2, 3}
    forget.forget_old()
    assert generations_of_changes(enterprise) == {3}
    assert generations_of_changes(other) == {2}, "another enterprise has counts of its own"


def generations_of_changes(enterprise: Enterprise) -> set[int]:
    return set(LicenseChange.objects.filter(enterprise=enterprise).values_list("generation", flat=True))


def test_a_question_that_nobody_answers_ends_with_its_file(enterprise: Enterprise, settings: Any) -> None:
    file = UsageFile.objects.filter(enterprise=enterprise).latest("pk")
    long_ago = timezone.now() - settings.PAYLOAD_RETENTION - timedelta(hours=1)
    UsageFile.objects.filter(pk=file.pk).update(
        state=FileState.NEEDS_ANSWER, question=Question.OLDER, job=None, created_at=long_ago
    )
    path = settings.UPLOADS_DIR / file.stored_name
    assert path.exists()
    forget.forget_old()
    file.refresh_from_db()
    assert (file.state, file.stored_name, path.exists()) == (FileState.DISCARDED, "", False)


def test_what_a_newer_count_replaced_goes_an_hour_later(enterprise: Enterprise, settings: Any) -> None:
    """Of everything that a list says: else whoever left would be stored for ever."""
    on_server = cloud_user("", enterprise_server_user_ids=["ghes.example:1"])
    for rows in ([cloud_user("ana", "ana@octo.example"), on_server], [cloud_user("bo")]):
        import_one(enterprise, cloud_list(rows))
    models: list[type[Generational]] = [
        CloudAddress, CloudUser, ConsumedLicense, LicensedAccount, ServerOnlyPerson, ServerUserAccount,
    ]  # fmt: skip
    before = people(enterprise)
    for minutes, stays in ((-1, True), (1, False)):
        replaced = timezone.now() - timedelta(seconds=settings.SUPERSEDED_SECONDS, minutes=minutes)
        Count.objects.filter(enterprise=enterprise).update(finished_at=replaced)
        forget.forget_old()
        ended = {each: each._default_manager.filter(valid_to__lte=enterprise.generation).exists() for each in models}
        assert ended == dict.fromkeys(models, stays)
    assert people(enterprise) == before


@pytest.mark.parametrize("waits", ["to be recognised", "for the turn of its job"])
def test_what_still_waits_keeps_its_bytes_however_old_it_is(enterprise: Enterprise, settings: Any, waits: str) -> None:
    file = UsageFile.objects.filter(enterprise=enterprise).latest("pk")
    if waits == "to be recognised":
        UsageFile.objects.filter(pk=file.pk).update(state=FileState.RECOGNISING, job=None)
    else:
        LicenseSyncJob.objects.filter(files=file.pk).update(state=JobState.PENDING, finished_at=None)
    long_ago = timezone.now() - settings.HISTORY_RETENTION - timedelta(days=1)
    UsageFile.objects.filter(pk=file.pk).update(created_at=long_ago)
    forget.forget_old()
    assert (settings.UPLOADS_DIR / UsageFile.objects.get(pk=file.pk).stored_name).is_file()


def test_bytes_that_no_row_knows_go_after_an_hour(enterprise: Enterprise) -> None:
    """Those of an upload that broke off. What a row knows stays, however old it is."""
    known = settings.UPLOADS_DIR / UsageFile.objects.filter(enterprise=enterprise).latest("pk").stored_name
    broken_off = [folder / "old" for folder in (settings.UPLOADS_DIR, settings.FILE_UPLOAD_TEMP_DIR)]
    coming = settings.UPLOADS_DIR / "coming"
    for path in (*broken_off, coming):
        path.touch()
    an_hour_ago = time.time() - 3700
    for path in (known, *broken_off):
        os.utime(path, (an_hour_ago, an_hour_ago))
    forget.forget_old()
    assert [path.exists() for path in (known, coming, *broken_off)] == [True, True, False, False]
    coming.unlink()


def test_what_the_killed_leave_in_the_queue_of_files_goes() -> None:
    folder = Path(settings.DATA_DIR, "queue", "messages")
    folder.mkdir(parents=True, exist_ok=True)
    names = ("1_a.forgotten.part", "2_b.forgotten.msg.taken", "3_c.forgotten.msg", "4_d.forgotten.part")
    now = time.time()
    for name, age in zip(names, (3700, 3700, 3700, 60), strict=True):
        (folder / name).touch()
        os.utime(folder / name, (now - age, now - age))
    forget.forget_torn_messages()
    left = sorted(folder.glob("*.forgotten.*"))
    assert [path.name for path in left] == list(names[2:])
    for path in left:
        path.unlink()


def test_invitations_and_sessions_that_ran_out_go(enterprise: Enterprise, owner: User) -> None:
    """Else the e-mail of whoever never came would stay for ever."""
    now = timezone.now()
    for name, days in (("never-came", -31), ("may-be-asked-again", -29), ("invited", 7)):
        invitation, _secret = invite(
            enterprise=enterprise, email=f"{name}@octo.example", role=Role.OWNER, invited_by=owner
        )
        Invitation.objects.filter(pk=invitation.pk).update(expires_at=now + timedelta(days=days))
    for name, seconds in (("over", -1), ("open", 3600)):
        Session.objects.create(session_key=name, session_data="", expire_date=now + timedelta(seconds=seconds))
    with CaptureQueriesContext(connection) as queries:
        forget.forget_old()
    for table in ("enterprises_invitation", "django_session"):
        assert len([each for each in queries if f'"{table}"' in each["sql"]]) == 1, "in one statement"
    left = Invitation.objects.filter(enterprise=enterprise).values_list("email", flat=True)
    assert set(left) == {"may-be-asked-again@octo.example", "invited@octo.example"}
    assert [each.session_key for each in Session.objects.all()] == ["open"]


def test_files_that_cant_be_deleted_keep_nothing_else(settings: Any, tmp_path: Path) -> None:
    """As where the volume of the files is not mounted."""
    Session.objects.create(session_key="x" * 32, session_data="", expire_date=timezone.now() - timedelta(days=1))
    settings.UPLOADS_DIR = tmp_path / "not-mounted"
    forget.forget_old()
    assert not Session.objects.exists()
