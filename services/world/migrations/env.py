"""Where Alembic enters: see services/kit/migrations.py."""

from services.kit.migrations import run_environment
from services.world.tables import metadata

run_environment(metadata)
