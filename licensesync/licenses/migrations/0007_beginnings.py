from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0006_github_comparison"),
    ]

    operations = [
        migrations.AddField(
            model_name="consumedlicense",
            name="beginnings",
            field=models.TextField(blank=True, db_default=""),
        ),
    ]
