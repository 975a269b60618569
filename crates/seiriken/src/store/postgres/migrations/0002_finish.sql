-- The record of an execution in a handler's transaction, as that transaction's last statement. A function,
-- since a session plans what is in it once; written out, it would be read and planned for every order.
-- A token of nothing, which the table refuses, is how it says that this is not the transaction any
-- more which the operation was begun in.
CREATE FUNCTION seiriken.finish(
    now_ms bigint, key_id bytea, answer_status integer, claimed_ms bigint, executed bigint,
    minted_ms bigint, exactly boolean, keep bigint, skew bigint, owner bigint, key_scope bytea,
    caller bytea, kind smallint, request bytea, checked bigint, answer bytea, answer_checked bigint
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    at_ms bigint := coalesce(now_ms, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint);
BEGIN
    IF exactly THEN
        at_ms := greatest(at_ms, minted_ms);
    END IF;
    INSERT INTO seiriken.key_records (
        state, status, claimed_at, expires_at, class, executions, minted, minted_exactly, keep_ms,
        skew_ms, token, id, scope, identity, fingerprint_kind, fingerprint, claim_check, response,
        response_check
    ) VALUES (
        'completed', answer_status, seiriken.at(claimed_ms), seiriken.at(at_ms + keep + skew),
        'transactional', executed, seiriken.at(minted_ms), exactly, keep, skew,
        CASE WHEN current_setting('seiriken.token', true) = owner::text THEN owner END,
        key_id, key_scope, caller, kind, request, checked, answer, answer_checked
    );
END
$$;
