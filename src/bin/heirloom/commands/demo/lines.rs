//! The story in lines: one when it begins, one for each step when it is over. It decides nothing.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::embedded::WORKERS;
use super::scenario::{Outcome, Told};

/// What runs, and what asks it.
pub(super) fn beginning(address: impl std::fmt::Display) -> io::Result<()> {
    let pid = std::process::id();
    writeln!(
        anstream::stdout(),
        "heirloom demo: master with pid {pid} on http://{address}, {WORKERS} workers a generation, under load"
    )
}

/// A step that is over.
pub(super) fn step(told: &Told) -> io::Result<()> {
    let style = style(told);
    let (mark, title, took) = (told.mark(), told.step.title, told.took.as_secs_f64());
    writeln!(anstream::stdout(), "{style}{mark}{style:#} {title:<22} {took:>5.2} s  {}", what_came(told))
}

fn what_came(told: &Told) -> String {
    match &told.outcome {
        Outcome::Promoted(generation) => format!("generation {generation} serves"),
        Outcome::GivenUp(generation, why) => format!("generation {generation} is given up: {why}"),
        Outcome::Replaced(generation) => format!("generation {generation} is whole again"),
        Outcome::Unexpected(why) => why.clone(),
    }
}

fn style(told: &Told) -> Style {
    let colour = match told.outcome {
        Outcome::Promoted(_) | Outcome::Replaced(_) => AnsiColor::Green,
        Outcome::GivenUp(..) => AnsiColor::Yellow,
        Outcome::Unexpected(_) => AnsiColor::Red,
    };
    colour.on_default().bold()
}
