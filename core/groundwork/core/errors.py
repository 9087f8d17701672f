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
    ├── BudgetExceeded              402   exit 1   says which budget, what is left and when it begins anew
    ├── Forbidden                   403   exit 1
    ├── NotFound                    404   exit 1
    │   └── IndexMissing            404   exit 1   nothing was ingested under that name
    ├── Conflict                    409   exit 1   somebody else holds it
    ├── TooManyRequests             429   exit 1   a rate limit; says what is left and when to come again
    ├── GateRefused                 409   exit 3   built and kept, not promoted
    ├── ConfigurationError          500   exit 2   a setting is wrong; the message names it
    ├── SourceError                 502   exit 1   a source could not be read at all
    └── Unavailable                 503   exit 1   an engine or store does not answer
        └── EngineError             502   exit 1   a language model's engine did not answer as it should
            ├── EngineDown          503   exit 1   refused, failing, or left alone after failures
            ├── EngineBusy          503   exit 1   a place was waited for in vain
            │   └── EngineFull      429   exit 1   no room even to wait
            ├── EngineTimeout       504   exit 1   no first token, silence, or too long in all
            ├── EngineBroken        502   exit 1   it broke off, or sent what cannot be read
            └── EngineRefused       502   exit 1   it will not do this request, now or later
                └── ContextTooLong  422   exit 2   more tokens than its window
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from groundwork.core.answers import Usage


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


class BudgetExceeded(GroundworkError):
    """What this request may cost does not fit into a budget. `budget` is its standing, as the API shows it."""

    status = 402
    code = "budget-exceeded"
    title = "Budget used up"

    def __init__(
        self, detail: str, *, budget: Mapping[str, object], retry_after: float | None = None
    ) -> None:
        super().__init__(detail, field="budget")
        self.budget = dict(budget)
        self.retry_after = retry_after


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


class TooManyRequests(GroundworkError):
    """A rate limit. `limit` says which, what is left and when; `retry_after` is in seconds."""

    status = 429
    code = "too-many-requests"
    title = "Too many requests"

    def __init__(
        self,
        detail: str,
        *,
        limit: Mapping[str, object],
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail, field="limits")
        self.limit = dict(limit)
        self.retry_after = retry_after


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


class EngineError(Unavailable):
    """A language model's engine did not answer as it should.

    `sent` says that text of the answer had been handed on before; such an answer cannot be begun anew.
    `usage` is what the engine had counted until then, where it said so: it may have to be paid for.
    """

    status = 502
    code = "engine"
    title = "The language model failed"

    def __init__(
        self,
        detail: str,
        *,
        field: str | None = None,
        retry_after: float | None = None,
        sent: bool = False,
        usage: Usage | None = None,
    ) -> None:
        super().__init__(detail, field=field, retry_after=retry_after)
        self.sent = sent
        self.usage = usage


class EngineDown(EngineError):
    """It refuses connections, fails, or is left alone for a while after failures."""

    status = 503
    code = "engine-down"
    title = "The language model is down"


class EngineBusy(EngineError):
    """A place among the requests in flight was waited for in vain."""

    status = 503
    code = "engine-busy"
    title = "The language model is busy"


class EngineFull(EngineBusy):
    """There is no room even to wait."""

    status = 429
    code = "engine-full"


class EngineTimeout(EngineError):
    """No first token, silence between tokens, or an answer that takes too long in all."""

    status = 504
    code = "engine-timeout"
    title = "The language model took too long"


class EngineBroken(EngineError):
    """It broke off in the middle, or sent what cannot be read."""

    code = "engine-broken"
    title = "The language model broke off"


class EngineRefused(EngineError):
    """It will not do this request, now or later: the key, the model or a parameter is wrong."""

    code = "engine-refused"
    title = "The language model refused the request"


class ContextTooLong(EngineRefused):
    """The prompt and the answer asked for are more tokens than the model's window."""

    status = 422
    exit_code = 2
    code = "context-length-exceeded"
    title = "Too long for the language model"
