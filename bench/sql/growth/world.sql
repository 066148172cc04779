INSERT INTO world_state (
    user_id, id, study_room_level, build_room_level, training_room_level, plaza_level,
    total_sessions_success, day_streak, longest_streak, last_session_date, streak_through, timezone
)
SELECT pg_temp.player(n), gen_random_uuid(), 2, 1, 1, 1, 10, 10, 10,
    (now() AT TIME ZONE 'UTC')::date - 2, (now() AT TIME ZONE 'UTC')::date - 2, 'UTC'
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n;

INSERT INTO credited_session (
    user_id, session_id, ends_at, local_date, rooms_upgraded, credited_at
)
SELECT pg_temp.player(n), pg_temp.session(n, at), at + interval '5 minutes',
    (at AT TIME ZONE 'UTC')::date, CASE WHEN day = 5 THEN '{study}'::text[] ELSE '{}' END,
    at + interval '5 minutes'
FROM generate_series(1, 10) day,
    generate_series(%(first)s::bigint, %(last)s::bigint) n,
    LATERAL (SELECT date_trunc('day', now()) - make_interval(days => 12 - day)) t(at);

INSERT INTO credited_date (user_id, local_date, kind)
SELECT pg_temp.player(n), (now() AT TIME ZONE 'UTC')::date - 12 + day, 'earned'
FROM generate_series(1, 10) day, generate_series(%(first)s::bigint, %(last)s::bigint) n
