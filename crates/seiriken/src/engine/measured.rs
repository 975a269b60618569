//! What is counted, for whoever watches: through the facade `metrics` (feature `metrics`), whose
//! recorder the program chooses. Without the feature nothing is.

/// How often each decision was made, by its name.
#[cfg(feature = "metrics")]
const DECISIONS: &str = "seiriken_decisions_total";
/// How often work was run again after an owner vanished.
#[cfg(feature = "metrics")]
const TAKEOVERS: &str = "seiriken_takeovers_total";
/// How often an owner found that its lease was lost.
#[cfg(feature = "metrics")]
const LEASES_LOST: &str = "seiriken_leases_lost_total";
/// How long the store took to answer.
#[cfg(feature = "metrics")]
const STORE_SECONDS: &str = "seiriken_store_seconds";
/// How often it answered with an error, or not in time.
#[cfg(feature = "metrics")]
const STORE_ERRORS: &str = "seiriken_store_errors_total";

/// Says to the recorder of this process what each of the engine's metrics means.
#[cfg(feature = "metrics")]
pub fn describe_metrics() {
    use metrics::{describe_counter, describe_histogram};
    describe_counter!(DECISIONS, "Guarded requests, by what they were told.");
    describe_counter!(TAKEOVERS, "Executions taken over from an owner that vanished.");
    describe_counter!(LEASES_LOST, "Leases that were lost while the work was running.");
    describe_histogram!(STORE_SECONDS, "How long the store took to answer, in seconds.");
    describe_counter!(STORE_ERRORS, "Calls that the store did not answer, or with an error.");
}

/// A caller is told this.
pub(super) fn decided(decision: &'static str) {
    #[cfg(feature = "metrics")]
    metrics::counter!(DECISIONS, "decision" => decision).increment(1);
    #[cfg(not(feature = "metrics"))]
    let _ = decision;
}

/// Work is run again.
pub(super) fn taken_over() {
    #[cfg(feature = "metrics")]
    metrics::counter!(TAKEOVERS).increment(1);
}

/// Others may run the work that is running here.
pub(super) fn lease_lost() {
    #[cfg(feature = "metrics")]
    metrics::counter!(LEASES_LOST).increment(1);
}

/// A call of the store, from when it is asked until it answers. One that is dropped is not counted.
pub(super) struct Asked {
    #[cfg(feature = "metrics")]
    verb: &'static str,
    #[cfg(feature = "metrics")]
    at: tokio::time::Instant,
}

impl Asked {
    pub(super) fn now(verb: &'static str) -> Self {
        #[cfg(not(feature = "metrics"))]
        let _ = verb;
        Self {
            #[cfg(feature = "metrics")]
            verb,
            #[cfg(feature = "metrics")]
            at: tokio::time::Instant::now(),
        }
    }

    pub(super) fn answered(self) {
        #[cfg(feature = "metrics")]
        metrics::histogram!(STORE_SECONDS, "verb" => self.verb).record(self.at.elapsed());
        #[cfg(not(feature = "metrics"))]
        let Self {} = self;
    }

    pub(super) fn failed(self) {
        #[cfg(feature = "metrics")]
        metrics::counter!(STORE_ERRORS, "verb" => self.verb).increment(1);
        self.answered();
    }
}
