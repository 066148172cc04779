"""jobs: the queue, and what became of each."""

import sqlalchemy as sa
from alembic import op

from services.kit.migrations import make_queue

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "job_run",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("succeeded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.CheckConstraint("char_length(job) BETWEEN 1 AND 64", name=op.f("job_run_job_to_64")),
        sa.CheckConstraint("char_length(error) <= 200", name=op.f("job_run_error_to_200")),
        sa.CheckConstraint("done >= 0 AND failures >= 0", name=op.f("job_run_counts_from_0")),
        sa.PrimaryKeyConstraint("job", name=op.f("job_run_pkey")),
    )
    make_queue("procrastinate-3.10.sql")


def downgrade() -> None:
    op.execute("DROP SCHEMA jobs CASCADE")
    op.drop_table("job_run")
