"""The hot calls are found by one look at method and path, and served without the router.

Which of all routes is meant, and who handles which error, costs Starlette about as
much as all of ours together. What a hot call raises, the Guard around it answers.
"""

from collections.abc import Iterable

from starlette.requests import Request
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.plain import PlainRoute


class HotCalls:
    """Serves the hot ones among `routes`, and leaves everything else to `others`.

    A hot call bounds its own time: it waits for its body and for its batch, and for
    nothing else.
    """

    def __init__(self, routes: Iterable[BaseRoute], others: ASGIApp) -> None:
        self._others = others
        self._endpoints = {
            (method, route.path): route.served
            for route in routes
            if isinstance(route, PlainRoute) and route.is_hot
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request. Raises what its endpoint raises."""
        endpoint = self._endpoints.get((scope["method"], scope["path"]))
        if endpoint is None:
            await self._others(scope, receive, send)
            return
        response = await endpoint(Request(scope, receive, send))
        await response(scope, receive, send)
