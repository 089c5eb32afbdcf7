//! What workers write: split into lines, tagged, and the last ones kept for when a worker fails.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use crate::supervision::{GenerationId, Slot};
use crate::sys::files;

/// A longer line goes out in pieces.
const LONGEST_LINE: usize = 16 * 1024;
/// So many lines of a worker are kept, and so many characters of each.
const KEPT_LINES: usize = 20;
const KEPT_OF_A_LINE: usize = 1024;
/// So many bytes are taken at once, before others have their turn.
const AT_ONCE: usize = 16 * 1024;

/// A worker's standard output or error.
#[derive(Debug)]
pub(super) struct Outlet {
    pub(super) generation: GenerationId,
    pub(super) slot: Slot,
    pub(super) pipe: OwnedFd,
    lines: Lines,
}

/// What a look into a pipe brought.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) lines: Vec<String>,
    /// Nobody has the other end any more.
    pub(super) ended: bool,
}

impl Outlet {
    pub(super) fn new(generation: GenerationId, slot: Slot, pipe: OwnedFd) -> Outlet {
        Outlet { generation, slot, pipe, lines: Lines::default() }
    }

    /// Takes what is there.
    pub(super) fn take(&mut self) -> Taken {
        let mut buffer = [0; AT_ONCE];
        match files::read(self.pipe.as_fd(), &mut buffer) {
            Ok(0) => Taken { lines: self.lines.rest().into_iter().collect(), ended: true },
            Ok(count) => Taken { lines: self.lines.split(&buffer[..count]), ended: false },
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                Taken::default()
            }
            // A terminal of ours ends with an error.
            Err(_) => Taken { lines: self.lines.rest().into_iter().collect(), ended: true },
        }
    }
}

/// Bytes in, lines out.
#[derive(Debug, Default)]
pub(super) struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    pub(super) fn split(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.begun.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                self.begun.pop();
                lines.extend(self.rest().or(Some(String::new())));
            }
            while self.begun.len() >= LONGEST_LINE {
                let rest = self.begun.split_off(LONGEST_LINE);
                lines.push(text(&std::mem::replace(&mut self.begun, rest)));
            }
        }
        lines
    }

    pub(super) fn rest(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.begun);
        (!line.is_empty()).then(|| text(&line))
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}

/// The last lines of a worker.
#[derive(Debug, Default)]
pub(super) struct LastLines(VecDeque<String>);

impl LastLines {
    pub(super) fn keep(&mut self, line: &str) {
        if self.0.len() == KEPT_LINES {
            self.0.pop_front();
        }
        self.0.push_back(line.chars().take(KEPT_OF_A_LINE).collect());
    }

    pub(super) fn all(&self) -> Vec<String> {
        self.0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_may_come_in_pieces_and_the_last_one_needs_no_end() {
        let mut lines = Lines::default();
        assert_eq!(lines.split(b"one\ntw"), ["one"]);
        assert_eq!(lines.split(b"o\r\n\nthr"), ["two", ""]);
        assert_eq!(lines.rest().as_deref(), Some("thr"));
        assert_eq!(lines.rest(), None);
    }

    #[test]
    fn a_line_without_end_goes_out_in_pieces() {
        let mut lines = Lines::default();
        let pieces = lines.split(&vec![b'x'; 3 * LONGEST_LINE + 5]);
        assert_eq!(pieces.iter().map(String::len).collect::<Vec<_>>(), [LONGEST_LINE; 3]);
        assert_eq!(lines.rest().map(|line| line.len()), Some(5));
    }

    #[test]
    fn what_is_no_text_is_shown_as_well_as_it_can_be() {
        assert_eq!(Lines::default().split(b"\xff\n"), ["\u{fffd}"]);
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let mut kept = LastLines::default();
        (0..30).for_each(|n| kept.keep(&n.to_string()));
        assert_eq!(kept.all().first().map(String::as_str), Some("10"));
        assert_eq!(kept.all().len(), KEPT_LINES);
        kept.keep(&"x".repeat(LONGEST_LINE));
        assert_eq!(kept.all().last().map(String::len), Some(KEPT_OF_A_LINE));
    }
}
