"""Routes of other services' wire formats, whose clients read errors in shapes of their own."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from app.api.json_route import JsonRoute
from app.api.problems import EXPLAINED, Explained, explained

# From an error to its status and the JSON of the answer.
Shape = Callable[[Explained], tuple[int, Any]]


def shaped_route(shape: Shape) -> type[JsonRoute]:
    """A class of routes whose errors are told as `shape` tells them."""

    class ShapedRoute(JsonRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def handle_shaped(request: Request) -> Response:
                try:
                    return await handle(request)
                except EXPLAINED as error:
                    told = explained(request, error)
                    status, content = shape(told)
                    return JSONResponse(content, status, dict(told.headers))

            return handle_shaped

    return ShapedRoute
