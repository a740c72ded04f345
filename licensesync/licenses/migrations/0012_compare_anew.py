"""A cause came in between: what was compared before names causes by their places, so it is compared once more."""

from typing import Any

from django.db import migrations


def forget_comparisons(apps: Any, schema_editor: Any) -> None:
    apps.get_model("licenses", "GitHubComparison").objects.all().delete()


class Migration(migrations.Migration):
    atomic = False  # and alone: broken off, it is begun again

    dependencies = [("licenses", "0011_search_in_memory_on_sqlite")]
    operations = [migrations.RunPython(forget_comparisons, migrations.RunPython.noop)]
