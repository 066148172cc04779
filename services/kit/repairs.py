"""The table in which a service's database keeps what `nesra repair` mended."""

from sqlalchemy import CheckConstraint, Column, DateTime, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import UUID


def repair_table(metadata: MetaData) -> Table:
    """The table `repair`: what stood there before and after, why, and by whom. Only ever added to."""
    return Table(
        "repair",
        metadata,
        Column("user_id", UUID(as_uuid=False), primary_key=True),
        Column("id", UUID(as_uuid=False), primary_key=True),
        Column("invariant", Text, nullable=False),
        Column("before", Text, nullable=False),
        Column("after", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("operator", Text, nullable=False),
        Column("repaired_at", DateTime(timezone=True), nullable=False),
        CheckConstraint("char_length(invariant) <= 10", name="invariant_to_10"),
        CheckConstraint("char_length(reason) <= 500", name="reason_to_500"),
        CheckConstraint("char_length(operator) <= 80", name="operator_to_80"),
    )
