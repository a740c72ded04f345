"""Whom a person seems to be counted twice with is kept as well, so what was compared before is compared once more."""

from typing import Any

from django.db import migrations


def forget_comparisons(apps: Any, schema_editor: Any) -> None:
    apps.get_model("licenses", "GitHubComparison").objects.all().delete()


class Migration(migrations.Migration):
    atomic = False  # and alone: broken off, it is begun again

    dependencies = [("licenses", "0012_compare_anew")]
    operations = [migrations.RunPython(forget_comparisons, migrations.RunPython.noop)]
