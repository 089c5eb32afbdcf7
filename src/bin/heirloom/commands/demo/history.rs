//! How many requests each generation has answered, and when: for a picture of requests a second.
//! It reads no clock.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

/// Counts that only grow, with the instants at which they were looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    samples: Vec<(Duration, BTreeMap<u32, u64>)>,
}

impl History {
    /// Notes what has been answered until `now`.
    pub(super) fn note(&mut self, now: Duration, by_generation: &BTreeMap<u32, u64>) {
        self.samples.push((now, by_generation.clone()));
    }

    /// Since when there is something to see.
    pub(super) fn began(&self) -> Option<Duration> {
        self.samples.first().map(|(at, _)| *at)
    }

    /// Requests a second in a span of time, by generation; a span that is not over yet counts as far as it is.
    pub(super) fn rates(&self, span: Range<Duration>) -> BTreeMap<u32, f64> {
        let Some((latest, counts)) = self.samples.last() else { return BTreeMap::new() };
        let end = span.end.min(*latest);
        let seconds = end.saturating_sub(span.start).as_secs_f64();
        if seconds <= 0.0 {
            return BTreeMap::new();
        }
        let rate = |generation: &u32| (self.at(end, *generation) - self.at(span.start, *generation)) / seconds;
        counts.keys().map(|generation| (*generation, rate(generation))).filter(|(_, rate)| *rate > 0.0).collect()
    }

    /// The count at any time: between two looks, it is taken to have grown evenly.
    fn at(&self, time: Duration, generation: u32) -> f64 {
        let after = self.samples.partition_point(|(at, _)| *at <= time);
        let count = |index: usize| {
            let (at, counts) = &self.samples[index];
            (at.as_secs_f64(), counts.get(&generation).copied().unwrap_or_default() as f64)
        };
        match (after.checked_sub(1).map(count), (after < self.samples.len()).then(|| count(after))) {
            (Some((from, low)), Some((to, high))) => low + (high - low) * (time.as_secs_f64() - from) / (to - from),
            (Some((_, count)), None) | (None, Some((_, count))) => count,
            (None, None) => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn history() -> History {
        let mut history = History::default();
        history.note(seconds(1.0), &[(1, 0)].into());
        history.note(seconds(2.0), &[(1, 100)].into());
        history.note(seconds(3.0), &[(1, 150), (2, 50)].into());
        history
    }

    #[test]
    fn a_rate_is_what_was_answered_in_that_time() {
        assert_eq!(history().rates(seconds(1.0)..seconds(2.0)), [(1, 100.0)].into());
        assert_eq!(history().rates(seconds(2.0)..seconds(3.0)), [(1, 50.0), (2, 50.0)].into());
        assert_eq!(history().rates(seconds(1.5)..seconds(2.5)), [(1, 75.0), (2, 25.0)].into());
    }

    #[test]
    fn a_span_that_is_not_over_counts_as_far_as_it_is() {
        assert_eq!(history().rates(seconds(2.5)..seconds(9.0)), [(1, 50.0), (2, 50.0)].into());
        assert_eq!(history().rates(seconds(3.0)..seconds(9.0)), BTreeMap::new());
        assert_eq!(History::default().rates(seconds(0.0)..seconds(1.0)), BTreeMap::new());
    }
}
