"""accounts and tokens."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "user",
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("hashed_password", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("is_superuser", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_verified", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=True),
        sa.Column("profile_picture", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("char_length(email) <= 254", name=op.f("user_email_to_254")),
        sa.CheckConstraint("char_length(email_key) <= 600", name=op.f("user_email_key_to_600")),
        sa.CheckConstraint(
            "char_length(full_name) BETWEEN 1 AND 200", name=op.f("user_full_name_to_200")
        ),
        sa.CheckConstraint(
            "char_length(hashed_password) <= 255", name=op.f("user_hashed_password_to_255")
        ),
        sa.CheckConstraint(
            "char_length(profile_picture) BETWEEN 1 AND 60000",
            name=op.f("user_profile_picture_to_60000"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("user_pkey")),
        sa.UniqueConstraint("email", name=op.f("user_email_unique")),
        sa.UniqueConstraint("email_key", name=op.f("user_email_key_unique")),
    )
    op.create_table(
        "refresh_family",
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "end_reason",
            postgresql.ENUM("logout", "password", "reuse", name="end_reason"),
            nullable=True,
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (end_reason IS NULL)",
            name=op.f("refresh_family_ended_for_a_reason"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("refresh_family_user_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("refresh_family_pkey")),
    )
    op.create_index(
        "refresh_family_ended",
        "refresh_family",
        ["ended_at"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NOT NULL"),
    )
    op.create_index("refresh_family_user", "refresh_family", ["user_id"], unique=False)
    op.create_table(
        "refresh_token",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("family_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("generation >= 1", name=op.f("refresh_token_generation_from_1")),
        sa.CheckConstraint(
            "octet_length(token_hash) = 32", name=op.f("refresh_token_token_hash_of_32_bytes")
        ),
        sa.ForeignKeyConstraint(
            ["family_id"], ["refresh_family.id"], name=op.f("refresh_token_refresh_family_fkey")
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("refresh_token_pkey")),
        sa.UniqueConstraint(
            "family_id", "generation", name=op.f("refresh_token_family_id_generation_unique")
        ),
    )
    op.create_table(
        "signing_key",
        sa.Column("kid", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("private_key", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("algorithm = 'EdDSA'", name=op.f("signing_key_algorithm_is_eddsa")),
        sa.CheckConstraint(
            "octet_length(private_key) = 60", name=op.f("signing_key_private_key_of_60_bytes")
        ),
        sa.CheckConstraint(
            "octet_length(public_key) = 32", name=op.f("signing_key_public_key_of_32_bytes")
        ),
        sa.PrimaryKeyConstraint("kid", name=op.f("signing_key_pkey")),
    )
    op.create_index(
        "signing_key_one_active",
        "signing_key",
        ["algorithm"],
        unique=True,
        postgresql_where=sa.text("retired_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("refresh_token")
    op.drop_index("refresh_family_user", table_name="refresh_family")
    op.drop_index(
        "refresh_family_ended",
        table_name="refresh_family",
        postgresql_where=sa.text("ended_at IS NOT NULL"),
    )
    op.drop_table("refresh_family")
    op.drop_table("user")
    op.drop_index(
        "signing_key_one_active",
        table_name="signing_key",
        postgresql_where=sa.text("retired_at IS NULL"),
    )
    op.drop_table("signing_key")
    op.execute("DROP TYPE end_reason")
