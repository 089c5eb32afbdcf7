//! What goes wrong inside, and the way that all entries take.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::SystemTime;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use super::entry::{Entry, Level};
use super::form::LogForm;
use super::journal::{self, REPORTS};

/// Where entries go.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    name: String,
    way: Way,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Text,
    Json,
    /// By its own protocol.
    Journal,
    /// By prefixes, since its socket is not there.
    Prefix,
}

/// `HEIRLOOM_LOG=debug`, or `heirloom::master=debug,warn`, shows more. Not `EnvFilter`, whose regular expressions are a
/// sixth of the master's memory.
fn filter() -> Targets {
    let named = std::env::var("HEIRLOOM_LOG").ok().and_then(|text| text.parse().ok());
    named.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN))
}

/// For the verbs that are no master: what goes wrong inside is told in lines.
pub(crate) fn start_plainly() {
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).without_time();
    let lines = lines.with_ansi(io::stderr().is_terminal());
    tracing_subscriber::registry().with(lines.with_filter(filter())).init();
}

/// From now on, what goes wrong inside is told in this form.
pub(crate) fn start(form: LogForm, name: &str) -> Log {
    let registry = tracing_subscriber::registry();
    let way = match form.settled() {
        LogForm::Auto | LogForm::Text => Way::Text,
        LogForm::Json => Way::Json,
        LogForm::Journald => match tracing_journald::layer() {
            Ok(journal) => {
                let journal = journal
                    .with_field_prefix(Some("HEIRLOOM".into()))
                    .with_syslog_identifier(name.to_owned())
                    .with_custom_fields([("HEIRLOOM_NAME", name)]);
                registry.with(journal.with_filter(filter().with_target(REPORTS, LevelFilter::TRACE))).init();
                return Log { name: name.to_owned(), way: Way::Journal };
            }
            Err(_) => Way::Prefix,
        },
    };
    match way {
        Way::Text | Way::Journal => start_plainly(),
        Way::Json | Way::Prefix => {
            let form = Inside { name: name.to_owned(), way };
            let lines = tracing_subscriber::fmt::layer().event_format(form).with_writer(io::stderr);
            registry.with(lines.with_filter(filter())).init();
        }
    }
    Log { name: name.to_owned(), way }
}

impl Log {
    /// What the master is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether entries are for people, who want colours and their streams apart.
    pub(crate) fn is_text(&self) -> bool {
        self.way == Way::Text
    }

    /// Writes an entry; nothing if it is text, which is shown in another place.
    pub(crate) fn write(&self, entry: &Entry) -> io::Result<()> {
        match self.way {
            Way::Text => Ok(()),
            Way::Json => writeln!(io::stderr().lock(), "{}", entry.json(&self.name)),
            Way::Journal => {
                journal::with_fields(entry);
                Ok(())
            }
            Way::Prefix => journal::with_prefix(&self.name, entry),
        }
    }

    /// Writes a line that is about no report.
    pub(crate) fn note(&self, level: Level, message: &str) -> io::Result<()> {
        let fields = Map::from_iter([("time".to_owned(), now().into())]);
        self.write(&Entry { level, message: message.to_owned(), fields, stream: None })
    }
}

fn now() -> String {
    humantime::format_rfc3339_micros(SystemTime::now()).to_string()
}

/// Events of our own code, in the form of the others.
struct Inside {
    name: String,
    way: Way,
}

impl<S, N> FormatEvent<S, N> for Inside
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let level = match *event.metadata().level() {
            tracing::Level::ERROR => Level::Error,
            tracing::Level::WARN => Level::Warning,
            tracing::Level::INFO => Level::Notice,
            tracing::Level::DEBUG => Level::Info,
            tracing::Level::TRACE => Level::Debug,
        };
        let mut found = Fields::default();
        event.record(&mut found);
        let Fields { message, mut fields } = found;
        if self.way == Way::Prefix {
            let fields: String = fields.iter().map(|(key, value)| format!(" {key}={value}")).collect();
            return out.write_str(&journal::lines(level, &format!("{} | ", self.name), &format!("{message}{fields}")));
        }
        fields.insert("time".into(), now().into());
        fields.insert("target".into(), event.metadata().target().into());
        writeln!(out, "{}", Entry { level, message, fields, stream: None }.json(&self.name))
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    fields: Map<String, Value>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            name => drop(self.fields.insert(name.into(), format!("{value:?}").into())),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name().into(), value.into());
    }
}
