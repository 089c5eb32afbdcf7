use std::time::Duration;

use heirloom::supervision::{Exit, Origin, Reason, SharedBy, Slot, WorkerId};

use serde_json::{Value, json};

use super::*;

/// What the master says before anything is asked: generation 1 serves with two workers.
fn status(more: Value) -> Status {
    let generation = |id: u32, state: &str| {
        json!({ "id": id, "state": state, "ready": 2, "total": 2, "workers": [], "since": "1970-01-01T00:00:00Z",
                "age_seconds": 9.0, "connections": null, "cpu_seconds": null, "rss_bytes": null,
                "origin": { "by": "start" }, "release": null })
    };
    let mut status = json!({
        "name": "web", "version": "0", "pid": 1, "started": "1970-01-01T00:00:00Z", "uptime_seconds": 9.0,
        "state": "serving", "serving": 1, "rising": null, "reload_waits": false,
        "reloads": { "promoted": 1, "rejected": 0, "aborted": 0, "rolled_back": 0 },
        "generations": [generation(2, "held"), generation(1, "serving")], "listeners": [], "latest_event": 1,
    });
    status.as_object_mut().expect("it is one").extend(more.as_object().expect("it is one").clone());
    serde_json::from_value(status).expect("it is a status")
}

fn ways_on() -> WaysOn {
    let [promote, abort, resume] = ["promote", "abort", "resume"].map(|verb| format!("heirloom {verb}"));
    WaysOn { promote, abort, resume }
}

const NEW: GenerationId = GenerationId(2);
const OLD: GenerationId = GenerationId(1);

/// What is heard of it, at so many milliseconds.
struct Story {
    steps: Steps,
    lines: Vec<String>,
}

impl Story {
    fn of(until_drained: bool) -> Story {
        Story { steps: Steps::new(&status(json!({})), until_drained, ways_on()), lines: Vec::new() }
    }

    fn hear(&mut self, milliseconds: u64, notice: Notice) {
        let time = at(milliseconds);
        let report = Report { id: 1, time, what: What::Rules(notice), pid: None, last_lines: Vec::new() };
        let lines = self.steps.hear(&report);
        self.keep(lines);
    }

    fn keep(&mut self, lines: Vec<String>) {
        self.lines.extend(lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()));
    }

    fn rises(&mut self) {
        self.hear(0, Notice::Rising { generation: NEW, origin: Origin::new("alice") });
    }

    fn started(&mut self, milliseconds: u64, slot: u32) {
        let worker = WorkerId(slot.into());
        self.hear(milliseconds, Notice::Started { generation: NEW, slot: Slot(slot), worker });
    }

    fn ready(&mut self, milliseconds: u64, slot: u32) {
        let worker = WorkerId(slot.into());
        self.hear(milliseconds, Notice::Ready { generation: NEW, slot: Slot(slot), worker });
    }

    fn total(&mut self) {
        assert_eq!(self.steps.without_total(), Some(2));
        let lines = self.steps.total(2, 2);
        self.keep(lines);
    }

    fn is(&self, expected: &str) {
        assert_eq!(self.lines.join("\n"), expected);
    }
}

fn at(milliseconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds)
}

