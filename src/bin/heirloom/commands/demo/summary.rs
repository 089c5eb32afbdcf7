//! The end of a demo, for people: how many requests, what was shown, what to try next. It decides nothing.

use std::fmt;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::picture::grouped;
use super::traffic::Kind;
use super::verdict;

/// Prints it.
pub(super) fn print(result: &verdict::Result) -> io::Result<()> {
    let mut out = anstream::stdout();
    writeln!(out)?;
    requests(&mut out, result)?;
    if result.is_good() {
        shown(&mut out)?;
    }
    try_next(&mut out)
}

fn requests(out: &mut impl Write, result: &verdict::Result) -> io::Result<()> {
    let (counts, bold) = (&result.counts, Style::new().bold());
    let failed = counts.failed();
    let colour = if failed == 0 { AnsiColor::Green } else { AnsiColor::Red }.on_default().bold();
    let answered = grouped(counts.answered);
    writeln!(
        out,
        "{bold}{answered} requests answered{bold:#}, {colour}{failed} failed{colour:#}, in {:.1} s",
        result.took.as_secs_f64()
    )?;
    for (failure, count) in &counts.failures {
        writeln!(out, "  {count} × {failure}")?;
    }
    let kind = |kind| grouped(counts.by_kind.get(&kind).copied().unwrap_or_default());
    writeln!(
        out,
        "  {} with a connection each, {} over kept connections, {} that took long",
        kind(Kind::OneShot),
        kind(Kind::KeepAlive),
        kind(Kind::Long)
    )?;
    let generations: Vec<String> =
        counts.by_generation.iter().map(|(id, count)| format!("generation {id} {}", grouped(*count))).collect();
    writeln!(out, "  answered by {}", generations.join(", "))?;
    match result.interrupted {
        Some(why) => writeln!(out, "  the demo was {why}"),
        None => Ok(()),
    }
}

fn shown(out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "\nThe master kept the port; its workers came and went. A new generation got the new\n\
         connections when it was ready, and not before; the old one finished what it held.\n\
         What crashed or hung was given up, and no client met it. The worker was killed\n\
         between two requests: what a killed process holds, nobody can save."
    )
}

fn try_next(out: &mut impl Write) -> io::Result<()> {
    let bold = Style::new().bold();
    let heirloom = Invocation;
    writeln!(out, "\n{bold}Try next{bold:#}")?;
    let lines = [
        (format!("{heirloom} demo --serve"), "this again, then reload it yourself"),
        (format!("{heirloom} run --listen 8000 -- ./your-server"), "your own program"),
        (format!("{heirloom} reload"), "reload it, and be told what became of it"),
    ];
    let width = lines.iter().map(|(command, _)| command.chars().count()).max().unwrap_or_default();
    lines.iter().try_for_each(|(command, what)| writeln!(out, "  {command:<width$}  {what}"))
}

/// What the reader can do while it goes on serving.
pub(super) fn serving(address: impl fmt::Display) -> io::Result<()> {
    let bold = Style::new().bold();
    let pid = std::process::id();
    writeln!(anstream::stdout(), "\n{bold}Still serving{bold:#}, until Ctrl-C. In another terminal:")?;
    writeln!(anstream::stdout(), "  curl http://{address}/\n  kill -HUP {pid}\n")
}

/// This program, as it was called.
struct Invocation;

impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = std::env::args_os().next().unwrap_or_else(|| "heirloom".into());
        write!(f, "{}", std::path::Path::new(&name).display())
    }
}
