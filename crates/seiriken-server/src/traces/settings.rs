//! Which collector the environment names: the variables that every program with OpenTelemetry reads.
//! What is wrong with them is said at the start; a value is not repeated there, it may hold a secret.

use std::ffi::OsString;
use std::time::Duration;

use axum::http::Uri;

use super::ENDPOINTS;

/// What is appended to the endpoint of all signals.
const PATH: &str = "v1/traces";

const TIMEOUT_USUAL: Duration = Duration::from_secs(10);

const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// A collector, and how it is asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// Where spans are sent.
    pub(super) endpoint: Uri,
    /// How long it may take over a batch of them.
    pub(super) timeout: Duration,
    /// What the service calls itself, where it is told how.
    pub(super) service: Option<String>,
}

/// The environment.
struct Read<F>(F);

impl Settings {
    /// Reads them; nothing, where no collector is named. An error says what is wrong.
    pub(super) fn read(
        environment: impl Fn(&'static str) -> Option<OsString>,
    ) -> Result<Option<Self>, String> {
        let read = Read(environment);
        let disabled = read.text("OTEL_SDK_DISABLED")?;
        if disabled.is_some_and(|said| said.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        if read.one_of("OTEL_TRACES_EXPORTER", &["otlp", "none"])?.as_deref() == Some("none") {
            return Ok(None);
        }
        let Some(endpoint) = read.endpoint()? else { return Ok(None) };
        // One that speaks gRPC has another port: it would never understand a word.
        for variable in ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"] {
            if read.one_of(variable, &["http/protobuf"])?.is_some() {
                break;
            }
        }
        read.one_of("OTEL_TRACES_SAMPLER", &SAMPLERS)?;
        read.ratio("OTEL_TRACES_SAMPLER_ARG")?;
        let service = read.text("OTEL_SERVICE_NAME")?;
        Ok(Some(Self { endpoint, timeout: read.timeout()?, service }))
    }
}

impl<F: Fn(&'static str) -> Option<OsString>> Read<F> {
    /// What a variable says. An empty one says nothing.
    fn text(&self, variable: &'static str) -> Result<Option<String>, String> {
        let value = (self.0)(variable).filter(|value| !value.is_empty());
        let text = value.map(OsString::into_string).transpose();
        text.map_err(|_| format!("{variable} is no text"))
    }

    fn one_of(&self, variable: &'static str, known: &[&str]) -> Result<Option<String>, String> {
        match self.text(variable)? {
            Some(value) if !known.contains(&value.as_str()) => {
                Err(format!("{variable} is none of {}", known.join(", ")))
            }
            value => Ok(value),
        }
    }

    /// The first one names traces alone, and is taken as it stands; the second one is that of all
    /// signals.
    fn endpoint(&self) -> Result<Option<Uri>, String> {
        let [traces, all] = ENDPOINTS;
        if let Some(text) = self.text(traces)? {
            return endpoint(&text).map(Some).map_err(|why| format!("{traces}: {why}"));
        }
        let Some(text) = self.text(all)? else { return Ok(None) };
        let wrong = |why| format!("{all}: {why}");
        // Before anything is appended: after `http://` it would be read as a host.
        if endpoint(&text).map_err(wrong)?.query().is_some() {
            return Err(wrong("what is appended to it would be part of its query"));
        }
        let between = if text.ends_with('/') { "" } else { "/" };
        endpoint(&format!("{text}{between}{PATH}")).map(Some).map_err(wrong)
    }

    fn timeout(&self) -> Result<Duration, String> {
        for variable in ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"] {
            if let Some(text) = self.text(variable)? {
                return match text.parse() {
                    Ok(millis @ 1..) => Ok(Duration::from_millis(millis)),
                    _ => Err(format!("{variable} is no number of milliseconds")),
                };
            }
        }
        Ok(TIMEOUT_USUAL)
    }

    fn ratio(&self, variable: &'static str) -> Result<(), String> {
        let Some(text) = self.text(variable)? else { return Ok(()) };
        match text.parse::<f64>() {
            Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(()),
            _ => Err(format!("{variable} is no number from 0 to 1")),
        }
    }
}

