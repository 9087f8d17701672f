"""The one tree of errors.

Every error that Groundwork raises on purpose is a `GroundworkError`. It carries what each edge needs:
the HTTP status and problem type for the API, the exit code for the command line, and for bad input the
field at fault. Edges render; nobody else formats errors.

    GroundworkError                 500   exit 1
    ├── InvalidInput                422   exit 2   names the field and the way out
    │   ├── BadRequest              400   exit 2   the request itself cannot be read
    │   ├── PayloadTooLarge         413   exit 2
    │   └── UnsupportedMediaType    415   exit 2
    ├── Unauthenticated             401   exit 1
    ├── Forbidden                   403   exit 1
    ├── NotFound                    404   exit 1
    │   └── IndexMissing            404   exit 1   nothing was ingested under that name
    ├── Conflict                    409   exit 1   somebody else holds it
    ├── GateRefused                 409   exit 3   built and kept, not promoted
    ├── ConfigurationError          500   exit 2   a setting is wrong; the message names it
    ├── SourceError                 502   exit 1   a source could not be read at all
    └── Unavailable                 503   exit 1   an engine or store does not answer
"""

from __future__ import annotations


class GroundworkError(Exception):
    """Root of all errors raised on purpose.

    `detail` is one sentence for a person: what is wrong and the way out. `field` is the name of the
    input at fault, where there is one.
    """

    status = 500
    exit_code = 1
    code = "internal"
    title = "Groundwork failed"

    def __init__(self, detail: str, *, field: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field


class InvalidInput(GroundworkError):
    """A value that cannot be accepted."""

    status = 422
    exit_code = 2
    code = "invalid-input"
    title = "Invalid input"


class BadRequest(InvalidInput):
    """The request as a whole cannot be read."""

    status = 400
    code = "bad-request"
    title = "Bad request"


class PayloadTooLarge(InvalidInput):
    """More bytes or characters than the limit."""

    status = 413
    code = "payload-too-large"
    title = "Payload too large"


class UnsupportedMediaType(InvalidInput):
    """A content type this endpoint does not read."""

    status = 415
    code = "unsupported-media-type"
    title = "Unsupported media type"


class Unauthenticated(GroundworkError):
    """No key, or one that is not valid."""

    status = 401
    code = "unauthenticated"
    title = "Authentication required"


class Forbidden(GroundworkError):
    """A valid key without the right to do this."""

    status = 403
    code = "forbidden"
    title = "Not allowed"


class NotFound(GroundworkError):
    """Nothing by that name."""

    status = 404
    code = "not-found"
    title = "Not found"


class IndexMissing(NotFound):
    """No live version under that index name."""

    code = "index-missing"
    title = "No such index"


class Conflict(GroundworkError):
    """Somebody else holds what this needs."""

    status = 409
    code = "conflict"
    title = "Conflict"


class GateRefused(GroundworkError):
    """A candidate was built and kept, and not promoted."""

    status = 409
    exit_code = 3
    code = "gate-refused"
    title = "The gate said no"


class ConfigurationError(GroundworkError):
    """A setting is missing or wrong."""

    exit_code = 2
    code = "configuration"
    title = "Configuration error"


class SourceError(GroundworkError):
    """A source of documents could not be read at all."""

    status = 502
    code = "source"
    title = "Source failed"


class Unavailable(GroundworkError):
    """An engine or a store does not answer. `retry_after` is in seconds, where it is known."""

    status = 503
    code = "unavailable"
    title = "Temporarily unavailable"

    def __init__(
        self, detail: str, *, field: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(detail, field=field)
        self.retry_after = retry_after
