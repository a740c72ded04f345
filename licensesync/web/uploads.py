"""Add server usage: files arrive, their questions are answered, their jobs canceled or tried again. Owners only."""

import uuid

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST

from licensesync.enterprises.models import Deployment, DeploymentKind, Enterprise
from licensesync.errors import TOO_MANY_FILES, ExpectedError
from licensesync.flows import receive_usage
from licensesync.flows.upload_limit import allow_uploads, problem_of_upload
from licensesync.syncing import services as syncing
from licensesync.syncing import usage_files
from licensesync.syncing.models import LicenseSyncJob, UsageFile
from licensesync.web import say, words
from licensesync.web.access import enterprise_for, user_of
from licensesync.web.asked import id_of, is_htmx
from licensesync.web.license_page import Answered, show, show_news
from licensesync.web.syncs import to_job_of


@csrf_exempt  # because the check reads the form: who asks is checked first, then `_receive` checks the token
@require_POST
def add_usage(request: HttpRequest, slug: str) -> HttpResponse:
    enterprise = enterprise_for(request, slug, owner=True)
    allow_uploads(request)
    try:
        return _receive(request, slug)
    except TooManyFilesSent:  # by a plain form; upload.js sends one file a request
        error = ExpectedError(TOO_MANY_FILES, limit=settings.DATA_UPLOAD_MAX_NUMBER_FILES)
        return _received(request, enterprise, [words.problem_of(error)])


@csrf_protect
def _receive(request: HttpRequest, slug: str) -> HttpResponse:
    """Store the files of a form, or the one file of a request by upload.js, which asks for plain text."""
    files = request.FILES.getlist("files")
    enterprise = enterprise_for(request, slug, owner=True)  # still, now that all of the form is there
    problems = []
    batch = _batch(request.POST.get("batch", ""))
    size = _batch_size(request.POST.get("batch_size", ""), at_least=len(files))
    for file in files:
        try:
            receive_usage.receive_file(
                file,
                enterprise=enterprise,
                name=file.name or "",
                uploaded_by=user_of(request),
                batch=batch,
                batch_size=size,
            )
        except ExpectedError as error:
            problems.append(words.problem_of(error))
    if problem := problem_of_upload(request):
        problems.append(words.problem_of(problem))
    elif not files:
        problems.append(_("No file was chosen."))
    return _received(request, enterprise, problems)


def _batch(text: str) -> uuid.UUID:
    """What upload.js calls the files that were dropped together; files of a plain form are together anyway."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.uuid4()


def _batch_size(text: str, *, at_least: int) -> int:
    size = int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 1
    return max(size, at_least, 1)


def _received(request: HttpRequest, enterprise: Enterprise, problems: list[str]) -> HttpResponse:
    if not request.accepts("text/html"):
        text = " ".join(problems)
        return HttpResponse(text, status=400 if problems else 204, content_type="text/plain; charset=utf-8")
    for problem in problems:
        messages.error(request, problem)
    return _back(enterprise)


@require_POST
def answer_file(request: HttpRequest, slug: str, file_id: int) -> HttpResponse:
    """`answer` says how the question `asked` is answered; a server is chosen, or its host name typed."""
    enterprise = enterprise_for(request, slug, owner=True)
    file = _file(enterprise, file_id)
    asked = request.POST.get("asked", file.question)  # another tab may still show an earlier one
    new_host = request.POST.get("host", "")
    is_taken = True
    try:
        match request.POST.get("answer", ""):
            case "server":
                servers = Deployment.objects.filter(enterprise=enterprise, kind=DeploymentKind.SERVER)
                server = get_object_or_404(servers, pk=id_of(request.POST.get("server", "")))
                is_taken = receive_usage.answer(file, asked=asked, server=server)
            case "new":
                is_taken = receive_usage.answer(file, asked=asked, new_host=new_host)
            case "older":
                is_taken = receive_usage.answer(file, asked=asked, accept_older=True)
            case "shrink":
                is_taken = receive_usage.answer(file, asked=asked, accept_shrink=True)
            case "discard":
                is_taken = receive_usage.discard(file)
    except ExpectedError as error:
        answered = Answered(file.pk, words.problem_of(error), new_host)
        return show_news(request, enterprise, answered) if is_htmx(request) else show(request, enterprise, answered)
    if not is_taken:
        say.refused(request, _("%(name)s has been answered, or asks something else by now.") % {"name": file.name})
    return _changed(request, enterprise)


@require_POST
def try_file_again(request: HttpRequest, slug: str, file_id: int) -> HttpResponse:
    enterprise = enterprise_for(request, slug, owner=True)
    receive_usage.try_again(_file(enterprise, file_id))
    return _changed(request, enterprise)


@require_POST
def dismiss_file(request: HttpRequest, slug: str, file_id: int) -> HttpResponse:
    """Put a file's outcome away; nothing else changes."""
    enterprise = enterprise_for(request, slug, owner=True)
    usage_files.dismiss(_file(enterprise, file_id))
    return _changed(request, enterprise)


@require_POST
def dismiss_done(request: HttpRequest, slug: str) -> HttpResponse:
    """Put all outcomes away; nothing else changes."""
    enterprise = enterprise_for(request, slug, owner=True)
    usage_files.dismiss_done(enterprise, until=id_of(request.POST.get("until", "")))
    return _changed(request, enterprise)


@require_POST
def cancel_job(request: HttpRequest, slug: str, job_id: int) -> HttpResponse:
    enterprise = enterprise_for(request, slug, owner=True)
    job = get_object_or_404(LicenseSyncJob, pk=job_id, deployment__enterprise=enterprise)
    if not syncing.cancel(job):
        say.refused(request, _("It was over already, so nothing was canceled."))
    if request.POST.get("from") == "instance":
        return to_job_of(job.deployment)
    return _changed(request, enterprise)


def _file(enterprise: Enterprise, file_id: int) -> UsageFile:
    files = UsageFile.objects.filter(enterprise=enterprise).select_related("enterprise", "deployment", "job")
    return get_object_or_404(files, pk=file_id)


def _changed(request: HttpRequest, enterprise: Enterprise) -> HttpResponse:
    """The page shows what has changed: by itself, or by being loaded again."""
    return show_news(request, enterprise) if is_htmx(request) else _back(enterprise)


def _back(enterprise: Enterprise) -> HttpResponse:
    return redirect(reverse("license", args=[enterprise.slug]) + "#add-usage")


_FILES = "enterprises/<slug:slug>/settings/license/files"
urlpatterns = [
    path(_FILES, add_usage, name="add_usage"),
    path(f"{_FILES}/dismiss", dismiss_done, name="dismiss_done"),
    path(f"{_FILES}/<int:file_id>/answer", answer_file, name="answer_file"),
    path(f"{_FILES}/<int:file_id>/try-again", try_file_again, name="try_file_again"),
    path(f"{_FILES}/<int:file_id>/dismiss", dismiss_file, name="dismiss_file"),
    path("enterprises/<slug:slug>/settings/license/jobs/<int:job_id>/cancel", cancel_job, name="cancel_job"),
]
