//! `heirloom status`: the master in a line, its generations, its listeners, and what somebody should look at.

use anstyle::{AnsiColor, Style};

use super::generations;
use super::table::{Column, Table};
use super::words::{age, count, fitting};
use heirloom::control::model::{
    GenerationState, LaneState, Listener, MasterState, Reloads, Rollout, Share, SharedBy, Status, Way,
};

const LISTENERS: [Column; 7] = [
    Column::Left("LISTENER"),
    Column::Left("ADDRESS"),
    Column::Left("STEERED"),
    Column::Right("TO"),
    Column::Left("LANES"),
    Column::Right("QUEUE"),
    Column::Right("OVERFLOWS"),
];

/// The whole picture, so wide; on a terminal, shares are drawn.
pub(crate) fn status(status: &Status, workers: bool, terminal: bool, width: Option<usize>) -> String {
    let fit = |style: Style, line: String| format!("{style}{}{style:#}", fitting(&line, width.unwrap_or(usize::MAX)));
    let mut lines = vec![fit(Style::new().bold(), head(status))];
    lines.push(fit(Style::new().dimmed(), reloads(&status.reloads, status.reload_waits)));
    lines.extend(status.rollout.iter().map(|rollout| fit(AnsiColor::Cyan.on_default(), self::rollout(rollout))));
    if !status.generations.is_empty() {
        lines.push(String::new());
        lines.extend(generations::table(&status.generations, workers, terminal).lines(width));
    }
    if !status.listeners.is_empty() {
        lines.push(String::new());
        lines.extend(listeners(&status.listeners).lines(width));
    }
    let warnings = warnings(status);
    if !warnings.is_empty() {
        lines.push(String::new());
        lines.extend(warnings.into_iter().map(|warning| fit(AnsiColor::Yellow.on_default(), format!("! {warning}"))));
    }
    lines.join("\n") + "\n"
}

fn head(status: &Status) -> String {
    let what = match (status.state, status.serving, status.rising) {
        (MasterState::Starting, _, Some(rising)) => format!("starting generation {rising}"),
        (MasterState::Starting, _, None) => "starting".into(),
        (MasterState::Reloading, Some(serving), Some(rising)) => {
            format!("generation {serving} serves, generation {rising} rises")
        }
        (MasterState::Serving | MasterState::Reloading, Some(serving), _) => format!("generation {serving} serves"),
        (MasterState::Serving | MasterState::Reloading, None, _) => "nothing serves".into(),
        (MasterState::Idle, ..) => "nothing serves; it listens and waits for a reload".into(),
        (MasterState::Stopping, ..) => "stopping".into(),
    };
    let Status { name, version, pid, uptime_seconds, .. } = status;
    format!("{name}: {what}   up {}   pid {pid}   heirloom {version}", age(*uptime_seconds))
}

/// How the newcomer fares, and who decides what comes next.
fn rollout(rollout: &Rollout) -> String {
    let Rollout { generation, percent, .. } = rollout;
    let of = match rollout.by {
        Some(SharedBy::Workers) => "the workers",
        Some(SharedBy::Connections) | None => "new connections",
    };
    let stands = match (rollout.state, rollout.step, rollout.steps) {
        (GenerationState::Sharing, Some(step), Some(steps)) => {
            format!("generation {generation} has {percent} % of {of}, step {step} of {steps}")
        }
        (GenerationState::Held, ..) => format!("generation {generation} has proved itself and is held"),
        (GenerationState::Checking, ..) => format!("the health of generation {generation} is checked"),
        _ => format!("generation {generation} rises"),
    };
    let waits = matches!(rollout.state, GenerationState::Sharing | GenerationState::Held);
    let next = match rollout.until_seconds.filter(|_| waits) {
        _ if rollout.paused => "; paused: `heirloom resume` lets it go on".to_owned(),
        Some(seconds) => format!("; goes on in {}", age(seconds.ceil())),
        None if waits => "; `heirloom promote` lets it serve, `heirloom abort` ends it".to_owned(),
        None => String::new(),
    };
    let doors: String =
        rollout.doors.iter().map(|door| format!("; {} leads to its {}", door.address, door.listener)).collect();
    let failed = rollout.failed_check.as_ref().map(|why| format!("; a check failed: {why}"));
    format!("{stands}{next}{doors}{}", failed.unwrap_or_default())
}

