//! Median and quartiles, and how far a median can be trusted.

use std::time::Duration;

use statrs::distribution::{Binomial, DiscreteCDF};

/// How often a median may lie above its interval, and how often below.
const ON_ONE_SIDE: f64 = 0.025;

/// Values of the same thing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample(Vec<f64>);

impl Sample {
    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// In milliseconds.
    pub(crate) fn push_time(&mut self, time: Duration) {
        self.push(time.as_secs_f64() * 1e3);
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// Between two values, as far as it lies between them; nothing without any.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let sorted = self.sorted();
        let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
        let place = last as f64 * share;
        let (below, above) = (place.floor() as usize, place.ceil() as usize);
        sorted[below] + (sorted[above] - sorted[below]) * place.fract()
    }

    /// Where the median of ever more such values would lie, nineteen times of twenty, however they are spread: each is as
    /// likely to be above it as below, like a coin. Fewer than six tell nothing.
    pub(crate) fn interval_of_median(&self) -> Option<(f64, f64)> {
        let sorted = self.sorted();
        let below = Binomial::new(0.5, sorted.len() as u64).expect("a half is a probability");
        let outside = (below.inverse_cdf(ON_ONE_SIDE) as usize).checked_sub(1)?;
        Some((sorted[outside], sorted[sorted.len() - 1 - outside]))
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    /// Each with its number, as points that can be drawn.
    pub(crate) fn numbered(&self) -> Vec<(f64, f64)> {
        (0_u32..).map(f64::from).zip(self.0.iter().copied()).collect()
    }

    /// `median (first quartile to third)`, with so many places.
    pub(crate) fn shown(&self, places: usize) -> String {
        let (low, high) = (self.quantile(0.25), self.quantile(0.75));
        format!("{:.places$} ({low:.places$} to {high:.places$})", self.median())
    }
}

impl FromIterator<f64> for Sample {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Sample {
        Sample(values.into_iter().collect())
    }
}
