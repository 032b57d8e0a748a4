"""Which release this is."""

from importlib.metadata import PackageNotFoundError, version


def release() -> str:
    """The version of the service; "0" where it is not installed, but run from its source."""
    try:
        return version("secateurs")
    except PackageNotFoundError:
        return "0"
