INSERT INTO "user" (id, email, email_key, hashed_password, created_at)
SELECT pg_temp.player(n), 'grown' || n || '@example.com', 'grown' || n || '@example.com',
    %(hashed)s, now()
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
