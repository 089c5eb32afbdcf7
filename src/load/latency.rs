//! How long answers took: a histogram of fixed size, exact to 1/16.
//! It reads no clock.

use std::time::Duration;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

/// Values below this, in microseconds, have a bucket each; above it, every power of two is split in as many.
const FINE: u64 = 16;
/// The largest power of two that still has its own buckets: 2^31 µs, 36 minutes.
const HIGHEST_POWER: u32 = 31;
const BUCKETS: usize = (FINE as usize) * (HIGHEST_POWER as usize - 4 + 2);

/// How long answers took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latency {
    buckets: Vec<u64>,
    count: u64,
    slowest: Duration,
}

impl Default for Latency {
    fn default() -> Latency {
        Latency { buckets: vec![0; BUCKETS], count: 0, slowest: Duration::ZERO }
    }
}

impl Latency {
    /// The slowest answer, exactly.
    pub fn slowest(&self) -> Duration {
        self.slowest
    }

    /// The time within which `percent` of all answers came: at most a sixteenth too long, never too short.
    pub fn percentile(&self, percent: f64) -> Duration {
        let wanted = (self.count as f64 * percent.clamp(0.0, 100.0) / 100.0).ceil() as u64;
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += count;
            if *count > 0 && seen >= wanted {
                return upper_end(bucket).min(self.slowest);
            }
        }
        self.slowest
    }

    pub(super) fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.buckets[bucket_of(micros)] += 1;
        self.count += 1;
        self.slowest = self.slowest.max(took);
    }
}

/// In microseconds: `p50_us`, `p90_us`, `p99_us`, `p999_us`, `slowest_us`.
impl Serialize for Latency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let micros = |took: Duration| u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let mut out = serializer.serialize_struct("Latency", 5)?;
        out.serialize_field("p50_us", &micros(self.percentile(50.0)))?;
        out.serialize_field("p90_us", &micros(self.percentile(90.0)))?;
        out.serialize_field("p99_us", &micros(self.percentile(99.0)))?;
        out.serialize_field("p999_us", &micros(self.percentile(99.9)))?;
        out.serialize_field("slowest_us", &micros(self.slowest))?;
        out.end()
    }
}

fn bucket_of(micros: u64) -> usize {
    if micros < FINE {
        return micros as usize;
    }
    let power = micros.ilog2();
    if power > HIGHEST_POWER {
        return BUCKETS - 1;
    }
    let within = (micros >> (power - 4)) - FINE;
    ((u64::from(power) - 3) * FINE + within) as usize
}

fn upper_end(bucket: usize) -> Duration {
    let bucket = bucket as u64;
    if bucket < FINE {
        return Duration::from_micros(bucket + 1);
    }
    let power = bucket / FINE + 3;
    let within = bucket % FINE;
    Duration::from_micros((FINE + within + 1) << (power - 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(count: u64) -> Duration {
        Duration::from_micros(count)
    }

    #[test]
    fn every_time_lies_in_its_bucket() {
        for time in (0..64)
            .map(|power| 1_u64 << power)
            .flat_map(|time| [time - 1, time, time + 1])
            .filter(|time| *time < 1 << 32)
        {
            let bucket = bucket_of(time);
            assert!(micros(time) <= upper_end(bucket), "{time} µs");
            assert!(bucket == 0 || upper_end(bucket - 1) <= micros(time), "{time} µs");
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn a_percentile_is_never_too_short_and_at_most_a_sixteenth_too_long() {
        let mut latency = Latency::default();
        (1..=1000).for_each(|count| latency.record(micros(count)));
        for (percent, exact) in [(50.0, 500), (90.0, 900), (99.0, 990)] {
            let told = latency.percentile(percent);
            assert!(told >= micros(exact) && told <= micros(exact + exact / 16 + 1), "{told:?}");
        }
        assert_eq!(latency.percentile(100.0), micros(1000));
        assert_eq!(latency.slowest(), micros(1000));
    }

    #[test]
    fn without_answers_every_percentile_is_zero() {
        assert_eq!(Latency::default().percentile(99.0), Duration::ZERO);
    }
}
