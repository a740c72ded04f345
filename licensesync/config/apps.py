from django.apps import AppConfig

from . import celery  # noqa: F401 - whoever starts Django can send to the queue


class ConfigConfig(AppConfig):
    name = "licensesync.config"
