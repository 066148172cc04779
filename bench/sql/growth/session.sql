INSERT INTO hero (user_id, id, level, exp, gold)
SELECT id, gen_random_uuid(), 2, 0, 50 FROM grown;

INSERT INTO task_template (user_id, id, name, category, default_duration_minutes, room)
SELECT id, id, 'Deep reading', 'study', 25, 'study' FROM grown;

INSERT INTO session (
    user_id, id, task_template_id, task_name, category, room, duration_minutes, started_at,
    ends_at, ended_at, status, reward_exp, reward_gold, levels_gained, seed, drop_chance, dropped,
    rules_version, settled_at
)
SELECT id, (%(instant)s || of_sessions)::uuid, id, 'Deep reading', 'study', 'study', 5, at,
    at + interval '5 minutes', at + interval '5 minutes', 'success', 10, 5, (%(day)s = 10)::int,
    sha256(uuid_send(id)), 1000, false, 'grown', at + interval '5 minutes'
FROM grown, (SELECT %(began)s::timestamptz) began(at)
