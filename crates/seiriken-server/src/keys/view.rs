//! What is told of a key: to a terminal, to programs, and over the socket.

use seiriken::clock::Timestamp;
use seiriken::record::{EffectClass, Minted, Record, RecordedResponse, State, Why};
use seiriken::store::{Listed, Standing};
use seiriken::{Fingerprint, FingerprintKind, RecordId};
use serde::{Deserialize, Serialize};

/// A key, as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeyView {
    /// 32 hexadecimal digits.
    pub(super) id: String,
    #[serde(flatten)]
    pub(super) stands: Stands,
}

/// What is told of a record, or why it cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Stands {
    Record(Box<RecordView>),
    Unreadable { unreadable: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RecordView {
    pub(super) state: StateName,
    /// Why nobody knows the outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<WhyName>,
    pub(super) class: ClassName,
    pub(super) executions: u32,
    /// Names the execution: what is changed is changed while it is this one's. As text: it is too
    /// large a number for some programs.
    pub(super) token: String,
    /// A keyed hash of the scope's name.
    pub(super) scope: String,
    /// How the request is compared.
    pub(super) request: String,
    /// When the key was made, by its own date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) made_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) claimed_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lease_until: Option<String>,
    /// When the answer, or the unknown outcome, is forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) kept_until: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) answer: Option<AnswerView>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StateName {
    InProgress,
    Indeterminate,
    Completed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum WhyName {
    OwnerVanished,
    OwnerCannotSay,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ClassName {
    Transactional,
    Keyed,
    Opaque,
}

/// The recorded answer. What it holds may be confidential, and is told where it is asked for alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AnswerView {
    pub(super) status: u16,
    /// The length of its body; nothing where the body was too long to be kept.
    pub(super) body_bytes: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) headers: Option<Vec<(String, String)>>,
    /// As text; bytes that are none are replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<String>,
}

impl KeyView {
    pub(super) fn of(id: RecordId, record: &Record, answer: bool) -> Self {
        let view = RecordView::of(record, answer);
        Self { id: id.hex(), stands: Stands::Record(Box::new(view)) }
    }

    pub(super) fn listed(listed: &Listed) -> Self {
        match &listed.record {
            Ok(record) => Self::of(listed.id, record, false),
            Err(error) => {
                let unreadable = chain(error);
                Self { id: listed.id.hex(), stands: Stands::Unreadable { unreadable } }
            }
        }
    }

    pub(super) fn record(&self) -> Option<&RecordView> {
        match &self.stands {
            Stands::Record(record) => Some(record),
            Stands::Unreadable { .. } => None,
        }
    }
}

impl StateName {
    pub(super) fn standing(self) -> Standing {
        match self {
            Self::InProgress => Standing::InProgress,
            Self::Indeterminate => Standing::Indeterminate,
            Self::Completed => Standing::Completed,
        }
    }
}

impl RecordView {
    fn of(record: &Record, answer: bool) -> Self {
        let view = Self {
            state: StateName::Completed,
            why: None,
            class: match record.class {
                EffectClass::Transactional => ClassName::Transactional,
                EffectClass::Keyed => ClassName::Keyed,
                EffectClass::Opaque => ClassName::Opaque,
            },
            executions: record.executions,
            token: record.token.as_u128().to_string(),
            scope: format!("{:016x}", u64::from_be_bytes(*record.scope.as_bytes())),
            request: compared(&record.fingerprint),
            made_at: match record.minted {
                Minted::At(time) => Some(rfc3339(time)),
                Minted::By(_) => None,
            },
            claimed_at: None,
            lease_until: None,
            kept_until: None,
            answer: None,
        };
        match &record.state {
            State::InProgress { claimed_at, lease_until, .. } => Self {
                state: StateName::InProgress,
                claimed_at: Some(rfc3339(*claimed_at)),
                lease_until: Some(rfc3339(*lease_until)),
                ..view
            },
            State::Indeterminate { why, forget_at, .. } => Self {
                state: StateName::Indeterminate,
                why: Some(match why {
                    Why::OwnerVanished => WhyName::OwnerVanished,
                    Why::OwnerCannotSay => WhyName::OwnerCannotSay,
                }),
                kept_until: Some(rfc3339(*forget_at)),
                ..view
            },
            State::Completed { response, expires_at } => Self {
                kept_until: Some(rfc3339(*expires_at)),
                answer: Some(AnswerView::of(response, answer)),
                ..view
            },
        }
    }
}

impl AnswerView {
    fn of(response: &RecordedResponse, whole: bool) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            status: response.status(),
            body_bytes: response.body_kept().then(|| response.body().len()),
            headers: whole.then(|| {
                response.headers().map(|(name, value)| (text(name), text(value))).collect()
            }),
            body: (whole && response.body_kept()).then(|| text(&response.body())),
        }
    }
}

fn compared(fingerprint: &Fingerprint) -> String {
    let how = match fingerprint.kind() {
        FingerprintKind::Bytes => "bytes",
        FingerprintKind::CanonicalJson => "canonical-json",
        FingerprintKind::PartialJson => "partial-json",
    };
    how.to_owned()
}

/// What went wrong, and why, and why that.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text = format!("{text}: {error}");
        next = error.source();
    }
    text
}

/// A time as people and programs read it.
pub(super) fn rfc3339(time: Timestamp) -> String {
    i64::try_from(time.as_millis())
        .ok()
        .and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok())
        .map_or_else(|| "never".to_owned(), |time| format!("{time:.3}"))
}
