"""Which requests may bring files, and how large: refused before they fill the disk."""

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, StopUpload, TemporaryFileUploadHandler
from django.http import HttpRequest

from licensesync.errors import TOO_LARGE, ExpectedError
from licensesync.flows.payloads import refuse_without_room


class NoUploads(FileUploadHandler):
    """The rule: nobody sends files. A view that takes some calls `allow_uploads` once it knows who asks."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        raise StopUpload(connection_reset=True)

    def file_complete(self, file_size: int) -> None:
        return None


class LimitedUploads(TemporaryFileUploadHandler):
    """Writes files to the incoming folder. Stops reading where one is larger than MAX_UPLOAD_BYTES, or the disk would
    be full; `problem` then says so.
    """

    problem: ExpectedError | None = None

    def receive_data_chunk(self, raw_data: bytes, start: int) -> Any:
        try:
            if start + len(raw_data) > settings.MAX_UPLOAD_BYTES:
                raise too_large()
            refuse_without_room()
        except ExpectedError as error:
            self.problem = error
            raise StopUpload(connection_reset=True) from None
        return super().receive_data_chunk(raw_data, start)


def allow_uploads(request: HttpRequest) -> None:
    """Take files from this request. To be called before anything reads its form."""
    request.upload_handlers = [LimitedUploads(request)]


def problem_of_upload(request: HttpRequest) -> ExpectedError | None:
    """Why the files of this request were not taken, once its form has been read."""
    return next((each.problem for each in request.upload_handlers if isinstance(each, LimitedUploads)), None)


def too_large() -> ExpectedError:
    return ExpectedError(TOO_LARGE, limit=f"{settings.MAX_UPLOAD_BYTES // (1024 * 1024)} MB")
