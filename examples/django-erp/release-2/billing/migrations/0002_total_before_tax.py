from django.db import migrations, models


def fill(apps, _):
    for invoice in apps.get_model("billing", "Invoice").objects.all():
        invoice.total_before_tax = round(invoice.hours * invoice.rate, 2)
        invoice.save()


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]
    operations = [
        migrations.AddField(
            "Invoice",
            "total_before_tax",
            models.DecimalField(max_digits=12, decimal_places=2, null=True),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
