"""The tables of the auth service.

Auth is the listed exception to keys that begin with `user_id`: it looks
accounts up by e-mail, and tokens by their hash.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ENUM, UUID

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_unique",
        "ck": "%(table_name)s_%(constraint_name)s",
        "fk": "%(table_name)s_%(referred_table_name)s_fkey",
    }
)

ID = UUID(as_uuid=False)
INSTANT = DateTime(timezone=True)
END_REASON = ENUM("logout", "password", "reuse", name="end_reason", metadata=metadata)
# A literal rather than a parameter: only so does the partial index serve it.
EDDSA = literal_column("'EdDSA'", Text)

user = Table(
    "user",
    metadata,
    Column("id", ID, primary_key=True),
    # As it was typed, in normal form; `email_key` is the form that is compared.
    Column("email", Text, nullable=False, unique=True),
    Column("email_key", Text, nullable=False, unique=True),
    Column("hashed_password", Text, nullable=False),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("is_superuser", Boolean, nullable=False, server_default=text("false")),
    Column("is_verified", Boolean, nullable=False, server_default=text("false")),
    Column("full_name", Text),
    Column("profile_picture", Text),
    Column("created_at", INSTANT, nullable=False),
    Column("updated_at", INSTANT),
    # The same bounds stand in rules.py, which refuses before a row is tried.
    CheckConstraint("char_length(email) <= 254", name="email_to_254"),
    CheckConstraint("char_length(email_key) <= 600", name="email_key_to_600"),
    CheckConstraint("char_length(hashed_password) <= 255", name="hashed_password_to_255"),
    CheckConstraint("char_length(full_name) BETWEEN 1 AND 200", name="full_name_to_200"),
    CheckConstraint(
        "char_length(profile_picture) BETWEEN 1 AND 60000", name="profile_picture_to_60000"
    ),
)

# One login on one device, and every token that came of it.
refresh_family = Table(
    "refresh_family",
    metadata,
    Column("id", ID, primary_key=True),
    Column("user_id", ID, ForeignKey(user.c.id), nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("ended_at", INSTANT),
    Column("end_reason", END_REASON),
    CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="ended_for_a_reason"),
    Index("refresh_family_user", "user_id"),
    Index("refresh_family_ended", "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
)

refresh_token = Table(
    "refresh_token",
    metadata,
    # SHA-256 of the token: what is stored opens nothing.
    Column("token_hash", LargeBinary, primary_key=True),
    Column("family_id", ID, ForeignKey(refresh_family.c.id), nullable=False),
    # Counts from 1; the family's highest is its newest, and the only unused one.
    Column("generation", BigInteger, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("expires_at", INSTANT, nullable=False),
    Column("used_at", INSTANT),
    UniqueConstraint("family_id", "generation"),
    CheckConstraint("octet_length(token_hash) = 32", name="token_hash_of_32_bytes"),
    CheckConstraint("generation >= 1", name="generation_from_1"),
)

signing_key = Table(
    "signing_key",
    metadata,
    Column("kid", ID, primary_key=True),
    Column("algorithm", Text, nullable=False),
    # AES-GCM: 12 bytes of nonce, 32 of key, 16 of tag.
    Column("private_key", LargeBinary, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("retired_at", INSTANT),
    CheckConstraint("algorithm = 'EdDSA'", name="algorithm_is_eddsa"),
    CheckConstraint("octet_length(private_key) = 60", name="private_key_of_60_bytes"),
    CheckConstraint("octet_length(public_key) = 32", name="public_key_of_32_bytes"),
    # At most one key signs at a time, however many replicas start together.
    Index(
        "signing_key_one_active",
        "algorithm",
        unique=True,
        postgresql_where=text("retired_at IS NULL"),
    ),
)
