"""The operator's page: how the installation is, without anything of an enterprise. For superusers alone."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from licensesync.operations import health, queries
from licensesync.web.access import user_of

MOST_FAILURES = 50


@require_safe
def operations(request: HttpRequest) -> HttpResponse:
    if not user_of(request).is_superuser:
        raise Http404
    failures = queries.failures_of_the_day()
    context = {
        "findings": health.findings(),
        "seen": queries.seen(),
        "messages_waiting": queries.waiting_messages(),
        "jobs": queries.open_jobs(),
        "failures": failures[:MOST_FAILURES],
        "failure_count": failures.count(),
        "versions": queries.versions(),
    }
    return render(request, "operations/page.html", context)


urlpatterns = [path("operations", operations, name="operations")]
