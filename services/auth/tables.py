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

from services.kit import runs
from services.kit.audit import Trail

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
END_REASON = ENUM(
    "logout",
    "password",
    "reuse",
    "deletion",
    "disabled",
    name="end_reason",
    metadata=metadata,
)
LETTER = ENUM(
    "verify",
    "reset",
    "password_changed",
    "email_changed",
    "deletion",
    name="letter",
    metadata=metadata,
)
PURPOSE = ENUM("verify", "reset", name="purpose", metadata=metadata)
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
    # From then on the account is erased; until then a login restores it.
    Column("deletes_at", INSTANT),
    # The same bounds stand in rules.py, which refuses before a row is tried.
    CheckConstraint("char_length(email) <= 254", name="email_to_254"),
    CheckConstraint("char_length(email_key) <= 600", name="email_key_to_600"),
    CheckConstraint("char_length(hashed_password) <= 255", name="hashed_password_to_255"),
    CheckConstraint("char_length(full_name) BETWEEN 1 AND 200", name="full_name_to_200"),
    CheckConstraint(
        "char_length(profile_picture) BETWEEN 1 AND 60000", name="profile_picture_to_60000"
    ),
    Index("user_deleted", "deletes_at", postgresql_where=text("deletes_at IS NOT NULL")),
    # Who operates the town: so few that all of them are locked before one is let go.
    Index("user_superuser", "id", postgresql_where=text("is_superuser")),
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
    # What the client called itself when it logged in.
    Column("device", Text),
    CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="ended_for_a_reason"),
    CheckConstraint("char_length(device) BETWEEN 1 AND 200", name="device_to_200"),
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
    Index("refresh_token_used", "used_at", postgresql_where=text("used_at IS NOT NULL")),
)

# Letters that wait to be written and sent. What was asked for is queued as it is: whether
# there is such an account is looked up later, so that no answer's time tells.
mail = Table(
    "mail",
    metadata,
    Column("id", ID, primary_key=True),
    Column("letter", LETTER, nullable=False),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    # Whoever takes it moves this on, so that no other takes it meanwhile.
    Column("send_after", INSTANT, nullable=False),
    Column("tries", BigInteger, nullable=False),
    CheckConstraint("char_length(email) <= 254", name="email_to_254"),
    CheckConstraint("char_length(email_key) <= 600", name="email_key_to_600"),
    CheckConstraint("tries >= 0", name="tries_from_0"),
    # Asked for again before it is sent, it is sent once.
    UniqueConstraint("email_key", "letter"),
    Index("mail_due", "send_after"),
)

# What a letter's link carries.
mail_token = Table(
    "mail_token",
    metadata,
    # SHA-256 of the token.
    Column("token_hash", LargeBinary, primary_key=True),
    Column("user_id", ID, ForeignKey(user.c.id), nullable=False),
    Column("purpose", PURPOSE, nullable=False),
    # The address that it was sent to: it proves no other.
    Column("email_key", Text, nullable=False),
    Column("expires_at", INSTANT, nullable=False),
    Column("used_at", INSTANT),
    CheckConstraint("octet_length(token_hash) = 32", name="token_hash_of_32_bytes"),
    CheckConstraint("char_length(email_key) <= 600", name="email_key_to_600"),
    Index("mail_token_user", "user_id"),
    Index("mail_token_expires", "expires_at"),
)

# How often a password was tried by one address for one account within a window.
attempt = Table(
    "attempt",
    metadata,
    # SHA-256 of account and address: neither is kept.
    Column("key", LargeBinary, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("since", INSTANT, nullable=False),
    CheckConstraint("octet_length(key) = 32", name="key_of_32_bytes"),
    CheckConstraint("count >= 1", name="count_from_1"),
    Index("attempt_since", "since"),
)

# The receipt of an account that is erased, or about to be: all that is left of it.
erasure = Table(
    "erasure",
    metadata,
    Column("user_id", ID, primary_key=True),
    Column("requested_at", INSTANT, nullable=False),
    # When all four services are to be asked next. They are asked again for long after, in
    # case one of them was restored from a backup that still knows the player; at last never.
    Column("ask_at", INSTANT),
    # When the first round in which nothing was found anywhere was over.
    Column("erased_at", INSTANT),
    # How many were erased, all rounds and services together.
    Column("rows", BigInteger, nullable=False),
    CheckConstraint("rows >= 0", name="rows_from_0"),
    Index("erasure_due", "ask_at"),
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
    # It is published before it signs, and signs from here until it is retired. The
    # defaults are for the version before, which knows of one key only.
    Column("signs_from", INSTANT, nullable=False, server_default=text("now()")),
    # When its successor is made; an operator may bring that forward.
    Column("renew_at", INSTANT, nullable=False, server_default=text("now() + interval '30 days'")),
    # When its successor signs; null as long as there is none.
    Column("retired_at", INSTANT),
    # Since when it verifies nothing: it may be in wrong hands.
    Column("revoked_at", INSTANT),
    CheckConstraint("algorithm = 'EdDSA'", name="algorithm_is_eddsa"),
    CheckConstraint("octet_length(private_key) = 60", name="private_key_of_60_bytes"),
    CheckConstraint("octet_length(public_key) = 32", name="public_key_of_32_bytes"),
    CheckConstraint(
        "revoked_at IS NULL OR retired_at IS NOT NULL", name="what_is_revoked_is_retired"
    ),
    # Each key has one successor, however many replicas make one together.
    Index(
        "signing_key_one_active",
        "algorithm",
        unique=True,
        postgresql_where=text("retired_at IS NULL"),
    ),
)

trail = Trail(metadata)
job_run = runs.table(metadata)
