"""The enterprise that a command is about."""

from django.core.management import CommandError

from licensesync.enterprises.models import Enterprise


def enterprise_of(slug: str) -> Enterprise:
    try:
        return Enterprise.objects.get(slug=slug)
    except Enterprise.DoesNotExist:
        raise CommandError(f"There is no enterprise {slug}. Create it with manage.py bootstrap.") from None
