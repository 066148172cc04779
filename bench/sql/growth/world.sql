INSERT INTO world_state (
    user_id, id, study_room_level, build_room_level, training_room_level, plaza_level,
    total_sessions_success, day_streak, longest_streak, last_session_date, streak_through, timezone
)
SELECT id, gen_random_uuid(), 2, 1, 1, 1, 10, 10, 10, day, day, 'UTC'
FROM grown, (SELECT %(last_day)s::date) last_day(day);

INSERT INTO credited_session (
    user_id, session_id, ends_at, local_date, rooms_upgraded, credited_at
)
SELECT id, (%(instant)s || of_sessions)::uuid, at + interval '5 minutes',
    (at AT TIME ZONE 'UTC')::date, CASE WHEN %(day)s = 5 THEN '{study}'::text[] ELSE '{}' END,
    at + interval '5 minutes'
FROM grown, (SELECT %(began)s::timestamptz) began(at);

INSERT INTO credited_date (user_id, local_date, kind)
SELECT id, (%(began)s::timestamptz AT TIME ZONE 'UTC')::date, 'earned' FROM grown
