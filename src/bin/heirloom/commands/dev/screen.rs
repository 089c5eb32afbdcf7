//! Lines on a terminal or elsewhere; on a terminal, an error stays below them until it is mended.
//!
//! Nothing takes the screen over: what scrolls away is the terminal's, to be scrolled back to, and to be copied.

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use super::telling::{Fault, Line};
use heirloom::master::Stream;

/// Nothing wraps below this, so that we know how many rows there are.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";
/// Everything behind the cursor goes.
const ERASE: &str = "\x1b[J";
const CLEAR: &str = "\x1b[2J\x1b[3J\x1b[H";
/// Words that an error begins with, in most languages.
const SIGNS: [&str; 4] = ["error", "panicked", "traceback", "exception"];

/// Where lines are shown.
#[derive(Debug)]
pub(super) struct Screen {
    /// Standard error is a terminal that can move its cursor.
    can_pin: bool,
    colours: bool,
    /// So many rows are below the last line, and the cursor is at the end of the last one.
    pinned: u16,
}

impl Screen {
    pub(super) fn new(can_pin: bool) -> Screen {
        let colours = AutoStream::choice(&io::stderr()) != ColorChoice::Never;
        Screen { can_pin: can_pin && is_capable(), colours, pinned: 0 }
    }

    /// Shows lines, and an error below them.
    pub(super) fn show(&mut self, lines: &[Line], fault: Option<&Fault>) -> io::Result<()> {
        if lines.is_empty() && (fault.is_some() || self.pinned == 0) {
            return Ok(());
        }
        self.unpin()?;
        for line in lines {
            self.line(line)?;
        }
        // What was said last is in sight.
        let has_just_been_said =
            matches!((lines.last(), fault), (Some(Line::Bad(last)), Some(fault)) if *last == fault.title);
        match fault.filter(|_| !has_just_been_said) {
            Some(fault) => self.pin(fault),
            None => Ok(()),
        }
    }

    /// A clear screen but for the error.
    pub(super) fn clear(&mut self, fault: Option<&Fault>) -> io::Result<()> {
        if !self.can_pin {
            return Ok(());
        }
        self.pinned = 0;
        write!(io::stderr(), "{CLEAR}")?;
        fault.map_or(Ok(()), |fault| self.pin(fault))
    }

    /// Nothing of ours stays below.
    pub(super) fn unpin(&mut self) -> io::Result<()> {
        if self.pinned > 0 {
            let up = self.pinned - 1;
            let mut rows = String::from("\r");
            if up > 0 {
                rows += &format!("\x1b[{up}A");
            }
            self.pinned = 0;
            write!(io::stderr(), "{rows}{ERASE}")?;
        }
        Ok(())
    }

    fn line(&self, line: &Line) -> io::Result<()> {
        let (style, text) = match line {
            Line::Theirs(Stream::Output, text) => return writeln!(anstream::stdout(), "{text}"),
            Line::Theirs(Stream::Error, text) => return writeln!(anstream::stderr(), "{text}"),
            Line::Step(text) => (Style::new().dimmed(), text),
            Line::Good(text) => (AnsiColor::Green.on_default(), text),
            Line::Bad(text) => (AnsiColor::Red.on_default().bold(), text),
        };
        writeln!(anstream::stderr(), "{style}{text}{style:#}")
    }

    fn pin(&mut self, fault: &Fault) -> io::Result<()> {
        if !self.can_pin {
            return Ok(());
        }
        let rows = terminal_size::terminal_size_of(io::stderr()).map_or(24, |(_, rows)| rows.0);
        let lines = excerpt(&fault.lines, usize::from(rows / 2).saturating_sub(2));
        let red = AnsiColor::Red.on_default().bold();
        let mut text = String::from(NO_WRAP);
        text += &format!("{red}{}{red:#}\n", "─".repeat(40));
        for line in &lines {
            text += &format!("{}\x1b[0m\n", line.replace('\t', "    "));
        }
        text += &format!("{red}{}{red:#}{WRAP}", fault.title);
        if !self.colours {
            text = without_colours(&text);
        }
        self.pinned = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
        io::stderr().write_all(text.as_bytes())
    }
}

fn without_colours(text: &str) -> String {
    let plain = anstream::adapter::strip_str(text).to_string();
    format!("{NO_WRAP}{plain}{WRAP}")
}

/// From where the error begins, as much as there is room for.
fn excerpt(lines: &[String], room: usize) -> Vec<String> {
    if lines.len() <= room {
        return lines.to_vec();
    }
    let room = room.saturating_sub(1);
    let is_sign = |line: &String| {
        let plain = anstream::adapter::strip_str(line).to_string().to_lowercase();
        SIGNS.iter().any(|sign| plain.contains(sign))
    };
    let first = lines.iter().position(is_sign).unwrap_or(usize::MAX).min(lines.len() - room);
    let shown = lines[first..first + room].to_vec();
    shown.into_iter().chain([format!("… {} lines in all: press l", lines.len())]).collect()
}

fn is_capable() -> bool {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    io::stderr().is_terminal() && !is_dumb
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn an_error_that_fits_is_shown_as_it_is() {
        let all = lines(&["Compiling", "error: no"]);
        assert_eq!(excerpt(&all, 5), all);
    }

    #[test]
    fn of_a_long_one_its_beginning_is_shown() {
        let all = lines(&["Compiling a", "Compiling b", "\x1b[31merror\x1b[0m: no", "at 1", "at 2", "and so on"]);
        let shown = excerpt(&all, 3);
        assert_eq!(shown, [all[2].as_str(), "at 1", "… 6 lines in all: press l"]);
    }

    #[test]
    fn of_one_that_has_no_beginning_the_end_is_shown() {
        let all = lines(&["a", "b", "c", "d"]);
        assert_eq!(excerpt(&all, 3), ["c", "d", "… 4 lines in all: press l"]);
    }
}
