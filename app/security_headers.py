"""Headers by which browsers do nothing with an answer that it isn't meant for, on each answer that has no own."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# HSTS is left to the proxy that ends TLS: only that knows whether the service is reached by HTTPS alone.
HEADERS = {
    # What is shown loads nothing, sends nothing and stands in nobody's frame; a page with needs says so by itself.
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that don't know frame-ancestors
    # An answer is for the one who has the key.
    "Cache-Control": "no-store",
}


class SecurityHeaders:
    """Adds the headers that an answer doesn't have."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)
