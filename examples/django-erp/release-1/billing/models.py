from django.db import models


class Invoice(models.Model):
    tenant = models.CharField(max_length=63)
    hours = models.DecimalField(max_digits=8, decimal_places=2)
    rate = models.DecimalField(max_digits=10, decimal_places=2)

    @property
    def total(self):
        return round(self.hours * self.rate, 2)
