"""Files as a browser sends them, and a worker that works when a test says so."""

import io
import re
from collections.abc import Callable
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import reverse

from licensesync.enterprises.models import Enterprise
from licensesync.flows import receive_usage, run_job
from licensesync.syncing.models import FileState, JobState, LicenseSyncJob, UsageFile

HTMX = {"HX-Request": "true"}
# Random letters may spell any short name: what is looked for in a page must not be found in them.
TOKENS = re.compile(r'name="csrfmiddlewaretoken" value="\w+"|"X-CSRFToken": ?"\w+"')


def add(client: Client, enterprise: Enterprise, *contents: bytes, **more: Any) -> HttpResponseBase:
    """Add files with the plain form, all in one request."""
    files = [SimpleUploadedFile(f"file-{number}.json", content) for number, content in enumerate(contents, 1)]
    return client.post(reverse("add_usage", args=[enterprise.slug]), {"files": files, **more})


def work() -> None:
    """What workers do until nothing is left: look at files, then take their lists in."""
    for file in UsageFile.objects.filter(state=FileState.RECOGNISING).order_by("pk"):
        receive_usage.recognise_file(file.pk)
    for job in LicenseSyncJob.objects.filter(state=JobState.PENDING).order_by("pk"):
        run_job.run_job(job.pk)


def page(client: Client, enterprise: Enterprise, name: str = "license", *args: Any, query: str = "") -> str:
    response = client.get(reverse(name, args=[enterprise.slug, *args]) + query)
    assert response.status_code == 200
    return " ".join(TOKENS.sub("", response.content.decode()).split())


def answer(client: Client, file: UsageFile, **answers: Any) -> HttpResponseBase:
    return client.post(reverse("answer_file", args=[file.enterprise.slug, file.pk]), answers)


def last_file() -> UsageFile:
    return UsageFile.objects.select_related("enterprise", "job", "deployment").latest("pk")


class Slow(io.BytesIO):
    """A body that takes its time, in which something happens."""

    def __init__(self, content: bytes, meanwhile: Callable[[], object]) -> None:
        super().__init__(content)
        self.meanwhile = meanwhile

    @property
    def as_input(self) -> Any:
        """For the test client."""
        return {"wsgi.input": self}

    def read(self, size: int | None = -1) -> bytes:
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        return super().read(size)