#[test]
fn a_reload_is_told_step_by_step() {
    let mut story = Story::of(true);
    story.rises();
    assert_eq!(story.steps.current(at(30)).as_deref(), Some("resolving         30ms"));
    story.started(40, 0);
    story.total();
    assert_eq!(story.steps.current(at(50)).as_deref(), Some("starting    1/2   50ms"));
    story.started(60, 1);
    story.ready(300, 1);
    assert_eq!(story.steps.current(at(350)).as_deref(), Some("ready       1/2   0.3s"));
    story.ready(1100, 0);
    story.hear(1120, Notice::Promoted { generation: NEW, previous: Some(OLD) });
    story.hear(2120, Notice::StandingBy { generation: OLD, warm: Duration::from_secs(10) });
    story.hear(12_120, Notice::Draining { generation: OLD, grace: Duration::from_secs(30) });
    let exit = Exit::Status(0);
    story.hear(13_000, Notice::Exited { generation: OLD, slot: Slot(0), worker: WorkerId(9), exit, wanted: true });
    let current = story.steps.current(at(13_120));
    assert_eq!(current.as_deref(), Some("draining         12.0s  generation 1: 1 worker left"));
    assert!(!story.steps.are_complete(Some(2)));
    story.hear(13_500, Notice::Gone { generation: OLD });
    assert!(story.steps.are_complete(Some(2)) && !story.steps.are_complete(Some(3)));
    story.is("\
generation 2 rises  (alice)
  ✔ started     2/2   60ms
  ✔ ready       2/2   1.1s
  ✔ promoted          1.1s  new connections go to it
  ✔ settled           1.0s  generation 1 stands by for 10.0s
  ✔ drained     2/2  12.4s  generation 1 is gone");
}

#[test]
fn what_happens_to_the_old_one_is_told_to_those_who_wait_for_it() {
    let mut story = Story::of(false);
    story.rises();
    story.hear(10, Notice::Promoted { generation: NEW, previous: Some(OLD) });
    let before = story.lines.len();
    story.hear(20, Notice::Gone { generation: OLD });
    assert_eq!(story.lines.len(), before);
    assert_eq!(story.steps.current(at(30)), None);
}

#[test]
fn a_step_that_fails_tells_whose_fault_it_was() {
    let mut story = Story::of(false);
    story.rises();
    story.started(10, 0);
    story.total();
    story.started(20, 1);
    story.ready(200, 0);
    let reason = Reason::Exited { slot: Slot(1), exit: Exit::Status(9) };
    story.hear(400, Notice::GivenUp { generation: NEW, reason, serving: Some(OLD) });
    assert!(story.steps.are_complete(Some(2)) && story.steps.current(at(500)).is_none());
    story.is("\
generation 2 rises  (alice)
  ✔ started     2/2   20ms
  ✘ ready       1/2   0.4s  worker 2.1 exited with status 9");
}

#[test]
fn a_reload_that_has_to_wait_says_for_what() {
    let mut story = Story::of(false);
    story.hear(0, Notice::Remembered { generation: NEW, origin: Origin::new("alice") });
    story.rises();
    story.hear(5, Notice::WaitingForLane { generation: NEW, why: "all lanes of http are taken".into() });
    assert_eq!(story.steps.current(at(1500)).as_deref(), Some("waiting           1.5s"));
    story.is("  · waiting                 generation 2 rises already: this one is next
generation 2 rises  (alice)
  · waiting            5ms  all lanes of http are taken");
}

#[test]
fn what_was_missed_is_made_up_for_at_the_promotion() {
    let mut story = Story::of(false);
    story.rises();
    story.started(10, 0);
    story.started(10, 1);
    story.ready(20, 0);
    story.ready(20, 1);
    story.hear(1000, Notice::Promoted { generation: NEW, previous: None });
    story.is("\
generation 2 rises  (alice)
  ✔ started     2/2
  ✔ ready       2/2
  ✔ promoted          1.0s  new connections go to it");
}

fn shares(percent: u8, step: u32, hold: Option<u64>) -> Notice {
    let (hold, by) = (hold.map(Duration::from_secs), SharedBy::Connections);
    Notice::Sharing { generation: NEW, percent, step, steps: 3, hold, by }
}

/// Both workers of generation 2 are ready.
fn ready() -> Story {
    let mut story = Story::of(false);
    story.rises();
    story.started(10, 0);
    story.total();
    story.started(10, 1);
    story.ready(20, 0);
    story.ready(20, 1);
    story.lines.clear();
    story
}

#[test]
fn each_share_of_a_canary_is_a_step_and_is_drawn_while_it_lasts() {
    let mut story = ready();
    story.hear(100, Notice::Checking { generation: NEW });
    assert_eq!(story.steps.current(at(500)).as_deref(), Some("checking          0.5s  "));
    story.hear(1000, shares(5, 1, Some(60)));
    let current = story.steps.current(at(1000)).expect("it is under way");
    let drawn =
        "sharing      5%   1.0s  █░░░░░░░░░░░░░░░░░░░ of new connections; goes on in 1m00s, or by `heirloom promote`";
    assert_eq!(current, drawn);
    story.hear(2000, Notice::Paused { generation: NEW, origin: Origin::new("pause by alice") });
    assert!(story.steps.current(at(9000)).is_some_and(|it| it.ends_with("paused until `heirloom resume`")));
    story.hear(12_000, Notice::Resumed { generation: NEW, origin: Origin::new("resume by alice") });
    assert!(story.steps.current(at(12_000)).is_some_and(|it| it.contains("goes on in 59.0s")));
    story.hear(71_000, shares(25, 2, None));
    assert!(
        story
            .steps
            .current(at(71_000))
            .is_some_and(|it| it.ends_with("waits for `heirloom promote` or `heirloom abort`"))
    );
    story.hear(72_000, Notice::Promoted { generation: NEW, previous: Some(OLD) });
    story.is("  ✔ healthy           1.0s
  ✔ sharing      5%   1.0s  of new connections, step 1 of 3, for 1m00s
  · paused            2.0s  until `heirloom resume` (pause by alice)
  · goes on          12.0s  (resume by alice)
  ✔ sharing     25%  1m11s  of new connections, step 2 of 3, until `heirloom promote`; `heirloom abort` ends it
  ✔ promoted         1m12s  new connections go to it");
}

#[test]
fn one_that_is_held_says_for_what_it_waits_and_where_it_can_be_looked_at() {
    let mut story = ready();
    story.hear(100, Notice::Checking { generation: NEW });
    story.hear(200, Notice::Unhealthy { generation: NEW, why: "GET /healthz: 503".into() });
    story.hear(1200, Notice::Held { generation: NEW, most: None });
    let (listener, address) = ("http".to_owned(), "127.0.0.1:40001".to_owned());
    let what = What::Deeds(Deed::Door { generation: NEW, listener, address });
    let lines = story.steps.hear(&Report { id: 1, time: at(1200), what, pid: None, last_lines: Vec::new() });
    story.keep(lines);
    let current = story.steps.current(at(5000)).expect("it is under way");
    assert_eq!(current, "held              5.0s  waits for `heirloom promote` or `heirloom abort`");
    story.is("  · unhealthy         0.2s  GET /healthz: 503
  ✔ healthy           1.2s
  · held              1.2s  until `heirloom promote`; `heirloom abort` ends it
  · look                    127.0.0.1:40001 leads to its http, before any client");
}

#[test]
fn whoever_promotes_joins_in_the_middle() {
    let status = status(json!({ "rising": 2, "rollout": {
        "generation": 2, "state": "sharing", "percent": 5, "by": "workers", "step": 1, "steps": 3, "paused": false } }));
    let steps = Steps::new(&status, false, ways_on()).joining(&status);
    let mut story = Story { steps, lines: Vec::new() };
    let current = story.steps.current(at(1000)).expect("it is under way");
    assert!(
        current.starts_with("sharing      5%   1.0s  █░") && current.contains("of the workers; waits"),
        "{current}"
    );
    story.hear(2000, Notice::Promoted { generation: NEW, previous: Some(OLD) });
    assert!(story.steps.are_complete(Some(2)));
    story.is("  ✔ promoted          2.0s  new connections go to it");
}

#[test]
fn whoever_goes_back_is_told_that_it_is_done() {
    let mut story = Story::of(false);
    story.steps = Steps::new(&status(json!({})), true, ways_on()).going_back();
    story.hear(10, Notice::RolledBack { generation: OLD, to: GenerationId(0), why: "asked for".into() });
    assert!(!story.steps.are_complete(Some(1)), "whoever waits for its end hears of that");
    story.hear(20, Notice::Gone { generation: OLD });
    assert!(story.steps.are_complete(Some(1)));
    story.is("  ✔ steered                 new connections go to generation 0 again
  ✔ drained     2/2   10ms  generation 1 is gone");
}
