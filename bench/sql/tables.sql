-- The rows of a completion, as the services keep them, in one database.
DROP TABLE IF EXISTS hero, session, world_state, credited_session, credited_date;

CREATE TABLE hero (
    user_id uuid PRIMARY KEY, id uuid NOT NULL,
    level bigint NOT NULL CHECK (level >= 1),
    exp bigint NOT NULL CHECK (exp >= 0),
    gold bigint NOT NULL CHECK (gold >= 0)
);
CREATE TABLE session (
    user_id uuid, id uuid, task_template_id uuid NOT NULL,
    task_name text NOT NULL, category text NOT NULL, room text NOT NULL,
    duration_minutes bigint NOT NULL, started_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL, ended_at timestamptz, status text NOT NULL,
    reward_exp bigint, reward_gold bigint, levels_gained bigint, seed bytea NOT NULL,
    drop_chance bigint, dropped boolean, rules_version text,
    settled_at timestamptz, settle_after timestamptz,
    PRIMARY KEY (user_id, id)
);
CREATE UNIQUE INDEX session_one_pending ON session (user_id) WHERE status = 'pending';
CREATE INDEX session_overdue ON session (ends_at) WHERE status = 'pending';
CREATE INDEX session_unsettled ON session (settle_after)
    WHERE status = 'success' AND settled_at IS NULL;
CREATE TABLE world_state (
    user_id uuid PRIMARY KEY, id uuid NOT NULL,
    study_room_level bigint NOT NULL, build_room_level bigint NOT NULL,
    training_room_level bigint NOT NULL, plaza_level bigint NOT NULL,
    total_sessions_success bigint NOT NULL, day_streak bigint NOT NULL,
    longest_streak bigint NOT NULL, last_session_date date
);
CREATE TABLE credited_session (
    user_id uuid, session_id uuid, ends_at timestamptz NOT NULL, local_date date NOT NULL,
    rooms_upgraded text[] NOT NULL, credited_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, session_id)
);
CREATE TABLE credited_date (
    user_id uuid, local_date date, kind text NOT NULL, PRIMARY KEY (user_id, local_date)
);

CREATE OR REPLACE FUNCTION player(n int) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN lpad(to_hex(n), 32, '0')::uuid;

CREATE OR REPLACE FUNCTION fill(players int) RETURNS void LANGUAGE sql AS $$
    INSERT INTO hero SELECT player(n), player(n), 1, 0, 0 FROM generate_series(0, players - 1) n;
    INSERT INTO world_state
        SELECT player(n), player(n), 1, 1, 1, 1, 0, 0, 0, NULL FROM generate_series(0, players - 1) n;
    INSERT INTO session
        SELECT player(n), player(n), player(n), 'Deep reading', 'study', 'study', 5,
            now() - interval '6 minutes', now() - interval '1 minute', NULL, 'pending',
            NULL, NULL, NULL, sha256(n::text::bytea), NULL, NULL, NULL, NULL, NULL
        FROM generate_series(0, players - 1) n;
$$;
