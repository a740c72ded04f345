"""The accounts behind the figures of a server: all, suspended or dormant ones, each with its license or why it has
none."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from licensesync.enterprises.models import Deployment, DeploymentKind
from licensesync.licenses import queries
from licensesync.licenses.server_accounts import ServerAccount, State, accounts_of, csv_of_accounts, with_licenses
from licensesync.web.access import enterprise_for
from licensesync.web.downloads import download_csv, name_of
from licensesync.web.paging import page_asked_for
from licensesync.web.person import why_not


@dataclass(frozen=True)
class Row:
    login: str
    name: str
    email: str
    is_site_admin: bool
    is_dormant: bool
    last_active_at: datetime | None
    license: int | None
    why_not: str  # it has no license, in a word


@dataclass(frozen=True)
class Tab:
    label: str
    number: int | None  # None: its list does not say
    query: str
    is_current: bool


@require_GET
def server_accounts(request: HttpRequest, slug: str, deployment_id: int) -> HttpResponse:
    server, state = _asked_for(request, slug, deployment_id)
    page = page_asked_for(request, accounts_of(server, state))
    query = urlencode({"state": state.value} if state else {})
    context = {
        "enterprise": server.enterprise,
        "server": server,
        "state": state,
        "query": query,
        "tabs": _tabs(server, state),
        "rows": [_row(each) for each in with_licenses(server, page.rows)],
        "page": page,
    }
    return render(request, "deployments/accounts.html", context)


@require_GET
def csv_of_server_accounts(request: HttpRequest, slug: str, deployment_id: int) -> HttpResponseBase:
    server, state = _asked_for(request, slug, deployment_id)
    lines = queries.all_of_one_count(csv_of_accounts(server, state), server.enterprise)
    what = "-".join(filter(None, (slugify(server.host.replace(".", "-")), state.value, "accounts")))
    return download_csv(request, server.enterprise, lines, name_of(server.enterprise, what, "csv"))


def _asked_for(request: HttpRequest, slug: str, deployment_id: int) -> tuple[Deployment, State]:
    enterprise = enterprise_for(request, slug)
    servers = Deployment.objects.filter(enterprise=enterprise, kind=DeploymentKind.SERVER)
    server = get_object_or_404(servers, pk=deployment_id)
    server.enterprise = enterprise  # of one generation to the end
    try:
        return server, State(request.GET.get("state", ""))
    except ValueError:
        raise Http404 from None


def _tabs(server: Deployment, state: State) -> list[Tab]:
    tabs = (
        (State.ALL, _("All"), server.accounts),
        (State.SUSPENDED, _("Suspended"), server.suspended),
        (State.DORMANT, _("Dormant"), server.dormant),
    )
    return [Tab(label, number, f"?state={each.value}" if each else "?", each == state) for each, label, number in tabs]


def _row(row: ServerAccount) -> Row:
    account = row.account
    return Row(
        login=account.login,
        name=account.name if account.name != account.login else "",
        email=account.email,
        is_site_admin=account.site_admin,
        is_dormant=bool(account.dormant) and not account.suspended,
        last_active_at=account.last_active_at,
        license=row.license,
        why_not=why_not(account),
    )


_ACCOUNTS = "enterprises/<slug:slug>/settings/instances/<int:deployment_id>/accounts"
urlpatterns = [
    path(_ACCOUNTS, server_accounts, name="server_accounts"),
    path(f"{_ACCOUNTS}.csv", csv_of_server_accounts, name="csv_of_server_accounts"),
]
