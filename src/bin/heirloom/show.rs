//! Showing reports: workers' lines where they wrote them, all else on standard error; or all of it as JSON on standard
//! output. A thread of its own does it, since a terminal may be slow and the master must not wait.

use std::io::{self, Write};
use std::thread::{self, JoinHandle};

use anstyle::{AnsiColor, Style};

use crate::arguments::Form;
use heirloom::config::ConfigError;
use heirloom::master::{Notices, Report, Stream};
use heirloom::observe::{Human, Weight, json};

/// Shows reports until the master is gone.
pub(crate) fn start(name: String, form: Form, mut notices: Notices) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("show".into()).spawn(move || {
        while let Some(news) = notices.blocking_next() {
            // Whoever reads what we print may have gone; that is no reason to stop serving.
            let _ = report(&name, form, &news);
            let lost = notices.lost();
            if lost > 0 {
                let _ = writeln!(
                    anstream::stderr(),
                    "{name} | {lost} lines are lost: they came faster than they could be shown"
                );
            }
        }
    })
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

/// Tells a step that the master takes before it exists.
pub(crate) fn step(name: &str, form: Form, line: &str) {
    match form {
        Form::Text => drop(writeln!(anstream::stderr(), "{name} | {line}")),
        Form::Json => tracing::info!("{line}"),
    }
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
