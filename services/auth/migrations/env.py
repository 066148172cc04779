"""Where Alembic enters: see services/kit/migrations.py."""

from services.auth.tables import metadata
from services.kit.migrations import run_environment

run_environment(metadata)
