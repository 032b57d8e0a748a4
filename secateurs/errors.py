"""What can go wrong between a client and its service, each told in one line that names the service's address.

ServiceError
├── Unreachable        nothing answers at the address, or the connection breaks
├── TimedOut           there was no answer in time
├── Refused            the service answered with an error; it has `status` and `retry_after`
└── UnexpectedAnswer   something answered, but not as a Secateurs service does
"""


class ServiceError(Exception):
    """The root: every error that a client raises about its service."""


class Unreachable(ServiceError):
    """Nothing answers at the address, or the connection breaks."""


class TimedOut(ServiceError, TimeoutError):
    """There was no answer in time."""


class Refused(ServiceError):
    """The service answered with an error.

    Attributes:
        status: the HTTP status: 401 for a missing key, 422 for a wrong option, 429 and 503 when it is busy.
        retry_after: seconds after which to ask again, where the service says so.
    """

    def __init__(self, message: str, status: int, retry_after: float | None = None) -> None:
        super().__init__(message, status, retry_after)  # all three, so that it can be pickled
        self.status = status
        self.retry_after = retry_after

    def __str__(self) -> str:
        return str(self.args[0])


class UnexpectedAnswer(ServiceError):
    """Something answered, but not as a Secateurs service does."""
