"""Every address of the product."""

from django.urls import URLPattern, URLResolver, include, path

handler400 = "licensesync.web.refusals.not_understood"
handler404 = "licensesync.web.refusals.not_found"
handler500 = "licensesync.web.refusals.failed"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("licensesync.api.urls")),
    path("", include("licensesync.web.urls")),
]
