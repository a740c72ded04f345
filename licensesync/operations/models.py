"""Who works for us: the workers and the scheduler, as they last said so."""

from django.db import models
from django.utils import timezone


class Seen(models.Model):
    """A running worker, or the scheduler. Its row goes when it stops, or a day after it was last seen."""

    name = models.CharField(max_length=255, unique=True)  # as in worker@HOST
    queues = models.CharField(max_length=255, blank=True)  # what it takes messages from, with commas between
    version = models.CharField(max_length=40)
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name

    @property
    def listens_to(self) -> str:
        return self.queues.replace(",", ", ")
