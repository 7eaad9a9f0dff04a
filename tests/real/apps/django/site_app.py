"""A Django site in one file: Django's admin, uploads, and a WebSocket for whoever is logged in. `SITE` is its directory."""

import os
import sys
from pathlib import Path

import django
from django.conf import settings
from django.contrib import admin
from django.core.files.storage import default_storage
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.urls import path

SITE = Path(os.environ["SITE"])

settings.configure(
    SECRET_KEY="of a test", DEBUG=False, ALLOWED_HOSTS=["localhost"], ROOT_URLCONF=__name__, DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=[f"django.contrib.{name}" for name in ("admin", "auth", "contenttypes", "sessions", "messages", "staticfiles")],
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.contrib.sessions.middleware.SessionMiddleware",
                "django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware", "django.contrib.messages.middleware.MessageMiddleware"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": SITE / "db", "OPTIONS": {"timeout": 20}}},
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {"context_processors": [
        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages"]}}],
    STATIC_URL="/static/", STATIC_ROOT=SITE / "static", MEDIA_URL="/media/", MEDIA_ROOT=SITE / "media",
    STORAGES={"default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
              "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}},
    SESSION_COOKIE_SECURE=True, CSRF_COOKIE_SECURE=True,
)
django.setup()


def who(request):
    """What Django knows of a request."""
    return JsonResponse({"user": request.user.username, "secure": request.is_secure(), "host": request.get_host(),
                         "address": request.META["REMOTE_ADDR"], "token": get_token(request)})


def upload(request):
    file = request.FILES["file"]
    return JsonResponse({"url": default_storage.url(default_storage.save(file.name, file)), "size": file.size})


def live(request):
    """Greets by name, then echoes. Strangers are told to go before there is a WebSocket."""
    import uwsgi

    if not request.user.is_authenticated:
        return HttpResponse("log in first", status=403)
    uwsgi.websocket_handshake(request.META["HTTP_SEC_WEBSOCKET_KEY"], request.META.get("HTTP_ORIGIN", ""))
    try:
        uwsgi.websocket_send(f"hello {request.user.username}")
        while True:
            uwsgi.websocket_send(uwsgi.websocket_recv())
    except OSError:
        return HttpResponse()


urlpatterns = [path("admin/", admin.site.urls), path("who/", who), path("upload/", upload), path("ws/live/", live)]
application = WSGIHandler()

if __name__ == "__main__":
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
