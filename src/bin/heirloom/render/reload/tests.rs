use std::time::Duration;

use heirloom::supervision::{Exit, Origin, Reason, Slot, WorkerId};

use super::*;

const NEW: GenerationId = GenerationId(2);
const OLD: GenerationId = GenerationId(1);

/// What is heard of it, at so many milliseconds.
struct Story {
    steps: Steps,
    lines: Vec<String>,
}

impl Story {
    fn of(until_drained: bool) -> Story {
        Story { steps: Steps::new(until_drained, 2), lines: Vec::new() }
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
