INSERT INTO hero (user_id, id, level, exp, gold)
SELECT pg_temp.player(n), gen_random_uuid(), 2, 0, 50
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n;

INSERT INTO task_template (user_id, id, name, category, default_duration_minutes, room)
SELECT pg_temp.player(n), pg_temp.player(n), 'Deep reading', 'study', 25, 'study'
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n;

INSERT INTO session (
    user_id, id, task_template_id, task_name, category, room, duration_minutes, started_at,
    ends_at, ended_at, status, reward_exp, reward_gold, levels_gained, seed, drop_chance, dropped,
    rules_version, settled_at
)
SELECT pg_temp.player(n), pg_temp.session(n, at), pg_temp.player(n), 'Deep reading', 'study',
    'study', 5, at, at + interval '5 minutes', at + interval '5 minutes', 'success', 10, 5,
    (day = 10)::int, sha256(int8send(n)), 1000, false, 'grown', at + interval '5 minutes'
FROM generate_series(1, 10) day,
    generate_series(%(first)s::bigint, %(last)s::bigint) n,
    LATERAL (SELECT date_trunc('day', now()) - make_interval(days => 12 - day)) t(at)
