//! What a worker says, made fit to be shown: short, in one line, and nothing that a terminal would obey.

/// Of what a worker did or wants, more is not shown.
const LONGEST: usize = 300;

/// A text in so many bytes at most.
pub(crate) fn shown(text: &str) -> String {
    shown_within(text, LONGEST)
}

/// The same, for texts that may be longer or must be shorter.
pub(super) fn shown_within(text: &str, most: usize) -> String {
    let tame = |character: char| if character.is_control() { ' ' } else { character };
    if text.len() <= most {
        return text.chars().map(tame).collect();
    }
    let room = most.saturating_sub('…'.len_utf8());
    let end = (0..=room).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    text[..end].chars().map(tame).chain(['…']).collect()
}

/// An error with all its causes, in one line.
pub(super) fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_ends_early_at_the_end_of_a_character() {
        assert_eq!(shown_within("listening", 9), "listening");
        assert_eq!(shown_within("listening on", 9), "listen…");
        assert_eq!(shown_within("üüüü", 6), "ü…");
        assert_eq!(shown(&"x".repeat(60_000)).len(), LONGEST);
    }

    #[test]
    fn a_terminal_finds_nothing_to_obey() {
        assert_eq!(shown("\x1b[2Jgone\r\nline"), " [2Jgone  line");
    }
}
