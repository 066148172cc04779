"""What an operator watches at the gateway."""

from functools import cache

from prometheus_client import Counter, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.kit import metrics

FIGURES = metrics.registry()
ANSWERS = Counter("nesra_answers", "Answers to players, by status.", ["status"], registry=FIGURES)
# By status; labels() alone looks each up anew.
answers = cache(ANSWERS.labels)


async def _figures(_: Request) -> Response:
    return Response(generate_latest(FIGURES), media_type=CONTENT_TYPE_LATEST)


def routes() -> list[Route]:
    """GET /metrics, for a developer's town: in production it has an address of its own."""
    return [Route("/metrics", _figures)]
