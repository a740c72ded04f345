"""Connect: how LicenseSync reaches a server instance or the cloud, tested before it is saved; and when it syncs."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_htmx.http import HttpResponseClientRedirect, reselect, reswap, retarget

from licensesync.enterprises import connections, deployments
from licensesync.enterprises.models import Connection, Deployment, DeploymentKind, Enterprise, Schedule, slug_validator
from licensesync.errors import (
    ADDRESS_CONNECTED,
    ALREADY_CONNECTED,
    CLOUD_ELSEWHERE,
    NOTHING_STORED,
    PROXY_SECRET_UNREADABLE,
    SERVER_ELSEWHERE,
    ExpectedError,
)
from licensesync.flows import connecting, sync_now
from licensesync.github.certificates import trusting
from licensesync.github.checks import Check
from licensesync.github.cloud import CloudConnection, api_url_of
from licensesync.github.server import ServerConnection, server_url_of
from licensesync.github.transport import proxy_host
from licensesync.web import say, words
from licensesync.web.access import enterprise_for, user_of
from licensesync.web.asked import ask_first, is_htmx
from licensesync.web.connection_checks import check_rows

T = TypeVar("T")

PLAIN = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}


class ConnectionForm(forms.Form):
    """What both kinds of deployments need. A stored token is never shown, so each change asks for it again."""

    token = forms.CharField(
        label=_("Token"),
        max_length=500,
        error_messages={"required": _("Paste the token.")},
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "spellcheck": "false"}),
    )
    ca_certificates = forms.CharField(
        label=_("Certificate authority"),
        required=False,
        max_length=200_000,
        help_text=_("Only where the certificate is not from a public authority: its PEM text."),
        widget=forms.Textarea(attrs={"rows": 4, "class": "input mono", "spellcheck": "false"}),
    )
    proxy = forms.CharField(
        label=_("Proxy"),
        required=False,
        max_length=500,
        help_text=_("Only where this machine reaches it through one, for example http://proxy.example.com:3128."),
        widget=forms.TextInput(attrs=PLAIN),
    )
    no_proxy = forms.BooleanField(label=_("Stop using a proxy"), required=False)

    def __init__(self, *args: Any, connection: Connection | None = None, **more: Any) -> None:
        """`connection`: the stored one that is changed."""
        super().__init__(*args, **more)
        self.connection = connection
        if connection is None or not connection.sealed_proxy:
            del self.fields["no_proxy"]
        elif shown := connections.proxy_shown(connection):
            stays = gettext("It is %(proxy)s, with its password if it has one. Left empty, it stays.")
            self.fields["proxy"].help_text = stays % {"proxy": shown}
        else:
            self.fields["proxy"].help_text = gettext("There is one, which can’t be read any more. Enter it again.")

    def clean_ca_certificates(self) -> str:
        return _accepted(trusting, self.cleaned_data["ca_certificates"])

    def clean_proxy(self) -> str:
        proxy = str(self.cleaned_data["proxy"])
        return _accepted(proxy_host, proxy) if proxy else ""

    def clean(self) -> dict[str, Any]:
        """As `connections.connect` takes it: nothing typed is nothing said of the proxy."""
        typed = self.cleaned_data
        is_none = typed.pop("no_proxy", False)
        if is_none and typed.get("proxy"):
            self.add_error("no_proxy", gettext("Enter a proxy or choose to use none, not both."))
        if "proxy" in typed:
            typed["proxy"] = "" if is_none else typed["proxy"] or None
        return typed

    @property
    def way_out(self) -> str:
        """The proxy to go through, of what was typed and what is stored. ExpectedError(PROXY_SECRET_UNREADABLE)."""
        return connections.proxy_by(self.connection, self.cleaned_data["proxy"])


class ServerForm(ConnectionForm):
    url = forms.CharField(
        label=_("Address"),
        max_length=500,
        error_messages={"required": _("Enter the address of the server.")},
        help_text=_("As in the browser, for example https://ghes.example.com."),
        widget=forms.TextInput(attrs=PLAIN | {"inputmode": "url"}),
    )
    login = forms.CharField(
        label=_("Site admin’s login"),
        max_length=100,
        error_messages={"required": _("Enter the login of a site admin.")},
        help_text=_("The token’s owner. The report of all users is for site admins only."),
        widget=forms.TextInput(attrs=PLAIN),
    )
    host = forms.CharField(
        label=_("Host name"),
        required=False,
        max_length=300,
        help_text=_("Only where it is not in the address: the host name configured on the server."),
        widget=forms.TextInput(attrs=PLAIN),
    )
    is_same = forms.BooleanField(
        label=_("This is the same server under a new name"),
        required=False,
        help_text=_("It keeps its host name in LicenseSync until a license usage export of it says the new one."),
    )
    field_order = ("url", "is_same", "login", "token", "host", "ca_certificates", "proxy", "no_proxy")

    def __init__(self, *args: Any, is_new: bool, **more: Any) -> None:
        """`is_new`: it has yet to get its host name."""
        super().__init__(*args, **more)
        if not is_new:
            del self.fields["host"]
        self.fields["token"].help_text = gettext("A personal access token (classic) with the scope site_admin.")

    def clean_url(self) -> str:
        return _read(server_url_of, self.cleaned_data["url"])

    def clean_host(self) -> str:
        host = str(self.cleaned_data["host"])
        return _read(deployments.host_name, host) if host else ""

    def clean(self) -> dict[str, Any]:
        """A new instance needs a name, in its address or by itself."""
        typed = super().clean()
        if typed.get("host") == "" and "url" in typed:
            try:
                connections.require_host_name(typed["url"])
            except ExpectedError as error:
                self.add_error("host", words.problem_of(error))
        return typed

    def check(self) -> list[Check]:
        """Test what was typed."""
        typed = self.cleaned_data
        return connecting.check_server(
            ServerConnection(
                url=typed["url"],
                login=typed["login"],
                token=typed["token"],
                ca_pem=typed["ca_certificates"],
                proxy=self.way_out,
            )
        )


class CloudSlugField(forms.SlugField):
    """The slug of an enterprise at GitHub, also as a pasted address of one of its pages."""

    def to_python(self, value: Any) -> str:
        typed = str(super().to_python(value))
        page = re.search(r"(?:^|/)enterprises/([^/?#]+)", typed)
        return page[1] if page else typed


class CloudForm(ConnectionForm):
    cloud_slug = CloudSlugField(
        label=_("Enterprise slug"),
        max_length=100,
        error_messages={"required": _("Enter the slug of the enterprise."), "invalid": slug_validator.message},
        help_text=_("As in github.com/enterprises/SLUG."),
        widget=forms.TextInput(attrs=PLAIN),
    )
    url = forms.CharField(
        label=_("API address"),
        max_length=500,
        error_messages={"required": _("Enter the address of the API.")},
        initial="https://api.github.com",
        help_text=_("With data residency: https://api.SUBDOMAIN.ghe.com."),
        widget=forms.TextInput(attrs=PLAIN | {"inputmode": "url"}),
    )
    is_same = forms.BooleanField(label=_("This is the same enterprise under a new slug or address"), required=False)
    field_order = ("cloud_slug", "token", "url", "is_same", "ca_certificates", "proxy", "no_proxy")

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["token"].help_text = gettext(
            "A personal access token (classic) of an enterprise owner, with the scope read:enterprise. With one of a "
            "billing manager linked identities are not fetched."
        )

    def clean_url(self) -> str:
        return _read(api_url_of, self.cleaned_data["url"])

    def check(self) -> list[Check]:
        """Test what was typed."""
        typed = self.cleaned_data
        return connecting.check_cloud(
            CloudConnection(
                api_url=typed["url"],
                slug=typed["cloud_slug"],
                token=typed["token"],
                ca_pem=typed["ca_certificates"],
                proxy=self.way_out,
            )
        )


def _accepted(read: Callable[[str], object], typed: str) -> str:
    """What was typed, where it can be read; its ExpectedError is said of the field."""
    _read(read, typed)
    return typed


def _read(read: Callable[[str], T], typed: str) -> T:
    """What `read` makes of what was typed; its ExpectedError is said of the field."""
    try:
        return read(typed)
    except ExpectedError as error:
        raise ValidationError(words.problem_of(error, stays=NOTHING_STORED)) from None


def connect_new_server(request: HttpRequest, slug: str) -> HttpResponse:
    """An instance that no file has made yet, or one that is known by its host."""
    return _connect(request, enterprise_for(request, slug, owner=True), DeploymentKind.SERVER, None)


def connect_cloud(request: HttpRequest, slug: str) -> HttpResponse:
    enterprise = enterprise_for(request, slug, owner=True)
    cloud = Deployment.objects.filter(enterprise=enterprise, kind=DeploymentKind.CLOUD).first()
    return _connect(request, enterprise, DeploymentKind.CLOUD, cloud)


def connect_server(request: HttpRequest, slug: str, deployment_id: int) -> HttpResponse:
    enterprise = enterprise_for(request, slug, owner=True)
    server = get_object_or_404(Deployment, pk=deployment_id, enterprise=enterprise, kind=DeploymentKind.SERVER)
    return _connect(request, enterprise, DeploymentKind.SERVER, server)


def _connect(
    request: HttpRequest, enterprise: Enterprise, kind: DeploymentKind, deployment: Deployment | None
) -> HttpResponse:
    """The form. "Test connection" shows what works; "Connect" saves what works, and starts the first sync.

    What does not work is saved only by "Save anyway": the way may be open to a worker, or be opened later.
    """
    connection = Connection.objects.filter(deployment=deployment).first() if deployment else None
    stored = _stored(connection, deployment)
    form: ServerForm | CloudForm
    if kind == DeploymentKind.SERVER:
        form = ServerForm(request.POST or None, initial=stored, connection=connection, is_new=deployment is None)
    else:
        form = CloudForm(request.POST or None, initial=stored, connection=connection)
    is_test = "test" in request.POST
    checks: list[Check] = []
    refusal: ExpectedError | None = None
    if form.is_valid():
        try:
            if "anyway" not in request.POST:
                checks = form.check()
            if not is_test and not any(check.state == "failed" for check in checks):
                return _save(request, enterprise, form, deployment)
        except ExpectedError as error:
            refusal, checks = error, []
            field = {PROXY_SECRET_UNREADABLE: "proxy", CLOUD_ELSEWHERE: "cloud_slug"}.get(error.problem, "url")
            form.add_error(field, words.problem_of(error, stays=NOTHING_STORED))
    context = {
        "enterprise": enterprise,
        "deployment": deployment,
        "is_server": kind == DeploymentKind.SERVER,
        "connection": connection,
        "form": form,
        "checks": check_rows(checks),
        "is_unsaved": bool(checks) and not is_test,
        "is_elsewhere": refusal is not None and refusal.problem in (SERVER_ELSEWHERE, CLOUD_ELSEWHERE),
        "already_there": _already_there(enterprise, refusal),
    }
    if not is_htmx(request):
        return render(request, "connections/page.html", context)
    if checks or is_test:  # what was typed stays, the token with it
        return render(request, "connections/_checks.html", context | {"is_piece": True})
    response = render(request, "connections/page.html", context)
    return reswap(retarget(reselect(response, "#connection"), "#connection"), "outerHTML")


def _already_there(enterprise: Enterprise, refusal: ExpectedError | None) -> Deployment | None:
    """The instance whose connection somebody has probably meant to change."""
    named = {ALREADY_CONNECTED: "host", ADDRESS_CONNECTED: "source"}
    if refusal is None or refusal.problem not in named:
        return None
    return deployments.server_named(enterprise, str(refusal.params[named[refusal.problem]]))


def _stored(connection: Connection | None, deployment: Deployment | None) -> dict[str, str]:
    if connection is None:
        return {"url": f"https://{deployment.host}"} if deployment and deployment.is_server else {}
    names = ("url", "login", "cloud_slug", "ca_certificates")
    return {name: getattr(connection, name) for name in names}


@transaction.atomic  # what is refused leaves no new instance behind
def _save(
    request: HttpRequest, enterprise: Enterprise, form: ServerForm | CloudForm, deployment: Deployment | None
) -> HttpResponse:
    typed = form.cleaned_data
    if deployment is None and isinstance(form, ServerForm):
        deployment = connections.new_server(enterprise, typed.pop("host") or connections.host_of(typed["url"]))
    elif deployment is None:
        deployment = deployments.cloud_of(enterprise)
    sync_now.connect(deployment, connected_by=user_of(request), **typed)
    say.done(
        request, gettext("The connection of %(source)s is saved. Its first sync has started.") % {"source": deployment}
    )
    page = resolve_url("instance", enterprise.slug, deployment.pk)
    return HttpResponseClientRedirect(page) if is_htmx(request) else redirect(page)


class ScheduleForm(forms.Form):
    schedule = forms.ChoiceField(label=_("Sync by itself"), choices=Schedule.choices, widget=forms.RadioSelect)


def schedule(request: HttpRequest, slug: str, deployment_id: int) -> HttpResponse:
    enterprise = enterprise_for(request, slug, owner=True)
    connection = get_object_or_404(Connection, deployment__pk=deployment_id, deployment__enterprise=enterprise)
    form = ScheduleForm(request.POST or None, initial={"schedule": connection.schedule})
    if form.is_valid():
        connections.set_schedule(connection, Schedule(form.cleaned_data["schedule"]))
        say.done(request, gettext("The schedule is saved."))
        return redirect("instance", enterprise.slug, deployment_id)
    context = {"enterprise": enterprise, "deployment": connection.deployment, "connection": connection, "form": form}
    return render(request, "connections/schedule.html", context)


def disconnect(request: HttpRequest, slug: str, deployment_id: int) -> HttpResponse:
    enterprise = enterprise_for(request, slug, owner=True)
    connection = get_object_or_404(Connection, deployment__pk=deployment_id, deployment__enterprise=enterprise)
    if request.method == "POST":
        connections.disconnect(connection)
        say.done(request, gettext("%(source)s is disconnected.") % {"source": connection.deployment})
        return redirect("instance", enterprise.slug, deployment_id)
    context = {"enterprise": enterprise, "deployment": connection.deployment}
    return ask_first(request, "connections/disconnect.html", context)


_INSTANCE = "enterprises/<slug:slug>/settings/instances/<int:deployment_id>"
urlpatterns = [
    path("enterprises/<slug:slug>/settings/instances/connect", connect_new_server, name="connect_new_server"),
    path("enterprises/<slug:slug>/settings/cloud/connect", connect_cloud, name="connect_cloud"),
    path(f"{_INSTANCE}/connect", connect_server, name="connect_server"),
    path(f"{_INSTANCE}/schedule", schedule, name="schedule"),
    path(f"{_INSTANCE}/disconnect", disconnect, name="disconnect"),
]
