from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(
            name="Invoice",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("tenant", models.CharField(max_length=63)),
                ("hours", models.DecimalField(max_digits=8, decimal_places=2)),
                ("rate", models.DecimalField(max_digits=10, decimal_places=2)),
            ],
        ),
    ]
