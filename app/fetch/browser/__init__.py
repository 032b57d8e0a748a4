"""The optional browser: draws pages whose text stands in no HTML, and reaches the web through our own proxy alone."""

from app.fetch.browser.pool import Browser, BrowserOptions

__all__ = ["Browser", "BrowserOptions"]
