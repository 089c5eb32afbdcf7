//! Requests a second over time, stacked by generation in the generations' colours, with the steps' marks below.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::number::{grouped, round_up};
use super::panels::style_of;
use super::{Palette, Picture};

/// So much time fits into the chart; what is older leaves it on the left.
const WINDOW: Duration = Duration::from_secs(20);
/// How much of a column's time must be over for it to be drawn.
const ENOUGH: f64 = 0.4;
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Where the axis ends while there is nothing to see.
const LOWEST_AXIS: f64 = 100.0;
/// For the numbers of the axis.
const MARGIN: u16 = 7;
/// The marks of the steps, and the time.
const BELOW: u16 = 2;

/// The part of time that is shown, cut into columns.
struct Columns {
    began: Duration,
    each: Duration,
    first: u32,
    count: u16,
}

/// One column: where in it, in eighths of a row, each generation ends.
type Stack = Vec<(u32, usize)>;

pub(super) fn draw(picture: &Picture<'_>, palette: Palette, area: Rect, buffer: &mut Buffer) {
    if area.width <= MARGIN || area.height <= BELOW {
        return;
    }
    let bars = Rect { x: area.x + MARGIN, width: area.width - MARGIN, height: area.height - BELOW, ..area };
    let columns = Columns::of(picture, bars.width);
    let rates: Vec<Vec<(u32, f64)>> = (0..columns.count).map(|nth| columns.rates(picture, nth)).collect();
    let highest = rates.iter().map(|rates| rates.iter().map(|(_, rate)| rate).sum()).fold(LOWEST_AXIS, f64::max);
    let end = round_up(highest);
    let served: Vec<Option<u32>> = rates.iter().map(|rates| most_of(rates)).collect();
    for (x, rates) in bars.columns().zip(rates) {
        let eighths = f64::from(bars.height) * 8.0 / end;
        let mut sum = 0.0;
        let stack = rates.into_iter().map(|(generation, rate)| {
            sum += rate;
            (generation, (sum * eighths).round() as usize)
        });
        draw_column(&stack.collect(), palette, x, buffer);
    }
    draw_names(&served, palette, bars, buffer);
    draw_axis(end, palette, bars, buffer);
    draw_time(&columns, picture, palette, bars, buffer);
}

impl Columns {
    fn of(picture: &Picture<'_>, count: u16) -> Columns {
        let began = picture.history.began().unwrap_or(picture.now);
        let each = WINDOW / u32::from(count);
        let now = picture.now.saturating_sub(began).as_secs_f64() / each.as_secs_f64();
        let first = (now as u32 + 1).saturating_sub(u32::from(count));
        Columns { began, each, first, count }
    }

    fn rates(&self, picture: &Picture<'_>, nth: u16) -> Vec<(u32, f64)> {
        let from = self.began + self.each * (self.first + u32::from(nth));
        if from + self.each.mul_f64(ENOUGH) > picture.now {
            return Vec::new();
        }
        picture.history.rates(from..from + self.each).into_iter().collect()
    }

    /// In which column an instant is, if it is shown.
    fn column_of(&self, time: Duration) -> Option<u16> {
        let since = time.checked_sub(self.began)?.as_secs_f64();
        let column = ((since / self.each.as_secs_f64()) as u32).checked_sub(self.first)?;
        u16::try_from(column).ok().filter(|column| *column < self.count)
    }
}

fn draw_column(stack: &Stack, palette: Palette, column: Rect, buffer: &mut Buffer) {
    for (row, y) in (column.top()..column.bottom()).rev().enumerate() {
        let (bottom, top) = (row * 8, row * 8 + 8);
        // Who is in this cell, with the eighths that are his; a cell has room for two.
        let mut from = bottom;
        let mut here = stack.iter().filter_map(|(generation, end)| {
            let eighths = (*end).min(top).saturating_sub(from);
            from = from.max((*end).min(top));
            (eighths > 0).then_some((*generation, eighths))
        });
        let (Some((lower, eighths)), upper) = (here.next(), here.next()) else { continue };
        let mut style = palette.generation(lower);
        if let (Some((upper, _)), true) = (upper, palette.colours) {
            style = style.bg(palette.generation(upper).fg.unwrap_or_default());
        }
        let sign = match (palette.colours, eighths) {
            (true, eighths) => EIGHTHS[eighths],
            (false, 8) => palette.fill(lower),
            (false, 4..) => palette.fill(lower),
            (false, _) => upper.map_or(' ', |(upper, _)| palette.fill(upper)),
        };
        buffer[(column.x, y)].set_char(sign).set_style(style);
    }
}

/// The generation that has answered the most.
fn most_of(rates: &[(u32, f64)]) -> Option<u32> {
    rates.iter().max_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(generation, _)| *generation)
}

/// Writes into the bars whose they are.
fn draw_names(served: &[Option<u32>], palette: Palette, bars: Rect, buffer: &mut Buffer) {
    let mut from = bars.x;
    for run in served.chunk_by(|one, other| one == other) {
        let room = run.len() as u16;
        if let Some(generation) = run[0] {
            let names = [format!(" generation {generation} "), format!(" {generation} ")];
            if let Some(name) = names.into_iter().find(|name| name.len() <= run.len()) {
                let (x, y) = (from + (room - name.len() as u16) / 2, bars.y + bars.height / 2);
                buffer.set_string(x, y, name, palette.on_generation(generation));
            }
        }
        from += room;
    }
}

fn draw_axis(end: f64, palette: Palette, bars: Rect, buffer: &mut Buffer) {
    let width = usize::from(MARGIN - 1);
    let mut label = |y: u16, text: &str| {
        buffer.set_string(bars.x - MARGIN, y, format!("{text:>width$}"), palette.quiet());
    };
    label(bars.top(), &grouped(end as u64));
    label(bars.top() + 1, "a sec.");
    label(bars.bottom() - 1, "0");
}

fn draw_time(columns: &Columns, picture: &Picture<'_>, palette: Palette, bars: Rect, buffer: &mut Buffer) {
    let line = "─".repeat(usize::from(bars.width));
    buffer.set_string(bars.x, bars.bottom(), line, palette.quiet());
    for told in &picture.scenario.told {
        if let Some(column) = columns.column_of(told.ended) {
            let style: Style = style_of(told, palette);
            buffer[(bars.x + column, bars.bottom())].set_char(told.mark()).set_style(style);
        }
    }
    let last = columns.began + columns.each * (columns.first + u32::from(columns.count));
    for seconds in (0..=last.as_secs()).step_by(5) {
        let Some(column) = columns.column_of(columns.began + Duration::from_secs(seconds)) else { continue };
        let label = format!("{seconds} s");
        if usize::from(column) + label.len() <= usize::from(bars.width) {
            buffer.set_string(bars.x + column, bars.bottom() + 1, label, palette.quiet());
        }
    }
}
