//! Entries of the journal: through its own socket, with fields; or as lines with a priority prefix.

use std::io::{self, Write};
use std::os::fd::AsFd;

use heirloom::master::Stream;

use super::entry::{Entry, Level};
use super::form::leads_to_journal;

/// The target of reports: no filter hides them.
pub(super) const REPORTS: &str = "report";

/// Hands an entry to whatever [`super::start`] has put in place.
pub(super) fn with_fields(entry: &Entry) {
    let (notice, stream) = (entry.text("notice"), entry.text("stream"));
    let (generation, slot) = (entry.number("generation"), entry.number("slot"));
    let (id, worker_pid) = (entry.number("id"), entry.number("pid"));
    let message = &entry.message;
    macro_rules! tell {
        ($level:ident) => {
            tracing::$level!(target: REPORTS, notice, generation, slot, stream, id, worker_pid, "{message}")
        };
    }
    match entry.level {
        Level::Error => tell!(error),
        Level::Warning => tell!(warn),
        Level::Notice => tell!(info),
        Level::Info => tell!(debug),
        Level::Debug => tell!(trace),
    }
}

/// Writes an entry as lines with a priority; what a worker wrote, where it wrote it.
pub(super) fn with_prefix(name: &str, entry: &Entry) -> io::Result<()> {
    match entry.stream {
        // Somebody may have sent it to a file: that gets the line, and nothing else.
        Some(Stream::Output) if !leads_to_journal(io::stdout().as_fd()) => {
            writeln!(io::stdout().lock(), "{}", entry.message)
        }
        Some(Stream::Output) => io::stdout().lock().write_all(lines(entry.level, "", &entry.message).as_bytes()),
        Some(Stream::Error) => io::stderr().lock().write_all(lines(entry.level, "", &entry.message).as_bytes()),
        None => io::stderr().lock().write_all(lines(entry.level, &format!("{name} | "), &entry.message).as_bytes()),
    }
}

/// Each line of a message is an entry of its own.
pub(super) fn lines(level: Level, head: &str, message: &str) -> String {
    message.lines().map(|line| format!("<{}>{head}{line}\n", level.priority())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_its_priority() {
        let text = lines(Level::Warning, "web | ", "generation 2 is given up\n    | no database");
        assert_eq!(text, "<4>web | generation 2 is given up\n<4>web |     | no database\n");
    }
}
