//! `heirloom history`: a row for each generation that anybody asked for.

use std::time::{Duration, SystemTime};

use anstyle::{AnsiColor, Style};

use super::generations::{origin, release};
use super::table::{Column, Table};
use super::words::{ago, took};
use heirloom::control::model::{Attempt, AttemptOutcome, History, SharedBy};

const COLUMNS: [Column; 8] = [
    Column::Right("GEN"),
    Column::Left("OUTCOME"),
    Column::Left("BY"),
    Column::Right("AGO"),
    Column::Right("TOOK"),
    Column::Left("CAUSE"),
    Column::Left("RELEASE"),
    Column::Left("WHY"),
];

/// The oldest first, so that the newest is next to the prompt.
pub(crate) fn history(history: &History, now: SystemTime, width: Option<usize>) -> String {
    let mut table = Table::new(COLUMNS);
    for attempt in &history.attempts {
        table.row(style(attempt.outcome), row(attempt, now));
    }
    table.lines(width).join("\n") + "\n"
}

fn row(attempt: &Attempt, now: SystemTime) -> [String; 8] {
    let lasted = attempt.took_seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    [
        attempt.generation.to_string(),
        word(attempt.outcome).to_owned(),
        way(attempt),
        ago(attempt.started.0, now),
        lasted.map(took).unwrap_or_default(),
        origin(&attempt.origin),
        attempt.release.as_ref().map(release).unwrap_or_default(),
        attempt.why.clone().unwrap_or_default(),
    ]
}

/// How it went from proven to promoted: what a strategy came to.
fn way(attempt: &Attempt) -> String {
    let held = attempt.held.map(|_| "held".to_owned());
    let steps = attempt.steps.iter().map(|step| match step.by {
        SharedBy::Connections => format!("{}%", step.percent),
        SharedBy::Workers => format!("{}% of workers", step.percent),
    });
    held.into_iter().chain(steps).collect::<Vec<_>>().join(", ")
}

fn word(outcome: AttemptOutcome) -> &'static str {
    match outcome {
        AttemptOutcome::Rising => "rising",
        AttemptOutcome::Promoted => "promoted",
        AttemptOutcome::Rejected => "rejected",
        AttemptOutcome::Aborted => "aborted",
        AttemptOutcome::RolledBack => "rolled back",
    }
}

fn style(outcome: AttemptOutcome) -> Style {
    match outcome {
        AttemptOutcome::Rising => AnsiColor::Cyan.on_default(),
        AttemptOutcome::Promoted => Style::new(),
        AttemptOutcome::Rejected | AttemptOutcome::RolledBack => AnsiColor::Red.on_default(),
        AttemptOutcome::Aborted => Style::new().dimmed(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_way_of_a_generation_is_told_with_its_shares() {
        let step = |percent: u8| json!({ "percent": percent, "by": "connections", "since": "2026-11-22T12:00:00Z" });
        let attempt = json!({ "generation": 2, "origin": { "by": "alice" }, "release": null, "outcome": "promoted",
                              "started": "2026-11-22T12:00:00Z", "held": "2026-11-22T12:00:00Z", "steps": [step(5), step(25)] });
        let written: History =
            serde_json::from_value(json!({ "limit": 100, "attempts": [attempt] })).expect("it is one");
        let shown = anstream::adapter::strip_str(&history(&written, SystemTime::UNIX_EPOCH, None)).to_string();
        assert!(shown.lines().nth(1).is_some_and(|row| row.contains("  2  promoted  held, 5%, 25%")), "{shown}");
    }

    #[test]
    fn each_attempt_has_its_row_with_the_reason_of_those_that_failed() {
        let release =
            json!({ "program": "/usr/bin/python3", "command": ["gunicorn", "app"], "directory": "/srv/web/1" });
        let written: History = serde_json::from_value(json!({ "limit": 100, "attempts": [
            { "generation": 1, "origin": { "by": "start" }, "release": release, "outcome": "promoted",
              "started": "2026-11-22T12:00:00Z", "finished": "2026-11-22T12:00:01Z", "took_seconds": 1.25 },
            { "generation": 2, "origin": { "by": "alice (uid 1000)", "reason": "release 2" }, "release": null,
              "outcome": "rejected", "why": "there is no program web in PATH", "started": "2026-11-22T12:59:30Z",
              "took_seconds": 0.004 },
        ] }))
        .expect("it is a history");
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_352_400);
        let expected = "\
GEN  OUTCOME     AGO  TOOK  CAUSE                        RELEASE                     WHY
  1  promoted  1h00m  1.2s  start                        gunicorn app in /srv/web/1
  2  rejected    30s   4ms  alice (uid 1000): release 2                              there is no program web in PATH
";
        assert_eq!(anstream::adapter::strip_str(&history(&written, now, None)).to_string(), expected);
    }
}
