"""Invitations: handing a link over, taking it back, and what whoever opens it sees."""

from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from licensesync.enterprises import queries, services
from licensesync.enterprises.models import Invitation
from licensesync.flows.mail_invitation import mail_invitation
from licensesync.users.links import absolute
from licensesync.users.models import User
from licensesync.users.queries import by_email
from licensesync.web import say, single_sign_on
from licensesync.web.access import enterprise_for, user_of
from licensesync.web.navigation import start_of
from licensesync.web.passwords import MODEL_BACKEND, PasswordTwice


def hand_over(request: HttpRequest, invitation: Invitation, token: str) -> None:
    """By mail where there is mail, and in any case once to copy."""
    link = absolute(request, reverse("invitation", args=[token]))
    names = {
        "email": invitation.email,
        "date": date_format(localtime(invitation.expires_at), gettext("M j, Y")),
    }
    if mail_invitation(invitation, link):
        sentence = gettext(
            "%(email)s is invited by mail. The same link, should it not arrive; it works once, until %(date)s."
        )
    else:
        sentence = gettext("Send this link to %(email)s. It works once, until %(date)s, and is not shown again.")
    say.done(request, sentence % names, link=link)


@require_POST
def renew_invitation(request: HttpRequest, slug: str, invitation_id: int) -> HttpResponse:
    enterprise = enterprise_for(request, slug, owner=True)
    invitation = get_object_or_404(queries.invitations(enterprise), pk=invitation_id)
    token = services.renew_invitation(invitation=invitation, invited_by=user_of(request))
    if token is None:
        raise Http404
    hand_over(request, invitation, token)
    return redirect("people", slug)


@require_POST
def revoke_invitation(request: HttpRequest, slug: str, invitation_id: int) -> HttpResponse:
    enterprise = enterprise_for(request, slug, owner=True)
    invitation = get_object_or_404(queries.invitations(enterprise), pk=invitation_id)
    services.revoke_invitation(invitation=invitation)
    sentence = gettext("The invitation of %(email)s is revoked. Its link no longer works.")
    say.done(request, sentence % {"email": invitation.email})
    return redirect("people", slug)


@login_not_required
@never_cache
@sensitive_post_parameters()
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Behind the link: join as who you are, sign in as who is invited, or choose a password as somebody new. Whom the
    proxy has signed in needs none."""
    found = queries.open_invitation(token)
    if found is None:
        return _gone(request)
    single_sign_on.arrive(request)
    email = user_of(request).email if request.user.is_authenticated else single_sign_on.named_by_proxy(request)
    if email:
        return _join(request, found, email)
    if by_email(found.email):
        return render(request, "outside/invitation_sign_in.html", {"invitation": found})
    return _join_as_new_person(request, found)


def _join(request: HttpRequest, invitation: Invitation, email: str) -> HttpResponse:
    context = {"invitation": invitation, "email": email}
    if email != invitation.email:
        return render(request, "outside/invitation_of_other.html", context)
    if request.method != "POST":
        return render(request, "outside/invitation_join.html", context)
    if request.user.is_authenticated:
        if not services.accept_invitation(invitation=invitation, user=user_of(request)):
            return _gone(request)
    elif user := services.accept_as_new_person(invitation=invitation, password=None):
        single_sign_on.sign_in(request, user)
    else:
        return _gone(request)
    return redirect(start_of(invitation.enterprise))


def _join_as_new_person(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    form = PasswordTwice(User(email=invitation.email), request.POST or None)
    if not form.is_valid():
        return render(request, "outside/invitation_new.html", {"invitation": invitation, "form": form})
    user = services.accept_as_new_person(invitation=invitation, password=form.password)
    if user is None:
        return _gone(request)
    login(request, user, backend=MODEL_BACKEND)
    return redirect(start_of(invitation.enterprise))


def _gone(request: HttpRequest) -> HttpResponse:
    return render(request, "outside/invitation_gone.html", status=410)


_INVITATION = "enterprises/<slug:slug>/settings/people/invitations/<int:invitation_id>"
urlpatterns = [
    path("invitations/<str:token>", invitation, name="invitation"),
    path(f"{_INVITATION}/renew", renew_invitation, name="renew_invitation"),
    path(f"{_INVITATION}/revoke", revoke_invitation, name="revoke_invitation"),
]
