-- The players to add, the same in every database. An id is a UUIDv7 of some day in the past 400, so
-- that neighbours by number are no neighbours in an index. Rows are added in the order of the ids:
-- in another one each would touch another page of an index, and the WAL would be whole pages.
CREATE TEMP TABLE grown AS
SELECT (
        lpad(to_hex(1735689600000 + (hashint8(n)::bigint & 2147483647) * 16), 12, '0')
        || '7' || substr(md5(n::text), 1, 3) || 'a' || substr(md5(n::text), 4, 15)
    )::uuid AS id,
    'grown' || n || '@example.com' AS email,
    -- The ids of the player's sessions, after the instant of the start.
    '7' || substr(md5('s' || n), 1, 3) || 'b' || substr(md5('s' || n), 4, 15) AS of_sessions
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
ORDER BY id
