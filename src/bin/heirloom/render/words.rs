//! Ages, sizes and counts as people say them.

use std::time::{Duration, SystemTime};

/// `5s`, `4m10s`, `2h10m`, `3d 4h`.
pub(crate) fn age(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m{:02}s", seconds % 60),
        (0, ..) => format!("{hours}h{:02}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

/// How long ago that was.
pub(crate) fn ago(then: SystemTime, now: SystemTime) -> String {
    age(now.duration_since(then).unwrap_or_default().as_secs_f64())
}

/// How long something took, where tenths of a second matter: `40ms`, `1.2s`, `4m10s`.
pub(crate) fn took(time: Duration) -> String {
    match time.as_millis() {
        0..100 => format!("{}ms", time.as_millis()),
        100..60_000 => format!("{:.1}s", time.as_secs_f64()),
        _ => age(time.as_secs_f64()),
    }
}

/// `0.3s`, `38s`, `12m07s`: processor time.
pub(crate) fn cpu(seconds: f64) -> String {
    if seconds < 10.0 { format!("{seconds:.1}s") } else { age(seconds) }
}

/// `812K`, `96M`, `1.2G`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["K", "M", "G", "T"];
    let mut amount = bytes as f64 / 1024.0;
    let mut unit = 0;
    while amount >= 999.5 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    match amount < 9.95 && unit > 1 {
        true => format!("{amount:.1}{}", UNITS[unit]),
        false => format!("{amount:.0}{}", UNITS[unit]),
    }
}

/// `1 worker`, `4 workers`.
pub(crate) fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// How a rollout goes on, as a person types it.
#[derive(Clone, Debug)]
pub(crate) struct WaysOn {
    pub(crate) promote: String,
    pub(crate) abort: String,
    pub(crate) resume: String,
}

/// A share, drawn: `██░░░░░░`. None but nothing is drawn as nothing, none but all as all.
pub(crate) fn bar(percent: u8, width: usize) -> String {
    let percent = usize::from(percent.min(100));
    let full = match percent {
        0 | 100 => percent * width / 100,
        _ => ((percent * width + 50) / 100).clamp(1, width.saturating_sub(1)),
    };
    "█".repeat(full) + &"░".repeat(width - full)
}

/// A line that is no longer than that, as a terminal counts.
pub(crate) fn fitting(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_as_people_tell_it() {
        let cases = [(0.0, "0s"), (5.9, "5s"), (250.0, "4m10s"), (7800.0, "2h10m"), (273_600.0, "3d 4h"), (-1.0, "0s")];
        for (seconds, told) in cases {
            assert_eq!(age(seconds), told);
        }
    }

    #[test]
    fn what_took_no_time_is_told_in_milliseconds() {
        for (milliseconds, told) in [(0, "0ms"), (40, "40ms"), (1234, "1.2s"), (59_960, "60.0s"), (250_000, "4m10s")] {
            assert_eq!(took(Duration::from_millis(milliseconds)), told);
        }
    }

    #[test]
    fn sizes_have_three_digits_at_most() {
        for (number, told) in [
            (0, "0K"),
            (831_488, "812K"),
            (1_048_575, "1M"),
            (432_013_312, "412M"),
            (1_288_490_189, "1.2G"),
            (42 << 30, "42G"),
        ] {
            assert_eq!(bytes(number), told);
        }
    }

    #[test]
    fn the_least_share_can_be_seen_and_only_all_looks_like_all() {
        for (percent, drawn) in
            [(0, "░░░░░░░░"), (1, "█░░░░░░░"), (50, "████░░░░"), (99, "███████░"), (100, "████████")]
        {
            assert_eq!(bar(percent, 8), drawn);
        }
    }

    #[test]
    fn a_long_line_ends_in_an_ellipsis() {
        assert_eq!(fitting("short", 5), "short");
        assert_eq!(fitting("much too long", 5), "much…");
        assert_eq!(fitting("", 0), "");
    }
}
