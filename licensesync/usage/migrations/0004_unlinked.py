from django.db import migrations, models

from licensesync.usage.index_beside_writers import AddIndexBesideWriters


class Migration(migrations.Migration):
    atomic = False
    dependencies = (("usage", "0003_idle"),)
    operations = (
        AddIndexBesideWriters(
            model_name="clouduser",
            index=models.Index(
                condition=models.Q(("consumes", False)), fields=["deployment", "user_id"], name="cloud_user_unlinked"
            ),
        ),
    )
