from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "licensesync.api"
