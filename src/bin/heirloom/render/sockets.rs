//! `heirloom sockets`: every lane, who holds it, and why the next generation cannot have it.

use anstyle::{AnsiColor, Style};

use super::table::{Column, Table};
use super::words::fitting;
use heirloom::control::model::{Holder, Lane, LaneState, Listener, Share, Sockets, Way};

const COLUMNS: [Column; 6] = [
    Column::Right("LANE"),
    Column::Left("STATE"),
    Column::Right("GEN"),
    Column::Right("QUEUE"),
    Column::Left("HELD BY"),
    Column::Left("NOT FREE BECAUSE"),
];

/// A table for each listener.
pub(crate) fn sockets(sockets: &Sockets, width: Option<usize>) -> String {
    let shown: Vec<String> = sockets.listeners.iter().map(|listener| shown(listener, width)).collect();
    match shown.is_empty() {
        true => "there are no listeners\n".into(),
        false => shown.join("\n"),
    }
}

fn shown(listener: &Listener, width: Option<usize>) -> String {
    let mut table = Table::new(COLUMNS);
    for lane in &listener.lanes {
        table.row(style(lane), row(lane));
    }
    let bold = Style::new().bold();
    let head = fitting(&head(listener), width.unwrap_or(usize::MAX));
    format!("{bold}{head}{bold:#}\n{}\n", table.lines(width).join("\n"))
}

fn head(listener: &Listener) -> String {
    let Listener { name, address, .. } = listener;
    let name = if name == address { name.clone() } else { format!("{name}  {address}") };
    let by_query = if listener.by_query { "; a worker asked for it" } else { "" };
    let each = |share: &Share| format!("{} % to generation {}", share.percent, share.generation);
    let each: Vec<String> = listener.shares.iter().map(each).collect();
    let way = match (listener.way, listener.steered_to) {
        (Way::Kernel, Some(_)) if each.len() > 1 => format!("shared in the kernel: {}", each.join(", ")),
        (Way::Rotation, Some(_)) if each.len() > 1 => format!("passed on by heirloom: {}", each.join(", ")),
        (Way::Shared, _) => "all generations share it".into(),
        (Way::Rotation, Some(to)) => format!("passed on by heirloom to workers of generation {to}"),
        (Way::Kernel, Some(to)) => format!("steered in the kernel to generation {to}"),
        (Way::Path, Some(to)) => format!("steered by the path to generation {to}"),
        (Way::Kernel | Way::Path | Way::Rotation, None) => "connections wait: they are steered to nobody".into(),
    };
    format!("{name}  {way}{by_query}")
}

fn row(lane: &Lane) -> [String; 6] {
    [
        lane.index.to_string(),
        word(lane),
        lane.generations.iter().map(u32::to_string).collect::<Vec<_>>().join(", "),
        format!("{}/{}", lane.queue, lane.queue_limit),
        lane.holders.iter().map(holder).collect::<Vec<_>>().join(", "),
        lane.why_not_free.clone().unwrap_or_default(),
    ]
}

fn holder(Holder { pid, name, seat }: &Holder) -> String {
    match seat {
        Some(seat) => format!("{seat} {name} (pid {pid})"),
        None => format!("{name} (pid {pid}), no worker"),
    }
}

fn word(lane: &Lane) -> String {
    let word = match lane.state {
        LaneState::Taken if (1..100).contains(&lane.share_percent) => return format!("gets {}%", lane.share_percent),
        LaneState::Taken if lane.steered => "gets all",
        LaneState::Free => "free",
        LaneState::Taken => "taken",
        LaneState::Retired => "retired",
        LaneState::Busy => "busy",
        LaneState::Spoiled => "spoiled",
    };
    word.to_owned()
}

fn style(lane: &Lane) -> Style {
    match lane.state {
        LaneState::Free => Style::new().dimmed(),
        LaneState::Taken if lane.steered => Style::new().bold(),
        LaneState::Taken | LaneState::Retired => Style::new(),
        LaneState::Busy => AnsiColor::Yellow.on_default(),
        LaneState::Spoiled => AnsiColor::Red.on_default(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lanes_that_share_tell_how_much_they_get() {
        let lane = |index: u32, generation: u32, percent: u8| {
            json!({ "index": index, "state": "taken", "generations": [generation], "steered": true,
                    "share_percent": percent, "queue": 0, "queue_limit": 128, "overflows": 0 })
        };
        let told: Sockets = serde_json::from_value(json!({ "listeners": [{
            "name": "http", "address": "127.0.0.1:8080", "way": "kernel", "by_query": false, "steered_to": 1,
            "shares": [{ "generation": 2, "percent": 5 }, { "generation": 1, "percent": 95 }],
            "queue": 0, "queue_limit": 128, "overflows": 0, "strangers": [], "lanes": [lane(0, 1, 95), lane(1, 2, 5)],
        }] }))
        .expect("they are sockets");
        let shown = anstream::adapter::strip_str(&sockets(&told, None)).to_string();
        let head = "http  127.0.0.1:8080  shared in the kernel: 5 % to generation 2, 95 % to generation 1\n";
        assert!(shown.starts_with(head) && shown.contains("gets 95%") && shown.contains("gets 5%"), "{shown}");
    }

    #[test]
    fn each_lane_tells_who_holds_it_and_why_it_is_not_free() {
        let told: Sockets = serde_json::from_value(json!({ "listeners": [{
            "name": "http", "address": "127.0.0.1:8080", "way": "kernel", "by_query": false, "steered_to": 2,
            "queue": 0, "queue_limit": 128, "overflows": 0, "strangers": [],
            "lanes": [
                { "index": 0, "state": "retired", "generations": [1], "steered": false, "queue": 0, "queue_limit": 128,
                  "overflows": 0, "why_not_free": "generation 1 still drains",
                  "holders": [{ "pid": 9, "name": "helper" }] },
                { "index": 1, "state": "taken", "generations": [2], "steered": true, "queue": 0, "queue_limit": 128,
                  "overflows": 0, "holders": [{ "pid": 7, "name": "web", "seat": "2.0" }] },
                { "index": 2, "state": "free", "steered": false, "queue": 0, "queue_limit": 128,
                  "overflows": 0 },
            ],
        }] }))
        .expect("they are sockets");
        let expected = "\
http  127.0.0.1:8080  steered in the kernel to generation 2
LANE  STATE     GEN  QUEUE  HELD BY                    NOT FREE BECAUSE
   0  retired     1  0/128  helper (pid 9), no worker  generation 1 still drains
   1  gets all    2  0/128  2.0 web (pid 7)
   2  free           0/128
";
        assert_eq!(anstream::adapter::strip_str(&sockets(&told, None)).to_string(), expected);
    }
}