fn reloads(reloads: &Reloads, another_waits: bool) -> String {
    let Reloads { promoted, rejected, aborted, rolled_back } = *reloads;
    let numbers = [(rejected, "rejected"), (aborted, "aborted"), (rolled_back, "rolled back")];
    let mut line = count(promoted, "generation") + " promoted";
    for (number, what) in numbers.into_iter().filter(|(number, _)| *number > 0) {
        line += &format!(", {number} {what}");
    }
    if another_waits { line + "; another reload waits" } else { line }
}

fn listeners(listeners: &[Listener]) -> Table {
    let mut table = Table::new(LISTENERS);
    for listener in listeners {
        let free = listener.lanes.iter().filter(|lane| lane.state == LaneState::Free).count();
        let steered = match listener.way {
            Way::Kernel => "in the kernel",
            Way::Path => "by the path",
            Way::Rotation => "by rotation",
            Way::Shared => "not at all",
        };
        let lanes = match listener.way {
            Way::Shared | Way::Rotation => "shared".to_owned(),
            Way::Kernel | Way::Path => format!("{free} of {} free", listener.lanes.len()),
        };
        let name = if listener.name == listener.address { "" } else { &listener.name };
        table.row(
            Style::new(),
            [
                name.to_owned(),
                listener.address.clone(),
                steered.to_owned(),
                steered_to(listener),
                lanes,
                format!("{}/{}", listener.queue, listener.queue_limit),
                listener.overflows.map_or_else(|| "?".into(), |overflows| overflows.to_string()),
            ],
        );
    }
    table
}

/// The generation that has all, or each with its share.
fn steered_to(listener: &Listener) -> String {
    let each = |share: &Share| format!("{}: {}%", share.generation, share.percent);
    match &listener.shares[..] {
        [] | [_] => listener.steered_to.map(|generation| generation.to_string()).unwrap_or_default(),
        shares => shares.iter().map(each).collect::<Vec<_>>().join(", "),
    }
}

/// What somebody should look at.
fn warnings(status: &Status) -> Vec<String> {
    let mut warnings = Vec::new();
    for generation in &status.generations {
        warnings.extend(generation.changed_on_disk.iter().map(|what| format!("generation {}: {what}", generation.id)));
    }
    for listener in &status.listeners {
        for stranger in &listener.strangers {
            let who = match (&stranger.name, stranger.pid) {
                (Some(name), Some(pid)) => format!("{name} (pid {pid})"),
                (None, Some(pid)) => format!("pid {pid}"),
                (_, None) => "somebody else".into(),
            };
            warnings.push(format!(
                "{who} listens on {} as well: it may take connections of {}",
                stranger.address, listener.name
            ));
        }
        if let Some(overflows) = listener.overflows.filter(|overflows| *overflows > 0) {
            warnings.push(format!("{}: the queue was full, and {} dropped", listener.name, dropped(overflows)));
        }
    }
    warnings
}

