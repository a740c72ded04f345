from django.db import migrations, models

KINDS = [
    (1, 'Saml Or Scim'), (2, 'Verified Email'), (3, 'Server Account'), (4, 'Subscription'), (5, 'Identity'),
]


class Migration(migrations.Migration):

    dependencies = [
        ('usage', '0005_of_nobody'),
    ]

    operations = [
        migrations.AddField(
            model_name='clouduser',
            name='identity_addresses',
            field=models.TextField(blank=True, db_default='', default=''),
        ),
        # A choice more is no change to the table, which SQLite would copy.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name='cloudaddress',
                    name='kind',
                    field=models.PositiveSmallIntegerField(choices=KINDS),
                ),
            ],
        ),
    ]
