"""Sync now, for one deployment or for all that are connected; and deleting an instance, which is a job as well."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, resolve_url
from django.urls import path
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.errors import ExpectedError
from licensesync.flows import delete_deployment, sync_now
from licensesync.syncing.models import Trigger
from licensesync.web import say, words
from licensesync.web.access import enterprise_for, user_of
from licensesync.web.asked import ask_first, is_htmx
from licensesync.web.license_page import show_news


@require_POST
def sync_one(request: HttpRequest, slug: str, deployment_id: int) -> HttpResponse:
    """From the License page or from the instance's own; `next` says which."""
    enterprise = enterprise_for(request, slug, owner=True)
    deployment = get_object_or_404(Deployment, pk=deployment_id, enterprise=enterprise)
    try:
        sync_now.request_sync(deployment, trigger=Trigger.SYNC_NOW, requested_by=user_of(request))
    except ExpectedError as error:
        say.refused(request, words.problem_of(error))
    return _followed(request, enterprise, deployment)


@require_POST
def sync_all(request: HttpRequest, slug: str) -> HttpResponse:
    enterprise = enterprise_for(request, slug, owner=True)
    jobs = sync_now.request_all(enterprise, trigger=Trigger.SYNC_NOW, requested_by=user_of(request))
    if not jobs:
        say.refused(request, gettext("Nothing is connected yet, so nothing can be synced. Connect an instance first."))
    elif not is_htmx(request):
        sentence = ngettext("%(n)s sync has started.", "%(n)s syncs have started.", len(jobs))
        say.done(request, sentence % {"n": len(jobs)})
    return _followed(request, enterprise, None)


def _followed(request: HttpRequest, enterprise: Enterprise, deployment: Deployment | None) -> HttpResponse:
    """Back to where the button was, which follows the job by itself."""
    if request.POST.get("from") == "instance" and deployment is not None:
        return to_job_of(deployment)
    return show_news(request, enterprise) if is_htmx(request) else redirect("license", enterprise.slug)


def to_job_of(deployment: Deployment) -> HttpResponse:
    """The page of an instance, where whoever clicked finds the button again: the browser gives it the focus."""
    return redirect(f"{resolve_url('instance', deployment.enterprise.slug, deployment.pk)}#job-of-{deployment.pk}")


def delete_instance(request: HttpRequest, slug: str, deployment_id: int) -> HttpResponse:
    """Asks first, in figures."""
    enterprise = enterprise_for(request, slug, owner=True)
    deployment = get_object_or_404(Deployment, pk=deployment_id, enterprise=enterprise)
    if request.method == "POST":
        try:
            delete_deployment.request_deletion(deployment, requested_by=user_of(request))
        except ExpectedError as error:  # gone since its page was read
            say.refused(request, words.problem_of(error))
        else:
            say.done(request, gettext("%(source)s is being deleted.") % {"source": deployment})
        return redirect("license", enterprise.slug)
    return ask_first(request, "deployments/delete.html", {"enterprise": enterprise, "deployment": deployment})


_SETTINGS = "enterprises/<slug:slug>/settings"
urlpatterns = [
    path(f"{_SETTINGS}/sync", sync_all, name="sync_all"),
    path(f"{_SETTINGS}/instances/<int:deployment_id>/sync", sync_one, name="sync_now"),
    path(f"{_SETTINGS}/instances/<int:deployment_id>/delete", delete_instance, name="delete_instance"),
]
