"""What operators do: every call asks anew whether the caller is one, before anything else."""

from gateway.routes.admin import audit, deliveries, items, timeline, users

ROUTES = [
    *users.ROUTES,
    *timeline.ROUTES,
    *items.ROUTES,
    *deliveries.ROUTES,
    *audit.ROUTES,
]
