//! A report as an entry of a log: how much it matters, what it says, and its fields.

use serde_json::{Map, Value};

use heirloom::master::{Deed, Report, Stream, What};
use heirloom::observe::{Human, Weight};

/// How much an entry matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Error,
    Warning,
    /// What the master does.
    Notice,
    /// What workers write.
    Info,
    Debug,
}

/// One entry.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) level: Level,
    pub(crate) message: String,
    /// All that the report says, flat.
    pub(crate) fields: Map<String, Value>,
    /// A worker wrote it there.
    pub(crate) stream: Option<Stream>,
}

impl Entry {
    pub(crate) fn of(report: &Report) -> Entry {
        let Value::Object(fields) = serde_json::to_value(report).unwrap_or_default() else {
            unreachable!("a report is an object")
        };
        let human = Human(report);
        let message = human.to_string();
        let (level, message, stream) = match (human.weight(), &report.what) {
            (Weight::Line(stream), What::Deeds(Deed::Line { generation, slot, line, .. })) => {
                let (level, line) = prefixed(line);
                (level, format!("{generation}.{slot} | {line}"), Some(stream))
            }
            (Weight::Bad, _) => (Level::Warning, message, None),
            (Weight::Line(_) | Weight::Step | Weight::Good, _) => (Level::Notice, message, None),
        };
        Entry { level, message, fields, stream }
    }

    /// As one line of JSON: the report's own fields, and `level`, `name` and `message` before them.
    pub(crate) fn json(&self, name: &str) -> String {
        let mut line = self.fields.clone();
        line.insert("level".into(), self.level.word().into());
        line.insert("name".into(), name.into());
        line.insert("message".into(), self.message.clone().into());
        Value::Object(line).to_string()
    }

    pub(crate) fn number(&self, field: &str) -> Option<u64> {
        self.fields.get(field)?.as_u64()
    }

    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field)?.as_str()
    }
}

impl Level {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Notice => "notice",
            Level::Info => "info",
            Level::Debug => "debug",
        }
    }

    /// syslog's number for it.
    pub(crate) fn priority(self) -> u8 {
        match self {
            Level::Error => 3,
            Level::Warning => 4,
            Level::Notice => 5,
            Level::Info => 6,
            Level::Debug => 7,
        }
    }
}

/// The level that a worker has put before its line (`<3>`, sd-daemon(3)), and the rest of it.
fn prefixed(line: &str) -> (Level, &str) {
    let found = line.strip_prefix('<').and_then(|rest| {
        let (number, rest) = rest.split_at_checked(1)?;
        let level = match number {
            "0" | "1" | "2" | "3" => Level::Error,
            "4" => Level::Warning,
            "5" => Level::Notice,
            "6" => Level::Info,
            "7" => Level::Debug,
            _ => return None,
        };
        Some((level, rest.strip_prefix('>')?))
    });
    found.unwrap_or((Level::Info, line))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use heirloom::supervision::{GenerationId, Notice, Slot};

    use super::*;

    fn report(what: What) -> Report {
        Report { id: 7, time: SystemTime::UNIX_EPOCH, what, pid: None, last_lines: Vec::new() }
    }

    #[test]
    fn a_worker_may_say_how_much_its_line_matters() {
        for (line, level, message) in [
            ("<3>the disk is full", Level::Error, "2.1 | the disk is full"),
            ("<7>a detail", Level::Debug, "2.1 | a detail"),
            ("plain", Level::Info, "2.1 | plain"),
            ("<9>no level", Level::Info, "2.1 | <9>no level"),
            ("<ü>", Level::Info, "2.1 | <ü>"),
        ] {
            let (generation, slot) = (GenerationId(2), Slot(1));
            let deed = Deed::Line { generation, slot, stream: Stream::Error, line: line.into() };
            let entry = Entry::of(&report(What::Deeds(deed)));
            assert_eq!((entry.level, entry.message.as_str()), (level, message));
            assert_eq!((entry.number("generation"), entry.text("stream")), (Some(2), Some("error")));
        }
    }

    #[test]
    fn an_entry_in_json_is_the_report_with_level_name_and_message() {
        let notice = Notice::Promoted { generation: GenerationId(2), previous: None };
        let line = Entry::of(&report(What::Rules(notice))).json("web");
        let expected = r#"{"generation":2,"id":7,"level":"notice","message":"generation 2 serves","name":"web","notice":"promoted","previous":null,"time":"1970-01-01T00:00:00.000000Z"}"#;
        assert_eq!(line, expected);
    }
}
