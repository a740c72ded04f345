"""The enterprises of a person, a new one, and the profile of one."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.text import slugify
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from licensesync.enterprises import services
from licensesync.enterprises.models import MOST_LICENSES, Deployment, Enterprise, LicenseModel, validate_slug
from licensesync.enterprises.queries import may_create_enterprise, members, memberships_of
from licensesync.errors import ExpectedError
from licensesync.flows import delete_enterprise
from licensesync.licenses.queries import current_count
from licensesync.web import say, words
from licensesync.web.access import enterprise_for, is_owner, user_of
from licensesync.web.navigation import start_of


class SeatsField(forms.IntegerField):
    """A number of licenses, typed with or without separators. Empty is none."""

    def __init__(self, label: Any) -> None:
        whole = _("Enter a whole number, for example 2400.")
        super().__init__(
            label=label,
            required=False,
            min_value=0,
            max_value=MOST_LICENSES,
            localize=True,
            widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
            error_messages={"invalid": whole, "min_value": whole, "max_value": whole},
        )

    def clean(self, value: Any) -> int:
        return super().clean(value) or 0


class ProfileForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    license_model = forms.ChoiceField(
        label=_("Billing"), choices=LicenseModel.choices, initial=LicenseModel.VOLUME, widget=forms.RadioSelect
    )
    enterprise_licenses = SeatsField(_("Enterprise licenses"))
    visual_studio_licenses = SeatsField(_("Visual Studio subscription licenses"))


class SettingsForm(ProfileForm):
    keeps_names = forms.BooleanField(
        label=_("Profile names"),
        required=False,
        help_text=_("Without them people are shown and found by their logins and addresses."),
    )
    keeps_secondary_emails = forms.BooleanField(
        label=_("Secondary e-mails of server accounts"),
        required=False,
        help_text=_("Nobody is matched by them. Without them nobody can say which licenses could be freed."),
    )


class NewEnterpriseForm(ProfileForm):
    slug = forms.CharField(
        label=_("Slug"),
        required=False,
        max_length=60,
        help_text=_("Part of every address, and fixed once the enterprise exists. Use the slug it has on GitHub."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "data-slug-from": "id_name"}),
    )
    field_order = ("name", "slug")

    def clean_slug(self) -> str:
        """As typed, else from the name."""
        slug = str(self.cleaned_data["slug"]).strip().lower() or slugify(self.cleaned_data.get("name", ""))[:60]
        validate_slug(slug)
        return slug


@require_safe
def enterprises(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    context = {"memberships": memberships_of(user), "may_create": may_create_enterprise(user)}
    return render(request, "enterprises/list.html", context)


def new_enterprise(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    if not may_create_enterprise(user):
        raise Http404
    form = NewEnterpriseForm(request.POST or None)
    if form.is_valid():
        try:
            enterprise = services.create_enterprise(owner=user, **form.cleaned_data)
            return redirect(start_of(enterprise))
        except ExpectedError as error:
            form.add_error("slug", words.problem_of(error))
    return render(request, "enterprises/new.html", {"form": form})


def enterprise_profile(request: HttpRequest, slug: str) -> HttpResponse:
    """Owners change it, billing managers read it."""
    enterprise = enterprise_for(request, slug, owner=request.method == "POST")
    now = {name: getattr(enterprise, name) for name in SettingsForm.base_fields}
    form = SettingsForm(request.POST or None, initial=now)
    for field in form.fields.values():
        field.show_hidden_initial = True  # what the reader saw: what they left as it was is not theirs to save
    if form.is_valid():
        changed = {name: form.cleaned_data[name] for name in form.changed_data}
        services.update_enterprise(enterprise, **changed)
        say.done(request, gettext("Profile and seats are saved."))
        return redirect("enterprise_profile", enterprise.slug)
    context = {"enterprise": enterprise, "form": form, "is_owner": is_owner(request, enterprise)}
    return render(request, "enterprises/profile.html", context)


class SlugForm(forms.Form):
    """Whoever deletes an enterprise types its slug: there is no way back."""

    slug = forms.CharField(max_length=60, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}))

    def __init__(self, *args: Any, enterprise: Enterprise, **more: Any) -> None:
        super().__init__(*args, **more)
        self.enterprise = enterprise
        self.fields["slug"].label = gettext("Type %(slug)s to confirm") % {"slug": enterprise.slug}

    def clean_slug(self) -> str:
        typed = str(self.cleaned_data["slug"]).strip()
        if typed != self.enterprise.slug:
            raise ValidationError(gettext("This is not the slug of the enterprise. Nothing was deleted."))
        return typed


def delete(request: HttpRequest, slug: str) -> HttpResponse:
    enterprise = enterprise_for(request, slug, owner=True)
    form = SlugForm(request.POST or None, enterprise=enterprise)
    if form.is_valid():
        name = enterprise.name
        delete_enterprise.request_deletion(enterprise)
        say.done(request, gettext("%(name)s is deleted. What is stored of it goes within minutes.") % {"name": name})
        return redirect("enterprises")
    count = current_count(enterprise)
    context = {
        "enterprise": enterprise,
        "form": form,
        "licenses": count.consumed if count else 0,
        "deployments": Deployment.objects.filter(enterprise=enterprise).count(),
        "members": members(enterprise).count(),
    }
    return render(request, "enterprises/delete.html", context)


urlpatterns = [
    path("enterprises", enterprises, name="enterprises"),
    path("enterprises/new", new_enterprise, name="new_enterprise"),
    path("enterprises/<slug:slug>/settings/profile", enterprise_profile, name="enterprise_profile"),
    path("enterprises/<slug:slug>/settings/delete", delete, name="delete_enterprise"),
]