fn endpoint(text: &str) -> Result<Uri, &'static str> {
    let Ok(uri) = text.parse::<Uri>() else {
        return Err("it must look like http://localhost:4318");
    };
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err("it must begin with http:// or https://");
    }
    match uri.authority() {
        Some(authority) if authority.as_str().contains('@') => {
            Err("a name and a password go into OTEL_EXPORTER_OTLP_HEADERS")
        }
        Some(authority) if !authority.host().is_empty() && !text.contains('#') => Ok(uri),
        _ => Err("it names no host"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Settings>, String> {
        Settings::read(|name| {
            let variable = variables.iter().find(|(variable, _)| *variable == name);
            variable.map(|(_, value)| OsString::from(value))
        })
    }

    fn endpoint_of(variables: &[(&str, &str)]) -> Option<String> {
        read(variables).expect("nothing is wrong").map(|settings| settings.endpoint.to_string())
    }

    const ALL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";

    #[test]
    fn nothing_is_sent_unless_a_collector_is_named() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[("OTEL_SERVICE_NAME", "shop"), (ALL, ""), (TRACES, "")]), Ok(None));
        let named = (ALL, "http://collector:4318");
        assert_eq!(read(&[named, ("OTEL_SDK_DISABLED", "TRUE")]), Ok(None));
        assert_eq!(read(&[named, ("OTEL_TRACES_EXPORTER", "none")]), Ok(None));
        let named = [named, ("OTEL_SDK_DISABLED", "false"), ("OTEL_TRACES_EXPORTER", "otlp")];
        assert!(endpoint_of(&named).is_some());
    }

    #[test]
    fn the_endpoint_of_all_signals_is_one_of_traces_with_its_path() {
        let traces = Some("http://collector:4318/v1/traces".to_owned());
        assert_eq!(endpoint_of(&[(ALL, "http://collector:4318")]), traces);
        assert_eq!(endpoint_of(&[(ALL, "http://collector:4318/")]), traces);
        let below = Some("https://collector/otlp/v1/traces".to_owned());
        assert_eq!(endpoint_of(&[(ALL, "https://collector/otlp")]), below);
        let own = Some("http://own:1/a?b=c".to_owned());
        assert_eq!(endpoint_of(&[(TRACES, "http://own:1/a?b=c"), (ALL, "nonsense")]), own);
    }

    #[test]
    fn what_is_wrong_is_named_and_not_repeated() {
        let good = (ALL, "http://collector");
        for (variable, value) in [
            (ALL, "collector"),
            (ALL, "collector:4318"),
            (ALL, "http://"),
            (ALL, "http://collector?token"),
            (ALL, "http://user:secret@collector"),
            (ALL, "ftp://collector"),
            (TRACES, "http://a b"),
            (TRACES, "/v1/traces"),
            (TRACES, "http://collector#a"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "0"),
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_TRACES_SAMPLER", "sometimes"),
            ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
        ] {
            let variables = if variable == ALL { vec![] } else { vec![good] };
            let wrong = read(&[vec![(variable, value)], variables].concat());
            let wrong = wrong.expect_err(variable);
            assert!(wrong.starts_with(variable), "{variable}={value}: {wrong}");
            assert!(!wrong.contains("secret") && !wrong.contains("token"), "{wrong}");
        }
    }

    #[test]
    fn what_is_said_of_traces_alone_counts() {
        let millis = |variables: &[(&str, &str)]| {
            let variables = [&[(ALL, "http://collector")][..], variables].concat();
            read(&variables).expect("right").expect("a collector").timeout.as_millis()
        };
        assert_eq!(millis(&[]), 10_000);
        let all = ("OTEL_EXPORTER_OTLP_TIMEOUT", "300");
        assert_eq!(millis(&[all]), 300);
        assert_eq!(millis(&[all, ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "70")]), 70);
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf");
        millis(&[traces, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]);
    }
}
