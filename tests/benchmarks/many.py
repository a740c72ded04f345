"""A step of a measurement of many lists, in the product's own environment: `python -m tests.benchmarks.many STEP ...`.

`fill` makes enterprises whose instances each have a list that waits as a job; `outcome` looks at what became of them.
Half of the people of an instance are on the next one of their enterprise too.
"""

import json
import sys
from io import BytesIO

import django
from django.core.management import call_command

django.setup()

from django.db.models import Max, Min, Sum  # noqa: E402 (needs Django)

from licensesync.enterprises.models import Enterprise  # noqa: E402
from licensesync.flows.receive_usage import receive_file, recognise_file  # noqa: E402
from licensesync.licenses.models import ConsumedLicense, Count  # noqa: E402
from licensesync.syncing.models import JobState, LicenseSyncJob  # noqa: E402
from licensesync.usage.models import OPEN, ServerUserAccount  # noqa: E402

OPEN_STATES = (JobState.PENDING, JobState.RUNNING)


def fill(enterprises: int, instances: int, accounts: int) -> None:
    call_command("migrate", verbosity=0)
    for number in range(enterprises):
        enterprise = Enterprise.objects.create(slug=f"many-{number}", name=f"Many {number}")
        for instance in range(instances):
            content = BytesIO(_export(instance, accounts))
            file = receive_file(content, enterprise=enterprise, name="list", uploaded_by=None)
            recognise_file(file.pk)


def _export(instance: int, accounts: int) -> bytes:
    first = instance * accounts // 2
    users = [
        {
            "user_id": 1000 + number,
            "login": f"user-{number}",
            "profile_name": f"User {number}",
            "suspended": False,
            "emails": [{"email": f"user.{number}@octo.example", "primary": True}],
        }
        for number in range(first, first + accounts)
    ]
    host = f"ghes-{instance}.octo.example"
    return json.dumps({"server_id": f"id-{host}", "host_name": host, "version": "3.19.2", "users": users}).encode()


def outcome(enterprises: int, instances: int, accounts: int) -> dict[str, float]:
    """How many jobs are open; once none is, the seconds from the first one's start to the last one's end.

    AssertionError: something is there twice, or lost.
    """
    jobs = LicenseSyncJob.objects.all()
    if still := jobs.filter(state__in=OPEN_STATES).count():
        return {"open": still}
    assert jobs.count() == enterprises * instances
    assert jobs.filter(state=JobState.SUCCESS, attempts=1).count() == enterprises * instances
    assert Count.objects.count() == enterprises * instances, "a list was counted twice, or not at all"
    total = enterprises * instances * accounts
    there = ServerUserAccount.objects.filter(valid_to=OPEN)
    assert there.count() == there.values("deployment_id", "user_id").distinct().count() == total
    assert jobs.aggregate(read=Sum("accounts_read"))["read"] == total
    people = enterprises * (accounts + (instances - 1) * accounts // 2)
    licenses = ConsumedLicense.objects.filter(enterprise__generation=instances, valid_to=OPEN)
    assert licenses.count() == people, f"{licenses.count()} licenses of {people} people"
    span = jobs.aggregate(first=Min("started_at"), last=Max("finished_at"))
    return {"open": 0, "seconds": (span["last"] - span["first"]).total_seconds(), "licenses": people}


if __name__ == "__main__":
    step = {each.__name__: each for each in (fill, outcome)}[sys.argv[1]]
    sys.stdout.write(json.dumps(step(*map(int, sys.argv[2:]))) + "\n")
