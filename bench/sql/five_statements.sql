-- One completion: lock, pay, close, count, remember the day.
\set n :client_id * :each + :i
\set i :i + 1
BEGIN;
SELECT s.*, h.* FROM session s JOIN hero h USING (user_id)
    WHERE s.user_id = player(:n) AND s.id = player(:n) FOR UPDATE;
UPDATE session SET status = 'success', ended_at = now(), reward_exp = 10, reward_gold = 5,
    levels_gained = 0, drop_chance = 1000, dropped = false, rules_version = '1', settled_at = now()
    WHERE user_id = player(:n) AND id = player(:n) AND status = 'pending';
UPDATE hero SET exp = exp + 10, gold = gold + 5 WHERE user_id = player(:n);
WITH counted AS (
    INSERT INTO credited_session VALUES
        (player(:n), player(:n), now(), current_date, '{}', now())
    RETURNING user_id
)
UPDATE world_state w SET total_sessions_success = total_sessions_success + 1,
    day_streak = 1, longest_streak = greatest(longest_streak, 1), last_session_date = current_date
    FROM counted WHERE w.user_id = player(:n)
    RETURNING w.*;
INSERT INTO credited_date VALUES (player(:n), current_date, 'earned')
    ON CONFLICT (user_id, local_date) DO UPDATE SET kind = 'earned';
COMMIT;
