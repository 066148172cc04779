-- The id of a player by number, the same in every database: a UUIDv7 of some day in the past
-- 400, so that neighbours by number are no neighbours in an index.
CREATE OR REPLACE FUNCTION pg_temp.player(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (
        lpad(to_hex(1735689600000 + (hashint8(n)::bigint & 2147483647) * 16), 12, '0')
        || '7' || substr(md5(n::text), 1, 3) || 'a' || substr(md5(n::text), 4, 15)
    )::uuid
$$;
-- The id of a player's session: made when it was started.
CREATE OR REPLACE FUNCTION pg_temp.session(n bigint, started_at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$
    SELECT (
        lpad(to_hex((extract(epoch FROM started_at) * 1000)::bigint), 12, '0')
        || '7' || substr(md5('s' || n), 1, 3) || 'b' || substr(md5('s' || n), 4, 15)
    )::uuid
$$;
