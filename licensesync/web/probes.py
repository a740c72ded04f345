"""/healthz: this process answers. /readyz: so does all that it needs. Neither tells a stranger more."""

import structlog
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from licensesync.operations import health

log = structlog.get_logger()


@login_not_required
@require_safe
@never_cache
def healthz(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@require_safe
@never_cache
def readyz(_request: HttpRequest) -> HttpResponse:
    """200 or 503. What is wrong the log says, `manage.py doctor` and the operator's page; a stranger hears nothing."""
    missing = health.missing()
    if not missing:
        return HttpResponse("ready\n", content_type="text/plain")
    log.warning("not_ready", missing=missing)
    return HttpResponse("not ready\n", content_type="text/plain", status=503)


urlpatterns = [path("healthz", healthz, name="healthz"), path("readyz", readyz, name="readyz")]
