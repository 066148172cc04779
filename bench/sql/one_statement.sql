-- The same completion folded into one statement, which PostgreSQL commits by itself.
\set n :client_id * :each + :i
\set i :i + 1
WITH closed AS (
    UPDATE session SET status = 'success', ended_at = now(), reward_exp = 10, reward_gold = 5,
        levels_gained = 0, drop_chance = 1000, dropped = false, rules_version = '1',
        settled_at = now()
    WHERE user_id = player(:n) AND id = player(:n) AND status = 'pending'
    RETURNING user_id, id, ends_at
), paid AS (
    UPDATE hero h SET exp = exp + 10, gold = gold + 5 FROM closed WHERE h.user_id = closed.user_id
    RETURNING h.*
), counted AS (
    INSERT INTO credited_session
        SELECT user_id, id, ends_at, current_date, '{}', now() FROM closed
    RETURNING user_id
), day AS (
    INSERT INTO credited_date SELECT user_id, current_date, 'earned' FROM closed
    ON CONFLICT (user_id, local_date) DO UPDATE SET kind = 'earned'
)
UPDATE world_state w SET total_sessions_success = total_sessions_success + 1,
    day_streak = 1, longest_streak = greatest(longest_streak, 1), last_session_date = current_date
    FROM counted JOIN paid USING (user_id) WHERE w.user_id = counted.user_id
    RETURNING w.*, paid.level, paid.exp, paid.gold;
