from typing import Any

from django.db import migrations


def drop_index(apps: Any, schema_editor: Any) -> None:
    """On SQLite our own index holds the texts now. Every one is made anew, by whoever asks for it first."""
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("DROP INDEX IF EXISTS license_search")
    apps.get_model("licenses", "LicenseIndex").objects.all().delete()


class Migration(migrations.Migration):
    atomic = False  # and alone: broken off, it is begun again

    dependencies = [
        ("licenses", "0010_composition"),
    ]

    operations = [
        migrations.RunPython(drop_index, migrations.RunPython.noop),
    ]
