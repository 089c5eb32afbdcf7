//! The steps with how long each took, and the generations with how each does.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::number::grouped;
use super::{Palette, Picture};
use crate::commands::demo::cast::{Generation, Seat, State};
use crate::commands::demo::scenario::{Outcome, STEPS, Told};
use heirloom::supervision::GenerationId;

/// So many generations are shown, the latest ones.
const MOST_GENERATIONS: usize = 6;

/// A headline, and a line a step.
pub(super) fn steps(picture: &Picture<'_>, palette: Palette) -> Vec<Line<'static>> {
    let mut lines = vec![Line::styled("steps", palette.quiet())];
    for (nth, step) in STEPS.iter().enumerate() {
        let is_going = nth == picture.scenario.told.len();
        lines.push(match (picture.scenario.told.get(nth), picture.scenario.going_since()) {
            (Some(told), _) => {
                let mark = Span::styled(format!("{} ", told.mark()), style_of(told, palette));
                let took = format!("{:>6.2} s", told.took.as_secs_f64());
                Line::from(vec![mark, format!("{:<23}", step.title).into(), took.into()])
            }
            (None, Some(since)) if is_going => {
                let took = format!("{:>6.1} s", picture.now.saturating_sub(since).as_secs_f64());
                let style = palette.warning().add_modifier(Modifier::BOLD);
                Line::styled(format!("▸ {:<23}{took}", step.title), style)
            }
            _ => Line::styled(format!("· {}", step.title), palette.quiet()),
        });
    }
    lines
}

/// A headline, and a line a generation.
pub(super) fn generations(picture: &Picture<'_>, palette: Palette) -> Vec<Line<'static>> {
    let all = &picture.cast.generations;
    let latest = all.iter().skip(all.len().saturating_sub(MOST_GENERATIONS));
    let answered = |id: &GenerationId| picture.counts.by_generation.get(&id.0).copied().unwrap_or_default();
    let lines = latest.map(|(id, generation)| line(*id, generation, answered(id), palette));
    std::iter::once(Line::styled("generations", palette.quiet())).chain(lines).collect()
}

fn line(id: GenerationId, generation: &Generation, answered: u64, palette: Palette) -> Line<'static> {
    let colour = palette.generation(id.0);
    let seats: String = generation.workers.values().map(|seat| sign(*seat, generation)).collect();
    let (word, what, style) = match &generation.state {
        State::GivenUp { why } => ("given up", why.clone(), palette.bad()),
        State::Rising => ("rising", String::new(), palette.warning()),
        State::Serving => ("serving", count(answered), palette.good().add_modifier(Modifier::BOLD)),
        State::Settling | State::StandingBy | State::Draining => {
            (generation.state.word(), count(answered), Style::new())
        }
        State::Gone => ("gone", count(answered), palette.quiet()),
    };
    Line::from(vec![
        Span::styled(format!("{} {:<3}", id, seats), colour),
        Span::styled(format!("{word:<12}"), style),
        Span::styled(what, if style == palette.bad() { palette.quiet() } else { Style::new() }),
    ])
}

fn count(answered: u64) -> String {
    format!("{:>9} answered", grouped(answered))
}

/// A worker: ready, on its way, or dead.
fn sign(seat: Seat, generation: &Generation) -> char {
    match (seat, &generation.state) {
        (Seat::Ready { .. }, _) => '●',
        (Seat::Starting { .. }, _) => '○',
        (Seat::Empty, State::Gone) => '·',
        (Seat::Empty, _) => '✗',
    }
}

/// How the end of a step looks.
pub(super) fn style_of(told: &Told, palette: Palette) -> Style {
    match told.outcome {
        Outcome::Promoted(_) | Outcome::Replaced(_) => palette.good().add_modifier(Modifier::BOLD),
        Outcome::GivenUp(..) => palette.warning().add_modifier(Modifier::BOLD),
        Outcome::Unexpected(_) => palette.bad(),
    }
}
