INSERT INTO "user" (id, email, email_key, hashed_password, created_at)
SELECT id, email, email, %(hashed)s, now() FROM grown
