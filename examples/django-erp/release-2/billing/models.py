from django.db import models


class Invoice(models.Model):
    tenant = models.CharField(max_length=63)
    hours = models.DecimalField(max_digits=8, decimal_places=2)
    rate = models.DecimalField(max_digits=10, decimal_places=2)
    # Written by this release alone: the one before leaves it empty.
    total_before_tax = models.DecimalField(max_digits=12, decimal_places=2, null=True)

    @property
    def total(self):
        return round(self.hours * self.rate, 2) if self.total_before_tax is None else self.total_before_tax

    def save(self, *args, **kwargs):
        self.total_before_tax = round(self.hours * self.rate, 2)
        super().save(*args, **kwargs)
