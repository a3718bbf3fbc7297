"""Serves the application on the port of its slot. A real system would use one of Python's servers for production."""
import os
from wsgiref.simple_server import WSGIRequestHandler, make_server

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")

from django.core.wsgi import get_wsgi_application  # noqa: E402


class Quiet(WSGIRequestHandler):
    def address_string(self):
        return self.client_address[0]

    def log_message(self, *_):
        pass


make_server(os.environ["HOST"], int(os.environ["PORT"]), get_wsgi_application(), handler_class=Quiet).serve_forever()
