from django.db import migrations, models
from django.db.models.functions import Lower

from licensesync.usage.index_beside_writers import AddIndexBesideWriters


class Migration(migrations.Migration):
    atomic = False
    dependencies = (("enterprises", "0010_license_expires_at"), ("usage", "0001_initial"))
    operations = (
        AddIndexBesideWriters(
            model_name="serveruseraccount",
            index=models.Index(
                Lower("login"),
                condition=models.Q(("consumes", False), ("valid_to", 2147483647)),
                name="server_account_uncounted",
            ),
        ),
    )
