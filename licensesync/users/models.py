"""Who signs in. The e-mail address is the name; nothing else personal is kept."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.utils import timezone


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person who may sign in. What they may see is a matter of membership (`enterprises`)."""

    email = models.EmailField(max_length=254, unique=True)  # in small letters
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.email


class PasswordLinkRequest(models.Model):
    """That somebody asked for a link to a new password by mail, known here or not. Kept for an hour, to limit it."""

    email = models.CharField(max_length=254)  # as typed, in small letters
    client = models.CharField(max_length=64)  # a pseudonym of where it came from, never the address
    origin = models.CharField(max_length=255)  # what the link starts with, like https://licenses.example.com
    language = models.CharField(max_length=20)  # of whoever asked
    asked_at = models.DateTimeField(default=timezone.now)
    taken = models.BooleanField(default=False)  # by the worker that sends the mail

    class Meta:
        indexes = (models.Index(fields=["asked_at"], name="password_link_asked"),)

    def __str__(self) -> str:
        return f"{self.pk}: {self.asked_at}"
