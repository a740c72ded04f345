"""Which requests may bring files, and how large: refused before they fill the disk."""

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, StopUpload, TemporaryFileUploadHandler
from django.http import HttpRequest

from licensesync.errors import TOO_LARGE, ExpectedError


class NoUploads(FileUploadHandler):
    """The rule: nobody sends files. A view that takes some calls `allow_uploads` once it knows who asks."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        raise StopUpload(connection_reset=True)

    def file_complete(self, file_size: int) -> None:
        return None


class LimitedUploads(TemporaryFileUploadHandler):
    """Writes files to the incoming folder; stops reading at the first one that is larger than MAX_UPLOAD_BYTES."""

    is_too_large = False

    def receive_data_chunk(self, raw_data: bytes, start: int) -> Any:
        if start + len(raw_data) > settings.MAX_UPLOAD_BYTES:
            self.is_too_large = True
            raise StopUpload(connection_reset=True)
        return super().receive_data_chunk(raw_data, start)


def allow_uploads(request: HttpRequest) -> None:
    """Take files from this request. To be called before anything reads its form."""
    request.upload_handlers = [LimitedUploads(request)]


def is_too_large(request: HttpRequest) -> bool:
    """Whether a file of this request was larger than allowed, once its form has been read."""
    return any(isinstance(handler, LimitedUploads) and handler.is_too_large for handler in request.upload_handlers)


def too_large() -> ExpectedError:
    return ExpectedError(TOO_LARGE, limit=f"{settings.MAX_UPLOAD_BYTES // (1024 * 1024)} MB")
