-- Every statement of Seiriken names its schema; `seiriken.` stands for the one that was chosen.

-- Times are kept as times, for whoever reads the table, and reckoned with as milliseconds.
CREATE FUNCTION seiriken.at(ms bigint) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT timestamptz 'epoch' + ms * interval '1 millisecond' $$;
CREATE FUNCTION seiriken.ms(moment timestamptz) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT (extract(epoch FROM moment) * 1000)::bigint $$;

-- Names executions. It never goes back, so no token is given out twice, whatever is deleted.
CREATE SEQUENCE seiriken.tokens AS bigint;

-- One row: what all nodes share.
CREATE TABLE seiriken.store_state (
    -- Keys made before this moment may have been used and forgotten since.
    swept_through           timestamptz NOT NULL DEFAULT timestamptz 'epoch',
    issuing_secret_number   integer     NOT NULL DEFAULT 1,
    secret                  bytea       NOT NULL,
    issuing_secret          bytea       NOT NULL,
    issuing_secret_previous bytea,
    only_row                boolean     NOT NULL DEFAULT true,
    CONSTRAINT store_state_has_one_row PRIMARY KEY (only_row),
    CONSTRAINT only_row_is_true CHECK (only_row),
    CONSTRAINT secrets_have_32_bytes CHECK (
        octet_length(secret) = 32 AND octet_length(issuing_secret) = 32
        AND octet_length(issuing_secret_previous) = 32
    ),
    CONSTRAINT a_second_secret_has_one_before_it CHECK (
        (issuing_secret_number = 1) = (issuing_secret_previous IS NULL)
    )
);

-- One row for each key: where its operation stands. What people read comes first.
CREATE TABLE seiriken.key_records (
    state            text        NOT NULL,
    -- The status of the answer, when it stands.
    status           integer,
    -- Why nobody knows the outcome, when nobody does.
    why              text,
    claimed_at       timestamptz NOT NULL,
    -- Until when its owner is believed to be alive, while it runs.
    lease_until      timestamptz,
    -- From then on the key counts as absent (while it runs: once its lease has ended as well).
    expires_at       timestamptz,
    class            text        NOT NULL,
    -- How often the operation was begun.
    executions       bigint      NOT NULL,
    -- When the key was made: then, or by then at the latest.
    minted           timestamptz NOT NULL,
    minted_exactly   boolean     NOT NULL,
    -- How long an answer is kept, and the same again for clocks that disagree.
    keep_ms          bigint      NOT NULL,
    skew_ms          bigint      NOT NULL,
    token            bigint      NOT NULL,
    -- One more with each change.
    revision         bigint      NOT NULL DEFAULT 1,
    -- Keyed hashes: of the key and its scope, of the scope, of the caller, of the request.
    id               bytea       NOT NULL,
    scope            bytea       NOT NULL,
    identity         bytea       NOT NULL,
    fingerprint_kind smallint    NOT NULL,
    fingerprint      bytea       NOT NULL,
    -- CRC-32 of id, scope, identity and fingerprint; and of id, token and response.
    claim_check      bigint      NOT NULL,
    response_check   bigint,
    attempt          bytea,
    response         bytea,
    CONSTRAINT key_records_pkey PRIMARY KEY (id),
    CONSTRAINT state_is_known CHECK (state IN ('in_progress', 'indeterminate', 'completed')),
    CONSTRAINT class_is_known CHECK (class IN ('transactional', 'keyed', 'opaque')),
    CONSTRAINT digests_are_whole CHECK (
        octet_length(id) = 16 AND octet_length(scope) = 8
        AND octet_length(identity) = 16 AND octet_length(fingerprint) = 16
    ),
    CONSTRAINT it_was_begun CHECK (executions >= 1),
    CONSTRAINT a_running_one_has_an_owner CHECK (
        (state = 'in_progress') = (attempt IS NOT NULL)
        AND (state = 'in_progress') = (lease_until IS NOT NULL)
    ),
    -- A keyed claim whose owner vanished is kept for its own request, but not for ever.
    CONSTRAINT what_can_expire_says_when CHECK (
        (state = 'in_progress' AND class <> 'keyed') = (expires_at IS NULL)
    ),
    CONSTRAINT an_unknown_outcome_says_why CHECK (
        (state = 'indeterminate') = (why IS NOT NULL)
        AND why IN ('owner_vanished', 'owner_cannot_say')
    ),
    CONSTRAINT a_completed_one_has_its_answer CHECK (
        (state = 'completed') = (response IS NOT NULL)
        AND (state = 'completed') = (response_check IS NOT NULL)
        AND (state = 'completed') = (status IS NOT NULL)
    )
);

-- For the sweeper: what expires, and what runs.
CREATE INDEX key_records_expire ON seiriken.key_records (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX key_records_run ON seiriken.key_records (claimed_at) WHERE state = 'in_progress';
-- For quotas.
CREATE INDEX key_records_scope ON seiriken.key_records (scope);

-- The right to commit one operation, for as long as the transaction lasts. Answers what stands in
-- the way, or nothing.
CREATE FUNCTION seiriken.enter(
    wanted bytea, lock_key bigint, owner text, minted_ms bigint, now_ms bigint, idle_ms integer
) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(lock_key) THEN
        RETURN 'another transaction has the operation';
    END IF;
    -- Each statement in here sees what was committed before it began: also what the last holder
    -- of the lock has committed.
    DELETE FROM seiriken.key_records
        WHERE id = wanted AND expires_at <= coalesce(seiriken.at(now_ms), clock_timestamp())
        AND (lease_until IS NULL OR lease_until <= coalesce(seiriken.at(now_ms), clock_timestamp()));
    IF EXISTS (SELECT FROM seiriken.key_records WHERE id = wanted) THEN
        RETURN 'the key has a record';
    END IF;
    IF EXISTS (SELECT FROM seiriken.store_state WHERE seiriken.at(minted_ms) < swept_through) THEN
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
