"""How passwords are hashed."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2(Argon2PasswordHasher):
    """With OWASP's least cost instead of Django's 100 MiB for each try.

    Anybody may try, sixteen at once: that was 1.6 GB, more than a small machine has. What was hashed before is hashed
    anew when its owner next signs in.
    """

    time_cost = 2
    memory_cost = 19 * 1024  # KiB
    parallelism = 1
