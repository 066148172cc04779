"""Where Alembic enters: see services/kit/migrations.py."""

from services.inventory.tables import metadata
from services.kit.migrations import run_environment

run_environment(metadata)
