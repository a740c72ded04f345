"""Every address of the product."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("licensesync.api.urls")),
    path("", include("licensesync.web.urls")),
]
