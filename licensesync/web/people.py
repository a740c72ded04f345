"""Owners and billing: the people of an enterprise and their roles."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from licensesync.enterprises import services
from licensesync.enterprises.models import Role
from licensesync.enterprises.queries import invitations, members
from licensesync.errors import ExpectedError
from licensesync.users.links import absolute
from licensesync.web import say, words
from licensesync.web.access import enterprise_for, is_owner, user_of
from licensesync.web.asked import ask_first
from licensesync.web.fields import EmailField
from licensesync.web.invitations import hand_over


class InviteForm(forms.Form):
    email = EmailField(label=_("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.BILLING_MANAGER)


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices)


def people(request: HttpRequest, slug: str) -> HttpResponse:
    """The list; owners also invite here."""
    enterprise = enterprise_for(request, slug, owner=request.method == "POST")
    form = InviteForm(request.POST or None)
    if form.is_valid():
        email, role = form.cleaned_data["email"], Role(form.cleaned_data["role"])
        try:
            invitation, token = services.invite(
                enterprise=enterprise, email=email, role=role, invited_by=user_of(request)
            )
            hand_over(request, invitation, token)
            return redirect("people", slug)
        except ExpectedError as error:
            form.add_error("email", words.problem_of(error))
    context = {
        "enterprise": enterprise,
        "is_owner": is_owner(request, enterprise),
        "members": members(enterprise),
        "invitations": invitations(enterprise),
        "roles": Role.choices,
        "form": form,
    }
    return render(request, "people/page.html", context)


@require_POST
def change_role(request: HttpRequest, slug: str, member_id: int) -> HttpResponse:
    enterprise = enterprise_for(request, slug, owner=True)
    membership = get_object_or_404(members(enterprise), pk=member_id)
    form = RoleForm(request.POST)
    if form.is_valid():
        role = Role(form.cleaned_data["role"])
        try:
            services.change_role(membership=membership, role=role)
            sentence = gettext("%(email)s now has the role %(role)s.")
            say.done(request, sentence % {"email": membership.user.email, "role": role.label})
        except ExpectedError as error:
            say.refused(request, words.problem_of(error))
    return redirect("people", slug)


def step_down(request: HttpRequest, slug: str) -> HttpResponse:
    """Give up one's own role of an owner. Asks first, as only another owner can give it back."""
    enterprise = enterprise_for(request, slug, owner=True)
    membership = get_object_or_404(members(enterprise), user=user_of(request))
    if request.method == "POST":
        try:
            services.change_role(membership=membership, role=Role.BILLING_MANAGER)
            say.done(request, gettext("You are a billing manager of %(name)s now.") % {"name": enterprise})
        except ExpectedError as error:
            say.refused(request, words.problem_of(error))
        return redirect("people", slug)
    return ask_first(request, "people/step_down.html", {"enterprise": enterprise})


def remove_member(request: HttpRequest, slug: str, member_id: int) -> HttpResponse:
    """Owners remove anybody; whoever is no owner can leave."""
    enterprise = enterprise_for(request, slug)
    membership = get_object_or_404(members(enterprise), pk=member_id)
    if membership.user != user_of(request):
        enterprise_for(request, slug, owner=True)
    if request.method == "POST":
        try:
            services.remove_member(membership=membership)
            say.done(request, gettext("%(email)s is removed.") % {"email": membership.user.email})
        except ExpectedError as error:
            say.refused(request, words.problem_of(error))
        is_still_here = is_owner(request, enterprise)  # an owner may have left
        return redirect("people", slug) if is_still_here else redirect("home")
    other_owners = members(enterprise).filter(role=Role.OWNER).exclude(pk=membership.pk)
    context = {"enterprise": enterprise, "membership": membership, "is_last_owner": not other_owners.exists()}
    return ask_first(request, "people/remove.html", context)


@require_POST
def make_password_link(request: HttpRequest, slug: str, member_id: int) -> HttpResponse:
    """For a member who forgot the password, where that lets the owner into nothing that is not theirs."""
    enterprise = enterprise_for(request, slug, owner=True)
    person = get_object_or_404(members(enterprise), pk=member_id).user
    names = {"email": person.email}
    if new_password := services.make_password_link(enterprise=enterprise, owner=user_of(request), person=person):
        sentence = gettext("Send this link to %(email)s, who chooses a new password there. It works once, for a day.")
        say.done(request, sentence % names, link=absolute(request, new_password))
    else:
        sentence = gettext(
            "%(email)s also belongs to an enterprise that you don’t own, or operates LicenseSync. Nothing was changed. "
            "Whoever operates LicenseSync makes such a link with: manage.py reset_password %(email)s"
        )
        say.refused(request, sentence % names)
    return redirect("people", slug)


_PEOPLE = "enterprises/<slug:slug>/settings/people"
urlpatterns = [
    path(_PEOPLE, people, name="people"),
    path(f"{_PEOPLE}/<int:member_id>/role", change_role, name="change_role"),
    path(f"{_PEOPLE}/<int:member_id>/remove", remove_member, name="remove_member"),
    path(f"{_PEOPLE}/step-down", step_down, name="step_down"),
    path(f"{_PEOPLE}/<int:member_id>/password-link", make_password_link, name="make_password_link"),
]
