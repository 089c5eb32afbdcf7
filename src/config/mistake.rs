//! Mistakes in a config file, each shown in its line, with a caret and a hint.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::search::Source;
use super::values::Wrong;

/// So many mistakes are shown; whoever has more will look again.
const SHOWN: usize = 20;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) what: String,
    /// Where, in bytes; nowhere if something is missing.
    pub(super) at: Option<Range<usize>>,
    pub(super) label: Option<String>,
    /// Another place that has to do with it.
    pub(super) also: Option<(Range<usize>, String)>,
    pub(super) hint: Option<String>,
}

/// All that is wrong with a config file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    path: String,
    text: String,
    mistakes: Vec<Mistake>,
}

impl Mistake {
    pub(super) fn new(what: impl Into<String>, at: Range<usize>) -> Mistake {
        Mistake { what: what.into(), at: Some(at), label: None, also: None, hint: None }
    }

    pub(super) fn wrong(key: &str, at: Range<usize>, wrong: Wrong) -> Mistake {
        let mistake = Mistake::new(format!("`{key}` has a bad value"), at).label(wrong.what);
        Mistake { hint: wrong.hint, ..mistake }
    }

    pub(super) fn nothing_to_run() -> Mistake {
        let what = "there is no program to run: `command` is missing, and none was given on the command line".into();
        let hint = Some("write `command = [\"./server\"]`, or run `heirloom run -- ./server`".into());
        Mistake { what, at: None, label: None, also: None, hint }
    }

    pub(super) fn label(self, label: impl Into<String>) -> Mistake {
        Mistake { label: Some(label.into()), ..self }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Mistake {
        Mistake { hint: Some(hint.into()), ..self }
    }

    pub(super) fn also(self, at: Range<usize>, label: impl Into<String>) -> Mistake {
        Mistake { also: Some((at, label.into())), ..self }
    }

    fn shown<'a>(&'a self, path: &'a str, text: &'a str) -> Group<'a> {
        let group = Level::ERROR.primary_title(self.what.as_str());
        let group = match &self.at {
            None => group.element(Origin::path(path)),
            Some(at) => {
                let place = AnnotationKind::Primary.span(first_line(text, at)).label(self.label.as_deref());
                let snippet = Snippet::source(text).path(path).annotation(place);
                group.element(match &self.also {
                    Some((at, label)) => {
                        snippet.annotation(AnnotationKind::Context.span(first_line(text, at)).label(label.as_str()))
                    }
                    None => snippet,
                })
            }
        };
        match &self.hint {
            Some(hint) => group.element(Level::HELP.with_name("hint").message(hint.as_str())),
            None => group,
        }
    }
}

impl ConfigError {
    /// An error if there are mistakes, in their order in the file.
    pub(super) fn of(source: &Source, mut mistakes: Vec<Mistake>) -> Result<(), ConfigError> {
        if mistakes.is_empty() {
            return Ok(());
        }
        mistakes.sort_by_key(|mistake| mistake.at.as_ref().map_or(usize::MAX, |at| at.start));
        Err(ConfigError { path: source.path.display().to_string(), text: source.text.clone(), mistakes })
    }

    /// The first mistake in one line, and how many more there are.
    pub fn summary(&self) -> String {
        let Some(first) = self.mistakes.first() else { return format!("{} has mistakes", self.path) };
        let line = |at: &Range<usize>| {
            let before = &self.text[..first_line(&self.text, at).start];
            format!(":{}", before.matches('\n').count() + 1)
        };
        let place = first.at.as_ref().map(line).unwrap_or_default();
        let label = first.label.as_ref().map(|label| format!(": {label}")).unwrap_or_default();
        let more = match self.mistakes.len() {
            1 => String::new(),
            mistakes => format!(", and {} more", mistakes - 1),
        };
        format!("{}{place}: {}{label}{more}", self.path, first.what)
    }

    /// What is shown to people: with colours, for whoever writes it to drop where they are not wanted.
    pub fn styled(&self) -> String {
        self.shown(&Renderer::styled())
    }

    fn shown(&self, renderer: &Renderer) -> String {
        let shown = self.mistakes.iter().take(SHOWN).map(|mistake| mistake.shown(&self.path, &self.text));
        let shown: Vec<String> = shown.map(|mistake| renderer.render(&[mistake])).collect();
        match self.mistakes.len().saturating_sub(SHOWN) {
            0 => shown.join("\n\n"),
            more => format!("{}\n\nand {more} more", shown.join("\n\n")),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown(&Renderer::plain()))
    }
}

impl std::error::Error for ConfigError {}

/// What of a place is in its first line, which is where people look.
fn first_line(text: &str, at: &Range<usize>) -> Range<usize> {
    let boundary = |at: &usize| text.is_char_boundary(*at);
    let start = (0..=at.start.min(text.len())).rev().find(boundary).unwrap_or(0);
    let end = (at.end.clamp(start, text.len())..=text.len()).find(boundary).unwrap_or(start);
    let line = text[start..end].find(['\n', '\r']).map_or(end, |length| start + length);
    start..line
}
