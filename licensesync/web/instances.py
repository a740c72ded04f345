"""One deployment, a server instance or the cloud: how it is doing, how it is reached, and its sync history.

The page follows open work: `_live.html` asks for itself again, soon while a job runs and rarely otherwise.
"""

from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET
from django_htmx.http import HttpResponseClientRedirect

from licensesync.enterprises.models import Connection, Deployment, DeploymentKind, Enterprise
from licensesync.enterprises.tokens import push_tokens
from licensesync.errors import IDENTITIES_STAY
from licensesync.github.checks import older_than_sync_now
from licensesync.licenses.unused_subscriptions import unused_of
from licensesync.syncing import queries
from licensesync.web import words
from licensesync.web.access import enterprise_for, is_owner
from licensesync.web.following import RARELY, leave_when_gone, next_look
from licensesync.web.instance_rows import instance_row
from licensesync.web.license_page import version_of
from licensesync.web.sync_history import history_page

DAYS_COUNTED_DOWN = 60  # before the end of a server's license


@require_GET
def instance(request: HttpRequest, slug: str, deployment_id: int) -> HttpResponse:
    enterprise = enterprise_for(request, slug)
    deployment = get_object_or_404(Deployment, pk=deployment_id, enterprise=enterprise)
    return _show(request, enterprise, deployment)


@require_GET
def cloud(request: HttpRequest, slug: str) -> HttpResponse:
    """The cloud's page, also while its first list has yet to come."""
    enterprise = enterprise_for(request, slug)
    deployment = Deployment.objects.filter(enterprise=enterprise, kind=DeploymentKind.CLOUD).first()
    return _show(request, enterprise, deployment or Deployment(enterprise=enterprise, kind=DeploymentKind.CLOUD))


@require_GET
@leave_when_gone
def instance_news(request: HttpRequest, slug: str, deployment_id: int) -> HttpResponse:
    """The part that follows the work; nothing when it is as the reader has it (`seen`)."""
    enterprise = enterprise_for(request, slug)
    deployment = Deployment.objects.filter(pk=deployment_id, enterprise=enterprise).first()
    if deployment is None:  # deleted while somebody looks
        return HttpResponseClientRedirect(reverse("license", args=[slug]))
    context = _context(request, enterprise, deployment)
    if request.GET.get("seen") == context["version"]:
        return HttpResponse(status=204)
    return render(request, "deployments/_live.html", context)


def _show(request: HttpRequest, enterprise: Enterprise, deployment: Deployment) -> HttpResponse:
    return render(request, "deployments/instance.html", _context(request, enterprise, deployment))


def _context(request: HttpRequest, enterprise: Enterprise, deployment: Deployment) -> dict[str, Any]:
    deployment.enterprise = enterprise  # so that nobody asks for it again
    jobs = queries.jobs_of(enterprise, deployment) if deployment.pk else queries.jobs_of(enterprise).none()
    connection = Connection.objects.filter(deployment=deployment).first() if deployment.pk else None
    told = jobs.exclude(queries.failed_uploads()).first()
    asking = queries.asking_jobs([told] if told else [])
    context: dict[str, Any] = {
        "enterprise": enterprise,
        "is_owner": is_owner(request, enterprise),
        "deployment": deployment,
        "connection": connection,
        "push_tokens": list(push_tokens(deployment)) if deployment.pk else [],
        "failures": queries.failures_in_a_row(deployment) if connection else 0,
        "looks_like": queries.looks_like(deployment) if deployment.pk else None,
        "row": instance_row(deployment, jobs.first(), told, asking),
        "history": history_page(request, jobs),
        "features": _features(deployment),
        "license_ends": _license_ends(deployment.license_expires_at),
        "identities_problem": _identities_problem(deployment),
        "unused_subscriptions": _unused_subscriptions(deployment),
        "older_than_sync_now": older_than_sync_now(deployment.version),
    }
    html = render_to_string("deployments/_live_content.html", context, request)
    context["live"] = html
    open_job = context["row"].open_job
    context["next_look"] = next_look([queries.next_move(open_job)] if open_job else []) or RARELY
    context["version"] = f"{version_of(html)}-{context['next_look']}"  # so that a page in time looks again sooner
    return context


def _features(deployment: Deployment) -> list[tuple[str, datetime | None]]:
    """Those of GitHub Connect that are on, and since when where the server says it."""
    return [
        (name.replace("_", " "), datetime.fromisoformat(since) if since else None)
        for name, since in deployment.features.items()
    ]


def _identities_problem(deployment: Deployment) -> str:
    """Why the last sync of the cloud could not fetch the linked identities, "" where it could."""
    said = deployment.identities_problem
    return words.problem(said["code"], said["params"], stays=IDENTITIES_STAY) if said else ""


def _unused_subscriptions(deployment: Deployment) -> int:
    """How many Visual Studio subscriptions nobody uses; a server has none."""
    if deployment.is_server or not deployment.pk:
        return 0
    key = f"unused-subscriptions:{deployment.pk}:{deployment.enterprise.generation}"  # the page looks every second
    number: int = cache.get_or_set(key, unused_of(deployment).count, 3600)  # type: ignore[assignment]
    return number


def _license_ends(moment: datetime | None) -> str:
    """A word beside the day on which a server's license ends, where that is past or near."""
    if moment is None:
        return ""
    days = (timezone.localdate(moment) - timezone.localdate()).days
    if days < 0:
        return _("It is over.")
    if days > DAYS_COUNTED_DOWN or days == 0:  # the date says "today"
        return ""
    return ngettext("In %(n)s day.", "In %(n)s days.", days) % {"n": days}


urlpatterns = [
    path("enterprises/<slug:slug>/settings/instances/<int:deployment_id>", instance, name="instance"),
    path("enterprises/<slug:slug>/settings/instances/<int:deployment_id>/news", instance_news, name="instance_news"),
    path("enterprises/<slug:slug>/settings/cloud", cloud, name="cloud"),
]
