"""What an operator watches: deliveries that wait, that are refused, that nobody tries any more."""

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from services.kit.errors import Unavailable
from services.session.outbox import PostgresOutbox


def deliveries(outboxes: Mapping[str, PostgresOutbox[Any]]) -> Iterator[Metric]:
    """How many rows are not settled, by kind and state; nothing while the database is away."""
    figure = GaugeMetricFamily(
        "nesra_deliveries",
        "What others must still be told of; dead: given up, see `nesra deliveries`.",
        labels=["kind", "state"],
    )
    try:
        for kind, outbox in outboxes.items():
            for state, rows in outbox.backlog()._asdict().items():
                figure.add_metric([kind, state], rows)
    except Unavailable:
        return
    yield figure
