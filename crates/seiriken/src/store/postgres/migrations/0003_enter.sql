-- The right to commit one operation, as before, with one look where there were three: most keys have
-- no record, and then there is nothing to remove.
CREATE OR REPLACE FUNCTION seiriken.enter(
    wanted bytea, lock_key bigint, owner text, minted_ms bigint, now_ms bigint, idle_ms integer
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz := coalesce(seiriken.at(now_ms), clock_timestamp());
    there boolean;
    expired boolean;
    forgotten boolean;
BEGIN
    IF NOT pg_try_advisory_xact_lock(lock_key) THEN
        RETURN 'another transaction has the operation';
    END IF;
    -- Each statement in here sees what was committed before it began: also what the last holder
    -- of the lock has committed. In one look, so a sweeper that removes a record and remembers that
    -- keys of its time are forgotten is seen in whole or not at all.
    SELECT k.id IS NOT NULL,
        k.expires_at <= moment AND (k.lease_until IS NULL OR k.lease_until <= moment),
        seiriken.at(minted_ms) < s.swept_through
        INTO there, expired, forgotten
        FROM seiriken.store_state AS s LEFT JOIN seiriken.key_records AS k ON k.id = wanted;
    IF there AND expired THEN
        DELETE FROM seiriken.key_records WHERE id = wanted AND expires_at <= moment
            AND (lease_until IS NULL OR lease_until <= moment);
        SELECT EXISTS (SELECT FROM seiriken.key_records WHERE id = wanted) INTO there;
    END IF;
    IF there THEN
        RETURN 'the key has a record';
    END IF;
    IF forgotten THEN
        RETURN 'the key may have been used and forgotten';
    END IF;
    -- Both for this transaction alone.
    PERFORM set_config('seiriken.token', owner, true);
    PERFORM set_config('idle_in_transaction_session_timeout', idle_ms::text, true);
    IF current_setting('synchronous_commit') NOT IN ('on', 'remote_apply') THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    RETURN NULL;
END
$$;
