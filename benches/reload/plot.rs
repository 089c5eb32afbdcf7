//! Plots, as SVG.

use std::ops::Range;
use std::path::Path;

use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

/// The same tones in every plot, that can be told apart by whoever does not see colours well.
const COLOURS: [RGBColor; 4] =
    [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115), RGBColor(90, 90, 90)];

/// What is drawn, and what its axes mean.
pub(crate) struct Plot<'a> {
    pub(crate) title: &'a str,
    pub(crate) across: &'a str,
    pub(crate) up: &'a str,
    pub(crate) lines: Vec<(String, Vec<(f64, f64)>)>,
}

impl Plot<'_> {
    /// Both axes begin where the values do.
    pub(crate) fn draw(&self, path: Option<&Path>) -> anyhow::Result<()> {
        let Some(path) = path else { return Ok(()) };
        let (across, up) = self.ranges(0.0);
        self.draw_on(path, across, up)
    }

    /// Both axes are logarithmic: what is linear has the slope of the diagonal.
    pub(crate) fn draw_logarithmic(&self, path: Option<&Path>) -> anyhow::Result<()> {
        let Some(path) = path else { return Ok(()) };
        let (across, up) = self.ranges(f64::MIN_POSITIVE);
        self.draw_on(path, (across.start..across.end * 1.2).log_scale(), (up.start / 1.5..up.end * 1.5).log_scale())
    }

    fn ranges(&self, least: f64) -> (Range<f64>, Range<f64>) {
        let points = || self.lines.iter().flat_map(|(_, points)| points.iter().copied());
        let range = |values: &mut dyn Iterator<Item = f64>| {
            let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), at| (low.min(at), high.max(at)));
            low.max(least)..high.max(low + 1e-6)
        };
        (range(&mut points().map(|point| point.0)), range(&mut points().map(|point| point.1)))
    }

    fn draw_on<X, Y>(&self, path: &Path, across: X, up: Y) -> anyhow::Result<()>
    where
        X: AsRangedCoord<Value = f64>,
        Y: AsRangedCoord<Value = f64>,
        X::CoordDescType: ValueFormatter<f64>,
        Y::CoordDescType: ValueFormatter<f64>,
    {
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        let area = SVGBackend::new(path, (720, 420)).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(42)
            .y_label_area_size(58)
            .build_cartesian_2d(across, up)?;
        let number = |value: &f64| if *value >= 10.0 { format!("{value:.0}") } else { format!("{value:.2}") };
        chart
            .configure_mesh()
            .x_desc(self.across)
            .y_desc(self.up)
            .x_label_formatter(&number)
            .y_label_formatter(&number)
            .light_line_style(TRANSPARENT)
            .bold_line_style(RGBColor(225, 225, 225))
            .draw()?;
        for ((name, points), colour) in self.lines.iter().zip(COLOURS.iter().cycle()) {
            let legend = *colour;
            chart
                .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)).point_size(3))?
                .label(name)
                .legend(move |(x, y)| Rectangle::new([(x, y - 4), (x + 14, y + 4)], legend.filled()));
        }
        chart.configure_series_labels().background_style(WHITE).border_style(RGBColor(200, 200, 200)).draw()?;
        Ok(area.present()?)
    }
}
