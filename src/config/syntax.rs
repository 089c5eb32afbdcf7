//! What is no TOML at all: the parser's words, made into a mistake that people recognise.

use std::ops::Range;

use toml::de::Error;

use super::mistake::Mistake;

/// The mistakes of the parser, one for each line, and those of the others that stand in lines that it could read: what
/// stands in a broken line was guessed.
pub(super) fn with(text: &str, errors: &[Error], others: Vec<Mistake>) -> Vec<Mistake> {
    let mut broken: Vec<Range<usize>> = Vec::new();
    let mut mistakes = Vec::new();
    let place = |error: &Error| error.span().unwrap_or(text.len()..text.len());
    let mut errors: Vec<&Error> = errors.iter().collect();
    errors.sort_by_key(|error| place(error).start);
    for error in errors {
        let at = place(error);
        if broken.last().is_none_or(|line| line.end < at.start) {
            let line = line(text, &at);
            mistakes.push(mistake(error.message(), at, text, line.clone()));
            broken.push(line);
        }
    }
    let guessed = |at: &Range<usize>| {
        let first = broken.partition_point(|line| line.end < at.start);
        broken.get(first).is_some_and(|line| line.start <= at.end)
    };
    let others = others.into_iter().filter(|mistake| !mistake.at.as_ref().is_some_and(guessed));
    mistakes.extend(others);
    mistakes
}

fn mistake(message: &str, at: Range<usize>, text: &str, line: Range<usize>) -> Mistake {
    let found = text.get(at.clone()).unwrap_or_default().trim();
    if message.starts_with("duplicate key") {
        let mistake = Mistake::new(format!("`{found}` is there twice"), at).label("again");
        return match found {
            "listen" => mistake.hint("write `listen = \"8080\"`, or one table [listen] with a name for each address"),
            _ => mistake.hint("leave one of them out"),
        };
    }
    let what = "this is no TOML";
    let (start, line) = (line.start, text.get(line).unwrap_or_default());
    if let Some((key, value)) = line.split_once('=').filter(|(key, _)| is_bare(key.trim())) {
        let value = value.split('#').next().unwrap_or_default();
        let behind = start + key.len() + 1;
        match value.trim() {
            "" => return Mistake::new(what, at).label("a value is missing"),
            word if !word.contains(['"', '\'', '[', ']', '{', '}', '\\']) => {
                let at = behind + value.len() - value.trim_start().len();
                let mistake = Mistake::new(what, at..at + word.len()).label("text stands in quotes");
                return mistake.hint(format!("write {} = \"{word}\"", key.trim()));
            }
            _ => {}
        }
    }
    if let Some((key, value)) = line.split_once(':').filter(|(key, _)| is_bare(key.trim())) {
        let colon = start + key.len();
        let mistake = Mistake::new(what, colon..colon + 1).label("an equals sign is wanted");
        return mistake.hint(format!("write {} = {}", key.trim(), value.trim()));
    }
    Mistake::new(what, at).label(message)
}

fn is_bare(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// The whole of the lines that a place touches.
fn line(text: &str, at: &Range<usize>) -> Range<usize> {
    let bytes = text.as_bytes();
    let start = at.start.min(bytes.len());
    let end = at.end.clamp(start, bytes.len());
    let before = bytes[..start].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let after = bytes[end..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |newline| end + newline);
    before..after
}
