//! The statements, with the name of the schema put in.
//!
//! Each says the time that it was decided by: that of the database, or `$1` where a test moves
//! the clock. What is compared with one another is read in one statement, so from one snapshot.

use std::sync::Arc;

use super::schema::Schema;

/// The statements of a store.
#[derive(Debug)]
pub(super) struct Statements {
    pub(super) claim: Arc<str>,
    pub(super) complete: Arc<str>,
    pub(super) read: Arc<str>,
    pub(super) insert: Arc<str>,
    pub(super) finish: Arc<str>,
    pub(super) enter: Arc<str>,
    pub(super) finish_open: Arc<str>,
    pub(super) update: Arc<str>,
    pub(super) remove: Arc<str>,
    pub(super) usage: Arc<str>,
    pub(super) now: Arc<str>,
    pub(super) due: Arc<str>,
    pub(super) list: Arc<str>,
    pub(super) about_how_many: Arc<str>,
    pub(super) raise: Arc<str>,
}

/// Once for a statement, whatever the planner makes of it.
macro_rules! clock {
    () => {
        "clock AS MATERIALIZED (SELECT coalesce(
            $1::bigint, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) AS now)"
    };
}

/// A record as [`super::row`] reads it.
macro_rules! record {
    () => {
        "k.token, k.revision, k.state, k.why, k.class, k.executions,
         seiriken.ms(k.minted) AS minted, k.minted_exactly, k.keep_ms, k.skew_ms, k.attempt,
         seiriken.ms(k.claimed_at) AS claimed_at, seiriken.ms(k.lease_until) AS lease_until,
         seiriken.ms(k.expires_at) AS expires_at, k.scope, k.identity, k.fingerprint_kind,
         k.fingerprint, k.claim_check, k.response, k.response_check"
    };
}

/// What a claim finds and, of an absent key, writes. A row that is there in the snapshot keeps the
/// new one out, as does a dated key that was forgotten: both in the same snapshot, so a sweeper
/// that removes the one and remembers the other is seen in whole or not at all.
const CLAIM: &str = concat!(
    "WITH ",
    clock!(),
    ", asked AS MATERIALIZED (
        SELECT * FROM unnest(
            $2::bigint[], $3::bytea[], $4::bytea[], $5::text[], $6::bigint[], $7::bigint[],
            $8::bigint[], $9::bytea[], $10::bytea[], $11::bigint[], $12::bytea[], $13::bigint[],
            $14::bigint[], $15::bigint[]
        ) AS a(write, id, attempt, class, lease, keep, skew, scope, identity, kind, fingerprint,
               claim_check, minted, usable_until)
    ), made AS (
        INSERT INTO seiriken.key_records (
            state, claimed_at, lease_until, expires_at, class, executions, minted, minted_exactly,
            keep_ms, skew_ms, token, id, scope, identity, fingerprint_kind, fingerprint,
            claim_check, attempt)
        SELECT 'in_progress', seiriken.at(now), seiriken.at(now + lease),
            CASE WHEN class = 'keyed'
                THEN seiriken.at(greatest(now, coalesce(minted, 0)) + keep + skew) END,
            class, 1, seiriken.at(coalesce(minted, now + skew)), minted IS NOT NULL, keep, skew,
            nextval('seiriken.tokens'), id, scope, identity, kind, fingerprint, claim_check, attempt
        FROM asked AS a, clock, seiriken.store_state
        WHERE write = 1
            AND NOT EXISTS (SELECT FROM seiriken.key_records AS k WHERE k.id = a.id)
            AND (minted IS NULL OR (seiriken.at(minted) >= swept_through
                AND now < usable_until AND minted <= now + skew))
        -- In one order everywhere, so that two of these never wait for one another.
        ORDER BY id
        ON CONFLICT (id) DO NOTHING
        RETURNING id, token
    )
    SELECT a.id, clock.now, seiriken.ms(swept_through) AS swept_through, made.token AS made,
        CASE WHEN made.token IS NULL AND k.state IS DISTINCT FROM 'completed'
                OR k.expires_at <= seiriken.at(now)
            THEN nextval('seiriken.tokens') END AS fresh, ",
    record!(),
    " FROM asked AS a CROSS JOIN clock CROSS JOIN seiriken.store_state
    LEFT JOIN made ON made.id = a.id
    LEFT JOIN seiriken.key_records AS k ON k.id = a.id"
);

