"""/metrics, for Prometheus: requests as this server counted them; jobs, licenses and lists from the database."""

import hmac
import os
from collections.abc import Iterator
from ipaddress import ip_address

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.licenses.queries import consumed_by_enterprise
from licensesync.operations import queries
from licensesync.operations.health import free_bytes
from licensesync.syncing import clock
from licensesync.web.tries import address_of_client

OF_REQUESTS = CollectorRegistry()
REQUESTS = Counter(
    "licensesync_http_requests", "Requests answered.", ["method", "page", "status"], registry=OF_REQUESTS
)
SECONDS = Histogram(
    "licensesync_http_request_seconds",
    "How long answers took.",
    ["page"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=OF_REQUESTS,
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def note_request(method: str, page: str, status: int, seconds: float) -> None:
    """`page` is the name of an address, so there are few."""
    REQUESTS.labels(method if method in METHODS else "other", page, status).inc()
    SECONDS.labels(page).observe(seconds)


class FromDatabase(Collector):
    """What is the same whichever process is asked. Figures of ended jobs are of the last day."""

    def collect(self) -> Iterator[Metric]:
        try:
            database = [*_jobs(), *_queues(), *_licenses(), *_lists()]
        except DatabaseError:  # what this server counts itself is wanted just then
            database = []
        yield from database
        answers = int(bool(database))
        yield GaugeMetricFamily("licensesync_database_reachable", "1 when the database answers.", value=answers)
        says = "Free space in the data directory."
        yield GaugeMetricFamily("licensesync_data_directory_free_bytes", says, value=free_bytes())
        build = GaugeMetricFamily("licensesync_build_info", "The version that answers.", labels=["version"])
        build.add_metric([settings.VERSION], 1)
        yield build


def _jobs() -> Iterator[Metric]:
    jobs = queries.open_jobs()
    still_open = GaugeMetricFamily("licensesync_jobs_open", "Jobs that wait or run.", labels=["state"])
    for state, count in (("waiting", jobs.waiting), ("running", jobs.running), ("later", jobs.later)):
        still_open.add_metric([state], count)
    yield still_open
    age = (clock.now() - jobs.waiting_since).total_seconds() if jobs.waiting_since else 0
    yield GaugeMetricFamily("licensesync_job_wait_seconds", "How long the oldest job that may start waits.", value=age)
    by_end = ["trigger", "outcome"]
    ended = GaugeMetricFamily("licensesync_jobs_ended_last_day", "Jobs that ended within a day.", labels=by_end)
    seconds = GaugeMetricFamily("licensesync_job_seconds_last_day", "Their time together.", labels=by_end)
    longest = GaugeMetricFamily("licensesync_job_longest_seconds_last_day", "The longest of them.", labels=by_end)
    read = GaugeMetricFamily("licensesync_accounts_read_last_day", "Accounts that they read.", labels=by_end)
    for each in queries.ended_within_a_day():
        names = [each.trigger, each.outcome]
        ended.add_metric(names, each.jobs)
        seconds.add_metric(names, each.seconds)
        longest.add_metric(names, each.longest)
        read.add_metric(names, each.accounts_read)
    yield from (ended, seconds, longest, read)


def _queues() -> Iterator[Metric]:
    messages = GaugeMetricFamily("licensesync_queue_messages", "Messages that nobody has taken.", labels=["queue"])
    reachable = 1
    for name, count in queries.waiting_messages().items():
        if count is None:
            reachable = 0
        else:
            messages.add_metric([name], count)
    yield messages
    yield GaugeMetricFamily("licensesync_queue_reachable", "1 when the queue answers.", value=reachable)
    seen = GaugeMetricFamily("licensesync_worker_seen_seconds", "Since when a worker was not seen.", labels=["worker"])
    now = clock.now()
    for worker in queries.seen():
        seen.add_metric([worker.name], (now - worker.seen_at).total_seconds())
    yield seen


def _licenses() -> Iterator[Metric]:
    of = ["enterprise"]
    consumed = GaugeMetricFamily("licensesync_licenses_consumed", "Consumed licenses.", labels=of)
    purchased = GaugeMetricFamily("licensesync_licenses_purchased", "Purchased licenses, 0 if metered.", labels=of)
    consumed_by = consumed_by_enterprise()
    for enterprise in Enterprise.objects.filter(deleted_at__isnull=True).order_by("pk"):
        consumed.add_metric([enterprise.slug], consumed_by.get(enterprise.pk, 0))
        purchased.add_metric([enterprise.slug], enterprise.purchased)
    yield from (consumed, purchased)


def _lists() -> Iterator[Metric]:
    says = "When the last list of a source was taken in."
    taken = GaugeMetricFamily("licensesync_list_taken_timestamp_seconds", says, labels=["enterprise", "source"])
    deployments = Deployment.objects.filter(enterprise__deleted_at__isnull=True).select_related("enterprise")
    for deployment in deployments.order_by("pk"):
        if deployment.last_usage_at is not None:
            taken.add_metric([deployment.enterprise.slug, str(deployment)], deployment.last_usage_at.timestamp())
    yield taken


def _may_read(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if settings.METRICS_TOKEN and scheme.lower() == "bearer":
        return hmac.compare_digest(token.strip().encode(), settings.METRICS_TOKEN.encode())
    try:
        client = ip_address(address_of_client(request))
    except ValueError:
        return False
    return any(client in network for network in settings.METRICS_NETWORKS)


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    if not _may_read(request):
        raise Http404
    requests = OF_REQUESTS
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:  # of all processes of this server, not only of the one that is asked
        requests = CollectorRegistry()
        MultiProcessCollector(requests)  # type: ignore[no-untyped-call]
    database = CollectorRegistry()
    database.register(FromDatabase())
    return HttpResponse(generate_latest(requests) + generate_latest(database), content_type=CONTENT_TYPE_LATEST)


urlpatterns = [path("metrics", metrics, name="metrics")]
