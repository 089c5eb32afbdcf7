//! Where on the screen everything stands. It fits into 80×24, and the chart grows with the terminal.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Margin, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::Paragraph;

use super::digits::big;
use super::{Palette, Picture, chart, panels};

/// Below this, a picture shows less than lines do: width and height.
pub(in super::super) const SMALLEST: (u16, u16) = (72, 20);

const TITLE: u16 = 1;
const NUMBERS: u16 = 3;
const CAPTION: u16 = 1;
const PANELS: u16 = 7;
const GAP: u16 = 1;

/// Draws all of it.
pub(in super::super) fn draw(picture: &Picture<'_>, palette: Palette, frame: &mut Frame<'_>) {
    let area = frame.area().inner(Margin::new(1, 0));
    let rows = [
        Constraint::Length(TITLE),
        Constraint::Length(GAP),
        Constraint::Length(NUMBERS),
        Constraint::Length(GAP),
        Constraint::Length(CAPTION),
        Constraint::Fill(1),
        Constraint::Length(GAP),
        Constraint::Length(PANELS),
    ];
    let [title, _, numbers, _, caption, chart, _, panels] = Layout::vertical(rows).areas(area);
    draw_title(picture, palette, title, frame);
    draw_numbers(picture, palette, numbers, frame);
    draw_caption(picture, palette, caption, frame);
    chart::draw(picture, palette, chart, frame.buffer_mut());
    let [left, right] = Layout::horizontal([Constraint::Percentage(48), Constraint::Fill(1)]).areas(panels);
    frame.render_widget(Text::from(panels::steps(picture, palette)), left);
    frame.render_widget(Text::from(panels::generations(picture, palette)), right);
}

fn draw_title(picture: &Picture<'_>, palette: Palette, area: Rect, frame: &mut Frame<'_>) {
    let pid = std::process::id();
    let what = format!("   master {pid}, http://{}", picture.address);
    let line = Line::from(vec![Span::styled("heirloom demo", palette.strong()), Span::styled(what, palette.quiet())]);
    frame.render_widget(line, area);
    let right = format!("{:>4.1} s   q ends it", picture.now.as_secs_f64());
    frame.render_widget(Line::from(Span::styled(right, palette.quiet())).right_aligned(), area);
}

fn draw_numbers(picture: &Picture<'_>, palette: Palette, area: Rect, frame: &mut Frame<'_>) {
    let failed = picture.counts.failed();
    let [left, right] = Layout::horizontal([Constraint::Percentage(62), Constraint::Fill(1)]).areas(area);
    draw_number(picture.counts.answered, "requests answered", palette.strong(), left, frame);
    let style = if failed == 0 { palette.good() } else { palette.bad() };
    draw_number(failed, "failed", style, right, frame);
}

fn draw_number(number: u64, label: &str, style: Style, area: Rect, frame: &mut Frame<'_>) {
    let mut rows: Vec<Line<'_>> = big(number).into_iter().map(|row| Line::styled(row, style)).collect();
    if let Some(last) = rows.last_mut() {
        last.push_span(Span::styled(format!("  {label}"), style));
    }
    frame.render_widget(Paragraph::new(rows), area);
}

fn draw_caption(picture: &Picture<'_>, palette: Palette, area: Rect, frame: &mut Frame<'_>) {
    let caption = picture.scenario.step().map_or("That was all.", |step| step.caption);
    frame.render_widget(Line::styled(caption, palette.strong()), area);
}
