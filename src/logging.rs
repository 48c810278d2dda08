//! What the process says while it runs.
//!
//! Owns: level and format of the log, which can change while it runs, and that it goes to standard error. Only this crate logs at the chosen level; of
//! dependencies nothing below `warn` is heard, whatever the level: HTTP libraries log requests with their headers at
//! `trace`, and one of those headers is the token.
//! Must not: decide what is worth a line; that is said where it happens.

mod output;

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::Dispatch;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Registry, reload};

use self::output::Output;

/// The least important line that is still logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Something is broken and stays so until somebody acts.
    Error,
    /// Something went wrong and is dealt with.
    Warn,
    /// What an operator wants to know of a healthy process.
    #[default]
    Info,
    /// What somebody who hunts a fault wants to know.
    Debug,
    /// Everything.
    Trace,
}

impl Level {
    const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    const fn filter(self) -> LevelFilter {
        match self {
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace => LevelFilter::TRACE,
        }
    }
}

/// A text that is not a [`Level`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a log level: expected error, warn, info, debug or trace")]
pub struct InvalidLevel(String);

impl FromStr for Level {
    type Err = InvalidLevel;

    fn from_str(text: &str) -> Result<Self, InvalidLevel> {
        Self::ALL.into_iter().find(|level| level.name() == text).ok_or_else(|| InvalidLevel(text.to_owned()))
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// `key=value` pairs.
    #[default]
    Logfmt,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    const ALL: [Self; 2] = [Self::Logfmt, Self::Json];

    const fn name(self) -> &'static str {
        match self {
            Self::Logfmt => "logfmt",
            Self::Json => "json",
        }
    }
}

/// A text that is not a [`LogFormat`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a log format: expected logfmt or json")]
pub struct InvalidLogFormat(String);

impl FromStr for LogFormat {
    type Err = InvalidLogFormat;

