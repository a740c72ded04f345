from django.db import migrations, models

from licensesync.usage.index_beside_writers import AddIndexBesideWriters


class Migration(migrations.Migration):
    atomic = False
    dependencies = (("usage", "0002_uncounted"),)
    operations = (
        AddIndexBesideWriters(
            model_name="serveruseraccount",
            index=models.Index(
                condition=models.Q(("suspended", True), ("dormant", True), _connector="OR"),
                fields=["deployment", "user_id"],
                name="server_account_idle",
            ),
        ),
    )
