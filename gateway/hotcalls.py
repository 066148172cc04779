"""The hot calls are found by one look at method and path, and served without the router.

Which of all routes is meant, and who handles which error, costs Starlette about as
much as all of ours together.
"""

from collections.abc import Iterable

from starlette.requests import Request
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.envelope import answer_to_error, refuse_unfit
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
        """Serves one request; what its endpoint raises is answered as by the Guard of the others."""
        endpoint = self._endpoints.get((scope["method"], scope["path"]))
        if endpoint is None:
            await self._others(scope, receive, send)
            return
        try:
            refuse_unfit(scope)
            response = await endpoint(Request(scope, receive))
        except Exception as error:  # noqa: BLE001  # a bug is a 500, logged
            response = answer_to_error(error, scope)
        await response(scope, receive, send)
