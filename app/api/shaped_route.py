"""Routes of other services' wire formats, whose clients read errors in shapes of their own."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from app.api.json_route import JsonRoute
from app.api.problems import EXPLAINED, Explained, explained

# From an error to its status and the JSON of the answer.
Shape = Callable[[Explained], tuple[int, Any]]
# From a request and its error to the answer.
Tell = Callable[[Request, Explained], Response]


def shaped_route(shape: Shape) -> type[JsonRoute]:
    """A class of routes whose errors are told in JSON, as `shape` tells them."""

    def tell(_: Request, told: Explained) -> Response:
        status, content = shape(told)
        return JSONResponse(content, status, dict(told.headers))

    return told_route(tell)


def told_route(tell: Tell) -> type[JsonRoute]:
    """A class of routes whose errors are answered by `tell`."""

    class ToldRoute(JsonRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def handle_told(request: Request) -> Response:
                try:
                    return await handle(request)
                except EXPLAINED as error:
                    return tell(request, explained(request, error))

            return handle_told

    return ToldRoute
