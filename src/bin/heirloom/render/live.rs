//! Writing to a terminal that can take something back: one line that changes, or a picture that is painted anew. Where
//! there is no terminal, only what is final is written.

use std::io::{self, IsTerminal, Write};

use anstream::ColorChoice;

use super::words::fitting;

/// From the beginning of the line, nothing.
const ANEW: &str = "\r\x1b[2K";
const HIDE_CURSOR: &str = "\x1b[?25l";
const SHOW_CURSOR: &str = "\x1b[?25h";

/// Steps on standard error: lines that stay, and on a terminal one below them that changes.
#[derive(Debug)]
pub(crate) struct Live {
    terminal: bool,
    changing: bool,
}

/// A picture on standard output that each new one replaces.
#[derive(Debug)]
pub(crate) struct Repainted {
    lines: usize,
}

/// Whether this stream is a terminal that understands more than text.
fn is_able(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// The text with its colours, if the stream wants them.
fn dressed(text: &str, choice: ColorChoice) -> String {
    match choice {
        ColorChoice::Never => anstream::adapter::strip_str(text).to_string(),
        ColorChoice::Auto | ColorChoice::Always | ColorChoice::AlwaysAnsi => text.to_owned(),
    }
}

/// The text as standard output wants it.
fn colours(text: &str) -> String {
    dressed(text, anstream::AutoStream::choice(&io::stdout()))
}

/// How wide and high the terminal is.
fn size() -> Option<(usize, usize)> {
    let (width, height) = terminal_size::terminal_size()?;
    Some((width.0.into(), height.0.into()))
}

/// Whether standard output is a terminal on which something can be drawn.
pub(crate) fn draws() -> bool {
    is_able(&io::stdout())
}

/// How wide the terminal is that standard output is; nothing is cut off elsewhere.
pub(crate) fn width() -> Option<usize> {
    if io::stdout().is_terminal() { size().map(|(width, _)| width) } else { None }
}

impl Live {
    pub(crate) fn new() -> Live {
        Live { terminal: is_able(&io::stderr()), changing: false }
    }

    /// Whether a line that changes would be seen.
    pub(crate) fn is_seen(&self) -> bool {
        self.terminal
    }

    /// A line that stays.
    pub(crate) fn line(&mut self, line: &str) {
        let text = dressed(line, anstream::AutoStream::choice(&io::stderr()));
        let anew = if std::mem::take(&mut self.changing) { ANEW } else { "" };
        self.write(&format!("{anew}{text}\n"));
    }

    /// The line that changes.
    pub(crate) fn change(&mut self, line: &str) {
        if self.terminal {
            let width = size().map_or(80, |(width, _)| width);
            let text = fitting(&anstream::adapter::strip_str(line).to_string(), width.saturating_sub(1));
            self.changing = true;
            self.write(&format!("{ANEW}{text}"));
        }
    }

    /// Takes the line that changes away.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.changing) {
            self.write(ANEW);
        }
    }

    fn write(&self, text: &str) {
        let mut stderr = io::stderr().lock();
        let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush()); // whoever looked has gone
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Repainted {
    /// None if standard output is no terminal.
    pub(crate) fn new() -> Option<Repainted> {
        is_able(&io::stdout()).then_some(Repainted { lines: 0 })
    }

    /// Shows a picture where the last one was. What does not fit on the terminal is left out.
    pub(crate) fn paint(&mut self, picture: &str) -> io::Result<()> {
        let height = size().map_or(24, |(_, height)| height);
        let lines: Vec<&str> = picture.lines().take(height.saturating_sub(1)).collect();
        let up = if self.lines == 0 { HIDE_CURSOR.to_owned() } else { format!("\x1b[{}A", self.lines) };
        let body: String = lines.iter().map(|line| format!("\r{}\x1b[K\n", colours(line))).collect();
        self.lines = lines.len();
        let mut stdout = io::stdout().lock();
        stdout.write_all(format!("{up}{body}\x1b[J").as_bytes())?;
        stdout.flush()
    }
}

impl Drop for Repainted {
    /// The terminal is given back.
    fn drop(&mut self) {
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(SHOW_CURSOR.as_bytes()).and_then(|()| stdout.flush()); // whoever looked has gone
    }
}