fn dropped(connections: u64) -> String {
    if connections == 1 { "a connection was".into() } else { format!("{connections} connections were") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn a_reload_in_the_middle() -> Status {
        let generation = |id: u32, state: &str, ready: u32, by: &str| {
            json!({
                "id": id, "state": state, "ready": ready, "total": 4, "workers": [], "since": "2026-11-22T19:00:00Z",
                "age_seconds": 7800.0 * f64::from(id), "connections": null, "cpu_seconds": 12.5, "rss_bytes": 432_013_312,
                "origin": { "by": by },
                "release": { "program": format!("/srv/web/releases/{id}/server"), "command": ["./server"],
                             "directory": format!("/srv/web/releases/{id}") },
            })
        };
        let mut newest = generation(3, "starting", 1, "alice (uid 1000, pid 4711)");
        newest["origin"]["reason"] = "release 3".into();
        newest["until_seconds"] = 27.3.into();
        let mut serving = generation(2, "serving", 4, "SIGHUP from pid 1, uid 0");
        serving["connections"] = 311.into();
        serving["changed_on_disk"] = json!(["/srv/web/releases/2/server was rewritten in place"]);
        let lane = |index: u32, state: &str| {
            json!({ "index": index, "state": state, "generation": null, "steered": false, "queue": 0,
                    "queue_limit": 4096, "overflows": 0 })
        };
        serde_json::from_value(json!({
            "name": "web", "version": "0.1.0", "pid": 812, "started": "2026-11-19T15:00:00Z",
            "uptime_seconds": 273_600.0, "state": "reloading", "serving": 2, "rising": 3, "reload_waits": true,
            "reloads": { "promoted": 2, "rejected": 1, "aborted": 0, "rolled_back": 0 },
            "generations": [newest, serving],
            "listeners": [{
                "name": "http", "address": "0.0.0.0:8080", "way": "kernel", "by_query": false, "steered_to": 2,
                "lanes": [lane(0, "free"), lane(1, "taken"), lane(2, "taken"), lane(3, "free")],
                "queue": 3, "queue_limit": 4096, "overflows": 1,
                "strangers": [{ "address": "0.0.0.0:8080", "pid": 99, "name": "nginx" }],
            }],
            "latest_event": 40,
        }))
        .expect("it is a status")
    }

    fn shown(width: Option<usize>) -> String {
        anstream::adapter::strip_str(&status(&a_reload_in_the_middle(), false, false, width)).to_string()
    }

    #[test]
    fn a_status_tells_what_serves_what_rises_and_what_to_look_at() {
        let expected = "\
web: generation 2 serves, generation 3 rises   up 3d 4h   pid 812   heirloom 0.1.0
2 generations promoted, 1 rejected; another reload waits

GEN  STATE     READY    AGE  CONNS  CPU   RSS  NEXT             CAUSE                                  RELEASE
  3  starting    1/4  6h30m      ?  12s  412M  given up in 28s  alice (uid 1000, pid 4711): release 3  /srv/web/releases/3/server
  2  serving     4/4  4h20m    311  12s  412M  changed on disk  SIGHUP from pid 1, uid 0               /srv/web/releases/2/server

LISTENER  ADDRESS       STEERED        TO  LANES         QUEUE  OVERFLOWS
http      0.0.0.0:8080  in the kernel   2  2 of 4 free  3/4096          1

! generation 2: /srv/web/releases/2/server was rewritten in place
! nginx (pid 99) listens on 0.0.0.0:8080 as well: it may take connections of http
! http: the queue was full, and a connection was dropped
";
        assert_eq!(shown(None), expected);
    }

    #[test]
    fn a_canary_is_told_with_its_share_and_what_comes_next_and_drawn_on_a_terminal() {
        let mut status = a_reload_in_the_middle();
        let (new, old) = status.generations.split_first_mut().expect("there are two");
        (new.state, new.share_percent, old[0].share_percent) = (GenerationState::Sharing, 5, 95);
        status.listeners[0].shares = vec![Share { generation: 3, percent: 5 }, Share { generation: 2, percent: 95 }];
        let rollout = json!({ "generation": 3, "state": "sharing", "percent": 5, "by": "connections", "step": 1,
                              "steps": 3, "paused": false, "until_seconds": 587.2 });
        status.rollout = serde_json::from_value(rollout).ok();
        let shown = |status: &Status, width: Option<usize>| {
            anstream::adapter::strip_str(&super::status(status, false, width.is_some(), width)).to_string()
        };
        let plain = shown(&status, None);
        assert!(
            plain.contains("\ngeneration 3 has 5 % of new connections, step 1 of 3; goes on in 9m48s\n"),
            "{plain}"
        );
        assert!(plain.contains("  3  sharing     5%    1/4") && plain.contains("  2  serving    95%"), "{plain}");
        assert!(plain.contains("3: 5%, 2: 95%") && !plain.contains('█'), "{plain}");
        let drawn = shown(&status, Some(200));
        assert!(drawn.contains("█░░░░░░░░░   5%") && drawn.contains("█████████░  95%"), "{drawn}");
        status.rollout.as_mut().expect("there is one").paused = true;
        assert!(shown(&status, None).contains("; paused: `heirloom resume` lets it go on"));
    }

    #[test]
    fn no_line_is_longer_than_the_terminal_is_wide() {
        assert!(shown(Some(60)).lines().all(|line| line.chars().count() <= 60));
    }
}
