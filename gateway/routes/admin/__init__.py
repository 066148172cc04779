"""What operators do: every call asks anew whether the caller is one, before anything else."""

from gateway.routes.admin import audit, deliveries, items, streaks, timeline, users

ROUTES = [
    *users.ROUTES,
    *streaks.ROUTES,
    *timeline.ROUTES,
    *items.ROUTES,
    *deliveries.ROUTES,
    *audit.ROUTES,
]
