"""Fields that several forms have."""

from django import forms
from django.utils.translation import gettext_lazy as _


class EmailField(forms.EmailField):
    default_error_messages = {"invalid": _("Enter an e-mail address, such as mona@octo.example.")}