/// An owner that has an answer, on the way that nearly all take: its record stands and is its own.
const COMPLETE: &str = concat!(
    "WITH ",
    clock!(),
    " UPDATE seiriken.key_records AS k SET
        state = 'completed', status = a.status, why = NULL, lease_until = NULL, attempt = NULL,
        expires_at = seiriken.at(keep_ms + skew_ms
            + CASE WHEN minted_exactly THEN greatest(now, seiriken.ms(minted)) ELSE now END),
        response = a.response, response_check = a.response_check, revision = revision + 1
    FROM clock, unnest($2::bytea[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bigint[])
        AS a(id, token, status, response, response_check)
    WHERE k.id = a.id AND k.token = a.token AND k.state <> 'completed'
        AND NOT (expires_at IS NOT NULL AND expires_at <= seiriken.at(now)
            AND (lease_until IS NULL OR lease_until <= seiriken.at(now)))
    RETURNING k.id"
);

const READ: &str = concat!(
    "WITH ",
    clock!(),
    " SELECT $2::bytea AS id, clock.now, seiriken.ms(swept_through) AS swept_through,
        NULL::bigint AS made, NULL::bigint AS fresh, ",
    record!(),
    " FROM clock CROSS JOIN seiriken.store_state
    LEFT JOIN seiriken.key_records AS k ON k.id = $2::bytea"
);

/// The columns that [`super::columns::columns`] gives, from `$2` on.
macro_rules! columns {
    () => {
        "state, status, why, claimed_at, lease_until, expires_at, class, executions, minted,
         minted_exactly, keep_ms, skew_ms, token, scope, identity, fingerprint_kind, fingerprint,
         claim_check, attempt, response, response_check"
    };
}

macro_rules! values {
    ($claimed_at:literal, $expires_at:literal, $token:literal, $keep:literal, $skew:literal) => {
        concat!(
            "$3::text, $4::bigint, $5::text, ",
            $claimed_at,
            ", seiriken.at($7::bigint), ",
            $expires_at,
            ", $9::text, $10::bigint, seiriken.at($11::bigint), $12::bigint = 1, ",
            $keep,
            ", ",
            $skew,
            ", ",
            $token,
            ", $16::bytea, $17::bytea, $18::bigint, $19::bytea, $20::bigint, $21::bytea,
               $22::bytea, $23::bigint"
        )
    };
}

const INSERT: &str = concat!(
    "INSERT INTO seiriken.key_records (id, ",
    columns!(),
    ") SELECT $2::bytea, ",
    values!(
        "seiriken.at($6::bigint)",
        "seiriken.at($8::bigint)",
        "$15::bigint",
        "$13::bigint",
        "$14::bigint"
    ),
    // The time is not needed here.
    " WHERE $1::bigint IS NULL OR true ON CONFLICT (id) DO NOTHING RETURNING id"
);

/// The record of an execution that was not written before it ended: with its answer, from now on.
const FINISH: &str = concat!(
    "WITH ",
    clock!(),
    " INSERT INTO seiriken.key_records (id, ",
    columns!(),
    ") SELECT $2::bytea, ",
    values!(
        "seiriken.at($6::bigint)",
        "seiriken.at($13::bigint + $14::bigint
            + CASE WHEN $12::bigint = 1 THEN greatest(now, $11::bigint) ELSE now END)",
        "$15::bigint",
        "$13::bigint",
        "$14::bigint"
    ),
    // What it is beside the answer's own time is the same for all: `$8` stays unused.
    " FROM clock WHERE $8::bigint IS NULL OR true ON CONFLICT (id) DO NOTHING RETURNING id"
);

/// The right to commit one operation, in a transaction that a handler then writes in.
const ENTER: &str = "SELECT seiriken.enter($1::bytea, $2::bigint, $3::bigint::text, $4::bigint,
    $5::bigint, $6::bigint::integer) AS in_the_way";

/// As the last statement of that transaction, with the arguments of [`FINISH`]. It refuses a row
/// without a token where a handler has ended the transaction by a statement of its own.
const FINISH_OPEN: &str = "SELECT seiriken.finish($1::bigint, $2::bytea, $4::integer, $6::bigint,
    $10::bigint, $11::bigint, $12::bigint = 1, $13::bigint, $14::bigint, $15::bigint, $16::bytea,
    $17::bytea, $18::smallint, $19::bytea, $20::bigint, $22::bytea, $23::bigint)";

