"""Until `flows.delete_deployment` held the turn to its end, the first list of an instance that was deleted while it was
written could leave its accounts behind, which belong to nobody and which nothing else finds."""

from typing import Any

from django.db import migrations

GONE = "deployment_id NOT IN (SELECT id FROM enterprises_deployment)"
TABLES = ("usage_clouduser", "usage_serveruseraccount", "usage_serveronlyperson")


def forget(_apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM usage_cloudaddress WHERE cloud_user_id IN (SELECT id FROM usage_clouduser WHERE {GONE})"
        )
        for table in TABLES:
            cursor.execute(f"DELETE FROM {table} WHERE {GONE}")


class Migration(migrations.Migration):
    atomic = False
    dependencies = (("usage", "0004_unlinked"),)
    operations = (migrations.RunPython(forget, migrations.RunPython.noop),)