    fn from_str(text: &str) -> Result<Self, InvalidLogFormat> {
        let format = Self::ALL.into_iter().find(|format| format.name() == text);
        format.ok_or_else(|| InvalidLogFormat(text.to_owned()))
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Changes a log that is being written. Clones change the same.
#[derive(Clone, Debug)]
pub struct LogControl {
    heard: reload::Handle<Targets, Registry>,
    level: Arc<Mutex<Level>>,
    is_json: Arc<AtomicBool>,
}

impl LogControl {
    /// The least important line that is logged now.
    pub fn level(&self) -> Level {
        *self.level.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Logs lines from `level` on.
    pub fn set_level(&self, level: Level) {
        let mut current = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        // Fails when the log is gone: then nothing is logged at any level.
        let _ = self.heard.reload(heard(level));
        *current = level;
    }

    /// Writes lines in `format` from now on.
    pub fn set_format(&self, format: LogFormat) {
        self.is_json.store(format == LogFormat::Json, Ordering::Relaxed);
    }
}

/// Starts logging to standard error. Where a process logs already, that stays as it is.
pub fn init(level: Level, format: LogFormat) -> LogControl {
    let (dispatch, control) = controlled(level, format, io::stderr);
    // The only error is that logging was started before.
    let _ = tracing::dispatcher::set_global_default(dispatch);
    control
}

/// The log of [`init`] with another `writer`.
pub fn dispatch<W>(level: Level, format: LogFormat, writer: W) -> Dispatch
where
    W: for<'writer> MakeWriter<'writer> + Clone + Send + Sync + 'static,
{
    controlled(level, format, writer).0
}

/// The log of [`dispatch`], and control over it.
pub fn controlled<W>(level: Level, format: LogFormat, writer: W) -> (Dispatch, LogControl)
where
    W: for<'writer> MakeWriter<'writer> + Clone + Send + Sync + 'static,
{
    let (filter, heard) = reload::Layer::new(heard(level));
    let is_json = Arc::new(AtomicBool::new(format == LogFormat::Json));
    // The path of spans repeats their names, and their fields stand at the end of the line anyway.
    let logfmt = tracing_logfmt::builder().with_span_name(false).with_span_path(false).layer();
    let json = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false);
    let output = Output {
        logfmt: logfmt.with_writer(writer.clone()),
        json: json.with_writer(writer),
        is_json: Arc::clone(&is_json),
    };
    let log = tracing_subscriber::registry().with(filter).with(output);
    (Dispatch::new(log), LogControl { heard, level: Arc::new(Mutex::new(level)), is_json })
}

fn heard(level: Level) -> Targets {
    let dependencies = level.filter().min(LevelFilter::WARN);
    Targets::new().with_default(dependencies).with_target(env!("CARGO_CRATE_NAME"), level.filter())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: Level, format: LogFormat, act: impl FnOnce()) -> String {
        let page = Page::default();
        let writer = page.clone();
        tracing::dispatcher::with_default(&dispatch(level, format, move || writer.clone()), act);
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn an_event_in_a_span() {
        tracing::info_span!("poll", account = "default").in_scope(|| {
            tracing::warn!(status = 503, error = "no \"upstream\"\nat all", "poll failed");
        });
    }

    #[test]
    fn logfmt_says_time_level_fields_and_span_fields_on_one_line() {
        let line = logged(Level::Info, LogFormat::Logfmt, an_event_in_a_span);
        insta::with_settings!({ filters => [(r"ts=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "ts=[rfc 3339, utc]")] }, {
            insta::assert_snapshot!(line, @r#"ts=[rfc 3339, utc] level=warn target=losant_exporter::logging::tests message="poll failed" status=503 error="no \"upstream\"\nat all" account=default"#);
        });
    }

    #[test]
    fn json_is_one_flat_object_a_line() {
        let line = logged(Level::Info, LogFormat::Json, an_event_in_a_span);
        assert_eq!(line.lines().count(), 1);
        assert!(serde_json::from_str::<serde_json::Value>(&line).unwrap().is_object());
        insta::with_settings!({ filters => [(r#""\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z""#, "[rfc 3339, utc]")] }, {
            insta::assert_snapshot!(line, @r#"{"timestamp":[rfc 3339, utc],"level":"WARN","message":"poll failed","status":503,"error":"no \"upstream\"\nat all","target":"losant_exporter::logging::tests","span":{"account":"default","name":"poll"}}"#);
        });
    }

    #[test]
    fn a_level_hides_what_is_less_important() {
        let all = || {
            tracing::error!("e");
            tracing::warn!("w");
            tracing::info!("i");
            tracing::debug!("d");
            tracing::trace!("t");
        };
        for (lines, level) in (1..).zip(Level::ALL) {
            assert_eq!(logged(level, LogFormat::Logfmt, all).lines().count(), lines, "{level}");
        }
    }

    #[test]
    fn level_and_format_change_while_it_is_written_and_a_span_is_open() {
        let page = Page::default();
        let writer = page.clone();
        let (dispatch, control) = controlled(Level::Warn, LogFormat::Logfmt, move || writer.clone());
        tracing::dispatcher::with_default(&dispatch, || {
            let say = || {
                tracing::error!("e");
                tracing::debug!("d");
            };
            let span = tracing::error_span!("poll", account = "default");
            let _open = span.enter();
            say();
            control.set_level(Level::Debug);
            control.set_format(LogFormat::Json);
            say();
            control.set_level(Level::Error);
            control.set_format(LogFormat::Logfmt);
            say();
        });
        assert_eq!(control.level(), Level::Error);
        let bytes = page.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        let lines: Vec<_> =
            text.lines().map(|line| (line.starts_with('{'), line.contains("default"))).collect();
        assert_eq!(lines, [(false, true), (true, true), (true, true), (false, true)], "{text}");
    }

    #[test]
    fn dependencies_are_silent_below_warn_even_at_trace() {
        let chatter = || {
            tracing::trace!(target: "hyper::proto::h1", "authorization: Bearer secret");
            tracing::debug!(target: "reqwest::connect", "secret");
            tracing::info!(target: "h2", "secret");
            tracing::info!(target: "rustls", "secret");
        };
        assert_eq!(logged(Level::Trace, LogFormat::Logfmt, chatter), "");
        let trouble = || tracing::warn!(target: "hyper", "trouble");
        assert_eq!(logged(Level::Trace, LogFormat::Logfmt, trouble).lines().count(), 1);
        assert_eq!(logged(Level::Error, LogFormat::Logfmt, trouble), "");
    }

    #[test]
    fn names_are_read_back_and_others_are_refused_with_the_choice() {
        assert!(Level::ALL.iter().all(|level| level.to_string().parse() == Ok(*level)));
        assert!(LogFormat::ALL.iter().all(|format| format.to_string().parse() == Ok(*format)));
        insta::assert_snapshot!("INFO".parse::<Level>().unwrap_err(), @r#""INFO" is not a log level: expected error, warn, info, debug or trace"#);
        insta::assert_snapshot!("yaml".parse::<LogFormat>().unwrap_err(), @r#""yaml" is not a log format: expected logfmt or json"#);
    }
}