/// Compare-and-set: only while nobody has changed it since it was read.
const UPDATE: &str = concat!(
    "UPDATE seiriken.key_records SET (",
    columns!(),
    ") = (SELECT ",
    values!(
        "coalesce(seiriken.at($6::bigint), claimed_at)",
        "seiriken.at($8::bigint)",
        "$15::bigint",
        "coalesce($13::bigint, keep_ms)",
        "coalesce($14::bigint, skew_ms)"
    ),
    "), revision = revision + 1
    WHERE id = $2::bytea AND token = $24::bigint AND revision = $25::bigint
        AND ($1::bigint IS NULL OR true)
    RETURNING id"
);

const REMOVE: &str = "DELETE FROM seiriken.key_records
    WHERE id = $1::bytea AND token = $2::bigint AND revision = $3::bigint RETURNING id";

const USAGE: &str = "SELECT count(*) AS keys,
        (coalesce(sum(150 + coalesce(octet_length(response), 0)), 0))::bigint AS bytes
    FROM seiriken.key_records WHERE scope = $1::bytea";

const NOW: &str = concat!("WITH ", clock!(), " SELECT now FROM clock");

/// What a sweeper should look at, and nobody else is just changing.
const DUE: &str = concat!(
    "WITH ",
    clock!(),
    ", expired AS MATERIALIZED (
        SELECT id FROM seiriken.key_records, clock
        WHERE expires_at <= seiriken.at(now)
            AND (lease_until IS NULL OR lease_until <= seiriken.at(now))
        ORDER BY expires_at LIMIT $2::bigint FOR UPDATE OF key_records SKIP LOCKED
    ), abandoned AS MATERIALIZED (
        SELECT id FROM seiriken.key_records, clock
        WHERE state = 'in_progress' AND lease_until <= seiriken.at(now) AND class <> 'keyed'
        ORDER BY claimed_at LIMIT $2::bigint FOR UPDATE OF key_records SKIP LOCKED
    ), due AS (SELECT id FROM expired UNION SELECT id FROM abandoned)
    SELECT k.id, clock.now, seiriken.ms(swept_through) AS swept_through, NULL::bigint AS made,
        NULL::bigint AS fresh, ",
    record!(),
    " FROM clock CROSS JOIN seiriken.store_state CROSS JOIN due
    JOIN seiriken.key_records AS k ON k.id = due.id"
);

/// A page for a person. Where unknown outcomes are asked for, so are executions whose lease has passed:
/// what those are, the transition function says.
const LIST: &str = concat!(
    "WITH ",
    clock!(),
    " SELECT k.id, clock.now, seiriken.ms(swept_through) AS swept_through, NULL::bigint AS made,
        NULL::bigint AS fresh, ",
    record!(),
    " FROM clock CROSS JOIN seiriken.store_state CROSS JOIN seiriken.key_records AS k
    WHERE ($2::bytea IS NULL OR k.id > $2::bytea)
        AND k.id BETWEEN $3::bytea AND $4::bytea
        AND ($5::bytea IS NULL OR k.scope = $5::bytea)
        AND ($6::text IS NULL OR k.state = $6::text OR ($6::text = 'indeterminate'
            AND k.state = 'in_progress' AND k.lease_until <= seiriken.at(now)))
    ORDER BY k.id LIMIT $7::bigint"
);

/// To count millions of rows takes seconds; of fewer the server may not have looked yet.
const ABOUT_HOW_MANY: &str = "SELECT CASE WHEN c.reltuples >= 100000 THEN c.reltuples::bigint
        ELSE (SELECT count(*) FROM seiriken.key_records) END AS many
    FROM pg_class AS c WHERE c.oid = 'seiriken.key_records'::regclass";

const RAISE: &str = "UPDATE seiriken.store_state SET swept_through = seiriken.at($1::bigint)
    WHERE swept_through < seiriken.at($1::bigint)";

impl Statements {
    pub(super) fn new(schema: &Schema) -> Self {
        let named = |template: &str| Arc::from(schema.named(template));
        Self {
            claim: named(CLAIM),
            complete: named(COMPLETE),
            read: named(READ),
            insert: named(INSERT),
            finish: named(FINISH),
            enter: named(ENTER),
            finish_open: named(FINISH_OPEN),
            update: named(UPDATE),
            remove: named(REMOVE),
            usage: named(USAGE),
            now: named(NOW),
            due: named(DUE),
            list: named(LIST),
            about_how_many: named(ABOUT_HOW_MANY),
            raise: named(RAISE),
        }
    }
}
