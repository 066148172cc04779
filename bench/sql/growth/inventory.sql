INSERT INTO wardrobe (user_id)
SELECT pg_temp.player(n) FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
