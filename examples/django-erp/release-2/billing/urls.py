from decimal import Decimal

from django.http import HttpResponse, JsonResponse
from django.urls import path

from billing.models import Invoice

RELEASE = "2"


def health(_):
    return HttpResponse("ok")


def invoices(_, tenant):
    found = Invoice.objects.filter(tenant=tenant).order_by("id")
    return JsonResponse({"release": RELEASE, "totals": [str(invoice.total) for invoice in found]})


def bill(_, tenant, hours):
    invoice = Invoice.objects.create(tenant=tenant, hours=Decimal(hours), rate=Decimal("80"))
    return JsonResponse({"release": RELEASE, "total": str(invoice.total)})


urlpatterns = [
    path("health", health),
    path("t/<str:tenant>/invoices", invoices),
    path("t/<str:tenant>/bill/<str:hours>", bill),
]
