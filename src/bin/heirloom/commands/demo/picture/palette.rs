//! The colours, or what stands for them where colours are not wanted (NO_COLOR).

use ratatui::style::{Color, Modifier, Style};

/// One colour a generation, again from the beginning when there are more. Green and red are for
/// what is good and what is not.
const GENERATIONS: [u8; 6] = [39, 141, 215, 180, 80, 221];
const GOOD: u8 = 78;
const BAD: u8 = 203;
const WARNING: u8 = 221;
const QUIET: u8 = 245;
/// On a coloured ground.
const INK: u8 = 16;

/// How things look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Palette {
    pub(in super::super) colours: bool,
}

impl Palette {
    pub(super) fn generation(self, number: u32) -> Style {
        let index = (number.max(1) - 1) as usize % GENERATIONS.len();
        self.colour(GENERATIONS[index])
    }

    /// What is written on a bar of the generation.
    pub(super) fn on_generation(self, number: u32) -> Style {
        match self.generation(number).fg {
            Some(colour) => Style::new().fg(Color::Indexed(INK)).bg(colour),
            None => Style::new().add_modifier(Modifier::BOLD),
        }
    }

    /// What fills a bar of the generation: without colours, neighbours differ by their shade.
    pub(super) fn fill(self, number: u32) -> char {
        match (self.colours, number % 3) {
            (true, _) | (false, 1) => '█',
            (false, 2) => '▒',
            (false, _) => '░',
        }
    }

    pub(super) fn good(self) -> Style {
        self.colour(GOOD)
    }

    pub(super) fn bad(self) -> Style {
        self.colour(BAD).add_modifier(Modifier::BOLD)
    }

    pub(super) fn warning(self) -> Style {
        self.colour(WARNING)
    }

    pub(super) fn quiet(self) -> Style {
        match self.colours {
            true => self.colour(QUIET),
            false => Style::new().add_modifier(Modifier::DIM),
        }
    }

    pub(super) fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    fn colour(self, index: u8) -> Style {
        match self.colours {
            true => Style::new().fg(Color::Indexed(index)),
            false => Style::new(),
        }
    }
}
