"""The addresses of the API; each resource lists its own."""

from django.urls import include, path, re_path

from licensesync.api import (
    accounts,
    audit_log,
    connections,
    consumed_licenses,
    docs,
    domains,
    downloads,
    enterprise,
    github_count,
    history,
    instances,
    invitations,
    jobs,
    licenses,
    members,
    syncs,
    usage,
    usage_answers,
)
from licensesync.api.endpoint import Nothing

_V3 = [
    *consumed_licenses.urlpatterns,
    *licenses.urlpatterns,
    *usage.urlpatterns,
    *usage_answers.urlpatterns,
    *jobs.urlpatterns,
    *instances.urlpatterns,
    *accounts.urlpatterns,
    *connections.urlpatterns,
    *syncs.urlpatterns,
    *enterprise.urlpatterns,
    *domains.urlpatterns,
    *downloads.urlpatterns,
    *history.urlpatterns,
    *github_count.urlpatterns,
    *members.urlpatterns,
    *invitations.urlpatterns,
    *audit_log.urlpatterns,
]
urlpatterns = [
    *docs.urlpatterns,
    path("api/v3/", include(_V3)),
    re_path(r"^api/v3(?:/[\s\S]*)?\Z", Nothing.as_view(), name="api_nothing"),
]
