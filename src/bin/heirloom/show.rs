//! Showing reports: workers' lines where they wrote them, all else on standard error; or all of it as JSON on standard
//! output. A thread of its own does it, since a terminal may be slow and the master must not wait.

use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use crate::arguments::Form;
use crate::log::{Entry, Level, Log};
use heirloom::config::ConfigError;
use heirloom::master::{Notices, Report, Stream};
use heirloom::observe::{Human, Weight, json};

/// So long are the last reports waited for: whoever does not read them must not keep a master from ending.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The thread that shows; its end is the end of the channel.
pub(crate) struct Showing(Receiver<()>);

impl Showing {
    /// Waits until all is shown, when the master is gone, or for as long as anybody can expect.
    pub(crate) fn finish(self) {
        let _ = self.0.recv_timeout(LAST_WORDS); // nobody could be told that nobody reads
    }
}

/// Shows reports until the master is gone.
pub(crate) fn start(name: String, form: Form, log: Log, mut notices: Notices) -> io::Result<Showing> {
    let (ended, end) = mpsc::channel();
    thread::Builder::new().name("show".into()).spawn(move || {
        let _ended: mpsc::Sender<()> = ended; // dropped when all is shown
        while let Some(news) = notices.blocking_next() {
            // Whoever reads what we print may have gone; that is no reason to stop serving.
            let _ = match form {
                Form::Text if !log.is_text() => log.write(&Entry::of(&news)),
                Form::Text | Form::Json => report(&name, form, &news),
            };
            let lost = notices.lost();
            if lost > 0 {
                let what = format!("{lost} lines are lost: they came faster than they could be shown");
                let _ = match log.is_text() {
                    true => writeln!(anstream::stderr(), "{name} | {what}"),
                    false => log.note(Level::Warning, &what),
                };
            }
        }
    })?;
    Ok(Showing(end))
}

/// Shows one report.
pub(crate) fn report(name: &str, form: Form, report: &Report) -> io::Result<()> {
    match form {
        Form::Text => text(name, report),
        Form::Json => writeln!(io::stdout().lock(), "{}", json(report)),
    }
}

/// Tells an error with its causes, and what to do about it.
pub(crate) fn error(error: &anyhow::Error, hint: Option<&str>) {
    let red = AnsiColor::Red.on_default().bold();
    let mut stderr = anstream::stderr();
    let _ = writeln!(stderr, "{red}error{red:#}: {error:#}");
    if let Some(hint) = hint {
        let _ = writeln!(stderr, " hint: {hint}");
    }
}

/// Tells why a master ends, where its log is.
pub(crate) fn failure(log: &Log, failure: &anyhow::Error, hint: Option<&str>) {
    if log.is_text() {
        return error(failure, hint);
    }
    let hint = hint.map(|hint| format!("; hint: {hint}")).unwrap_or_default();
    let _ = log.note(Level::Error, &format!("{failure:#}{hint}")); // nobody may listen
}

/// Tells what a check has found: how bad it is, what, where, and what to do about it.
pub(crate) fn finding(weight: &str, what: &str, place: &str, hint: Option<&str>) {
    let colour = if weight == "error" { AnsiColor::Red } else { AnsiColor::Yellow };
    let style = colour.on_default().bold();
    let mut stderr = anstream::stderr();
    let _ = write!(stderr, "{style}{weight}{style:#}: {what}\n{place}");
    if let Some(hint) = hint {
        let _ = writeln!(stderr, " hint: {hint}");
    }
}

/// Tells a step that the master takes before it exists.
pub(crate) fn step(form: Form, log: &Log, line: &str) {
    match form {
        Form::Text if !log.is_text() => drop(log.note(Level::Notice, line)),
        Form::Text => drop(writeln!(anstream::stderr(), "{} | {line}", log.name())),
        Form::Json => tracing::info!("{line}"),
    }
}

/// Tells what stands above everything else: its first line matters most.
pub(crate) fn head(text: &str) {
    let bold = Style::new().bold();
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let _ = writeln!(anstream::stderr(), "{bold}{first}{bold:#}\n{rest}"); // nobody may look
}

/// Tells the mistakes in a config file.
pub(crate) fn mistakes(error: &ConfigError) {
    let _ = writeln!(anstream::stderr(), "{}", error.styled());
}

fn text(name: &str, report: &Report) -> io::Result<()> {
    let line = Human(report);
    let style = match line.weight() {
        Weight::Line(Stream::Output) => return writeln!(anstream::stdout(), "{line}"),
        Weight::Line(Stream::Error) => return writeln!(anstream::stderr(), "{line}"),
        Weight::Step => Style::new(),
        Weight::Good => AnsiColor::Green.on_default(),
        Weight::Bad => AnsiColor::Red.on_default(),
    };
    writeln!(anstream::stderr(), "{name} | {style}{line}{style:#}")
}
