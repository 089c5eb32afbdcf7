//! Stories: what the master reports, and what a person reads.

use std::time::{Duration, SystemTime};

use heirloom::master::{Deed, Report, Stream, What};
use heirloom::supervision::{Exit, GenerationId, Notice, Origin, Reason, Slot, WorkerId};

use super::{Line, Telling};

fn report(at: u64, what: What, last_lines: &[&str]) -> Report {
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(at);
    let last_lines = last_lines.iter().map(|line| (*line).to_owned()).collect();
    Report { id: 1, time, what, pid: None, last_lines }
}

fn hear(telling: &mut Telling, at: u64, notice: Notice) -> Vec<Line> {
    telling.hear(&report(at, What::Rules(notice), &[]))
}

fn deed(telling: &mut Telling, at: u64, deed: Deed) -> Vec<Line> {
    telling.hear(&report(at, What::Deeds(deed), &[]))
}

fn rising(generation: u32) -> Notice {
    Notice::Rising { generation: GenerationId(generation), origin: Origin::new("a change of src/main.rs") }
}

fn promoted(generation: u32) -> Notice {
    Notice::Promoted { generation: GenerationId(generation), previous: None }
}

fn build_fails(telling: &mut Telling, serving: Option<u32>) -> Vec<Line> {
    let reason = Reason::Unresolved { why: "the build exited with status 101".into() };
    let notice = Notice::GivenUp { generation: GenerationId(2), reason, serving: serving.map(GenerationId) };
    telling.hear(&report(0, What::Rules(notice), &["error: no"]))
}

#[test]
fn a_save_is_told_with_what_it_took() {
    let mut telling = Telling::default();
    let generation = GenerationId(2);
    assert_eq!(hear(&mut telling, 0, rising(2)), [Line::Step("▸ a change of src/main.rs".into())]);
    deed(&mut telling, 0, Deed::Built { generation, seconds: 1.84 });
    let (program, command, directory) = (String::new(), Vec::new(), String::new());
    deed(&mut telling, 1840, Deed::Resolved { generation, program, command, directory });
    let told = hear(&mut telling, 1900, promoted(2));
    assert_eq!(told, [Line::Good("✔ generation 2 serves (built in 1.8 s, up in 60 ms)".into())]);
}

#[test]
fn an_error_stays_until_a_generation_serves() {
    let mut telling = Telling::default();
    hear(&mut telling, 0, promoted(1));
    hear(&mut telling, 0, rising(2));
    let told = build_fails(&mut telling, Some(1));
    assert_eq!(told, [Line::Bad("✘ the build exited with status 101; generation 1 still serves".into())]);
    assert_eq!(telling.fault().map(|fault| fault.lines.clone()), Some(vec!["error: no".into()]));
    hear(&mut telling, 0, rising(3));
    assert!(telling.fault().is_some());
    hear(&mut telling, 0, promoted(3));
    assert!(telling.fault().is_none());
}

#[test]
fn where_nobody_serves_yet_it_says_what_to_do() {
    let told = build_fails(&mut Telling::default(), None);
    let Some(Line::Bad(line)) = told.first() else { panic!("{told:?}") };
    assert!(line.ends_with("nobody serves before the next save; who asks has to wait"), "{line}");
}

#[test]
fn the_end_of_who_was_told_to_end_is_no_news() {
    let mut telling = Telling::default();
    hear(&mut telling, 0, promoted(1));
    let exited = |generation, wanted| Notice::Exited {
        generation: GenerationId(generation),
        slot: Slot(0),
        worker: WorkerId(1),
        exit: Exit::Status(3),
        wanted,
    };
    assert_eq!(hear(&mut telling, 0, exited(1, true)), []);
    assert_eq!(hear(&mut telling, 0, exited(2, false)), []);
    assert_eq!(hear(&mut telling, 0, exited(1, false)), [Line::Bad("✘ the program exited with status 3".into())]);
}

#[test]
fn of_a_progress_bar_the_last_state_is_shown() {
    let line = "10%\r50%\r100%\r".to_owned();
    let line = Deed::Line { generation: GenerationId(1), slot: Slot(0), stream: Stream::Output, line };
    let told = deed(&mut Telling::default(), 0, line);
    assert_eq!(told, [Line::Theirs(Stream::Output, "100%".into())]);
}
