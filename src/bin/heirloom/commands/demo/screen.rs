//! The terminal while the picture is shown: its alternate screen, and its keys. Whatever happens, it is given back.
//! It must not know what is drawn.

use std::env;
use std::io::{self, IsTerminal};
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyModifiers};
use ratatui::crossterm::terminal;
use ratatui::{DefaultTerminal, Frame};

use super::picture::SMALLEST;

/// A terminal that is ours until this is dropped. A panic gives it back too, before it says what it is about.
#[derive(Debug)]
pub(super) struct Screen {
    terminal: DefaultTerminal,
}

/// Whether there is a terminal that can show a picture.
pub(super) fn is_there() -> bool {
    let is_dumb = env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    let has_room = || terminal::size().is_ok_and(|(width, height)| width >= SMALLEST.0 && height >= SMALLEST.1);
    io::stdout().is_terminal() && !is_dumb && has_room()
}

/// Whether colours are wanted: <https://no-color.org>.
pub(super) fn has_colours() -> bool {
    env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

impl Screen {
    pub(super) fn open() -> io::Result<Screen> {
        ratatui::try_init().map(|terminal| Screen { terminal })
    }

    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(draw).map(|_| ())
    }

    /// Whether a key was pressed that ends it.
    pub(super) fn is_asked_to_leave(&mut self) -> io::Result<bool> {
        while event::poll(Duration::ZERO)? {
            let Event::Key(key) = event::read()? else { continue };
            let is_interrupt = key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c');
            if is_interrupt || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that has gone needs nothing back.
        let _ = self.terminal.show_cursor();
        // A panic has given the rest back; done twice, it would move the cursor to where the picture began.
        if !std::thread::panicking() {
            let _ = ratatui::try_restore();
        }
    }
}
