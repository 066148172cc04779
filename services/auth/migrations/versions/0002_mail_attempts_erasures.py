"""mail, its tokens, attempts, devices, deletion and erasure."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

LETTERS = ("verify", "reset", "password_changed", "email_changed", "deletion")


def upgrade() -> None:
    op.execute("ALTER TYPE end_reason ADD VALUE 'deletion'")
    op.add_column("user", sa.Column("deletes_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "user_deleted",
        "user",
        ["deletes_at"],
        postgresql_where=sa.text("deletes_at IS NOT NULL"),
    )
    op.add_column("refresh_family", sa.Column("device", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("refresh_family_device_to_200"),
        "refresh_family",
        "char_length(device) BETWEEN 1 AND 200",
    )
    op.create_index(
        "refresh_token_used",
        "refresh_token",
        ["used_at"],
        postgresql_where=sa.text("used_at IS NOT NULL"),
    )
    op.create_table(
        "mail",
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("letter", postgresql.ENUM(*LETTERS, name="letter"), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("send_after", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("char_length(email) <= 254", name=op.f("mail_email_to_254")),
        sa.CheckConstraint("char_length(email_key) <= 600", name=op.f("mail_email_key_to_600")),
        sa.CheckConstraint("tries >= 0", name=op.f("mail_tries_from_0")),
        sa.PrimaryKeyConstraint("id", name=op.f("mail_pkey")),
        sa.UniqueConstraint("email_key", "letter", name=op.f("mail_email_key_letter_unique")),
    )
    op.create_index("mail_due", "mail", ["send_after"])
    op.create_table(
        "mail_token",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("purpose", postgresql.ENUM("verify", "reset", name="purpose"), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "char_length(email_key) <= 600", name=op.f("mail_token_email_key_to_600")
        ),
        sa.CheckConstraint(
            "octet_length(token_hash) = 32", name=op.f("mail_token_token_hash_of_32_bytes")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("mail_token_user_fkey")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("mail_token_pkey")),
    )
    op.create_index("mail_token_user", "mail_token", ["user_id"])
    op.create_index("mail_token_expires", "mail_token", ["expires_at"])
    op.create_table(
        "attempt",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("count >= 1", name=op.f("attempt_count_from_1")),
        sa.CheckConstraint("octet_length(key) = 32", name=op.f("attempt_key_of_32_bytes")),
        sa.PrimaryKeyConstraint("key", name=op.f("attempt_pkey")),
    )
    op.create_index("attempt_since", "attempt", ["since"])
    op.create_table(
        "erasure",
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ask_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("rows >= 0", name=op.f("erasure_rows_from_0")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("erasure_pkey")),
    )
    op.create_index("erasure_due", "erasure", ["ask_at"])


def downgrade() -> None:
    for table in ("erasure", "attempt", "mail_token", "mail"):
        op.drop_table(table)
    op.execute("DROP TYPE letter")
    op.execute("DROP TYPE purpose")
    op.drop_index("refresh_token_used", table_name="refresh_token")
    op.drop_column("refresh_family", "device")
    op.drop_index("user_deleted", table_name="user")
    op.drop_column("user", "deletes_at")
    # A value cannot be taken out of an enum; the version before does not know it and needs not.
