"""The service over the sample site, as the tests of other clients have it."""

from tests.compat.conftest import address, settings, site

__all__ = ["address", "settings", "site"]
