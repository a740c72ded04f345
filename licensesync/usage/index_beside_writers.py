"""An index of a large table: made while others write, in a migration that is not atomic, and that can be run again."""

from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class AddIndexBesideWriters(AddIndexConcurrently):
    """On PostgreSQL others write meanwhile, and what an earlier try has left half done is dropped first."""

    def database_forwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        if schema_editor.connection.vendor == "sqlite":
            migrations.AddIndex.database_forwards(self, app_label, schema_editor, *states)
            return
        name = schema_editor.quote_name(self.index.name)
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        super().database_forwards(app_label, schema_editor, *states)

    def database_backwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        if schema_editor.connection.vendor == "sqlite":
            migrations.AddIndex.database_backwards(self, app_label, schema_editor, *states)
            return
        super().database_backwards(app_label, schema_editor, *states)
