//! The story, told without a clock and without a master.

use super::*;
use heirloom::supervision::{Exit, Origin, Slot, WorkerId};

const SLOT: Slot = Slot(0);

fn rising(number: u32, origin: &str) -> Notice {
    Notice::Rising { generation: GenerationId(number), origin: Origin::new(origin) }
}

fn promoted(number: u32) -> Notice {
    Notice::Promoted { generation: GenerationId(number), previous: None }
}

fn given_up(number: u32, reason: Reason) -> Notice {
    Notice::GivenUp { generation: GenerationId(number), reason, serving: None }
}

fn exited() -> Reason {
    Reason::Exited { slot: SLOT, exit: Exit::Status(1) }
}

fn late() -> Reason {
    Reason::NotReady { slot: SLOT, grace: READY_GRACE, lacking: None }
}

/// A story and its clock.
struct Play {
    scenario: Scenario,
    now: Duration,
}

impl Play {
    fn begin() -> Play {
        Play { scenario: Scenario::begin(Duration::ZERO), now: Duration::ZERO }
    }

    fn hear(&mut self, notices: &[Notice]) {
        for notice in notices {
            self.now += Duration::from_millis(100);
            self.scenario.hear(notice, self.now);
        }
    }

    /// Waits for the next wish.
    fn next(&mut self) -> Option<Wish> {
        while !self.scenario.is_over() {
            self.now += Duration::from_millis(100);
            if let Some(wish) = self.scenario.tick(self.now) {
                return Some(wish);
            }
        }
        None
    }

    /// Tells all of it, up to a step.
    fn until(step: &str) -> Play {
        let mut play = Play::begin();
        play.hear(&[rising(1, "start"), promoted(1)]);
        let generation = GenerationId(2);
        let killed = Exit::Signal("SIGKILL".into());
        let exited_unasked =
            Notice::Exited { generation, slot: SLOT, worker: WorkerId(3), exit: killed, wanted: false };
        let notices = [
            vec![rising(2, ORIGIN), promoted(2)],
            vec![rising(3, ORIGIN), given_up(3, exited())],
            vec![rising(4, ORIGIN), given_up(4, late())],
            vec![exited_unasked, Notice::Ready { generation, slot: SLOT, worker: WorkerId(9) }],
            vec![rising(5, ORIGIN), promoted(5)],
        ];
        for (nth, notices) in notices.iter().enumerate() {
            play.next().expect("the story goes on");
            if STEPS[nth + 1].name == step {
                return play;
            }
            play.hear(notices);
        }
        assert_eq!(play.next(), None);
        play
    }

    fn last(&self) -> &Told {
        self.scenario.told.last().expect("a step is over")
    }
}

#[test]
fn a_story_that_goes_well_takes_about_twenty_seconds_and_ends_by_itself() {
    let play = Play::until("the end");
    let marks: String = play.scenario.told.iter().map(Told::mark).collect();
    assert_eq!(marks, "✔✔↩↩✔✔");
    assert!(play.scenario.told.iter().all(Told::is_as_expected));
    assert!(play.scenario.is_over());
    assert!(play.now > Duration::from_secs(14) && play.now < Duration::from_secs(20), "{:?}", play.now);
}

#[test]
fn each_step_asks_for_its_own_release() {
    let wishes: Vec<_> = STEPS.iter().filter_map(|step| step.wish).collect();
    let deploy = Wish::Deploy;
    let (good, crashes, hangs) = (deploy(Conduct::Good), deploy(Conduct::Crashes), deploy(Conduct::Hangs));
    assert_eq!(wishes, [good, crashes, hangs, Wish::Kill, good]);
}

#[test]
fn a_bad_release_that_serves_is_not_as_it_should_be() {
    for step in ["crash", "hang"] {
        let mut play = Play::until(step);
        play.hear(&[rising(9, ORIGIN), promoted(9)]);
        assert!(!play.last().is_as_expected(), "{:?}", play.last());
        assert_eq!(play.last().mark(), '✘');
    }
}

#[test]
fn a_good_release_that_is_given_up_is_not_as_it_should_be() {
    let mut play = Play::until("reload");
    play.hear(&[rising(2, ORIGIN), given_up(2, late())]);
    let why = "generation 2 is given up: not ready within 2 s".to_owned();
    assert_eq!(play.last().outcome, Outcome::Unexpected(why));
}

#[test]
fn a_release_that_fails_in_another_way_than_it_should_is_told() {
    let mut play = Play::until("hang");
    play.hear(&[rising(4, ORIGIN), given_up(4, exited())]);
    assert!(!play.last().is_as_expected());
}

#[test]
fn what_somebody_else_asks_of_the_master_is_not_the_storys() {
    let mut play = Play::until("crash");
    play.hear(&[
        rising(3, "SIGHUP from pid 7, uid 0"),
        given_up(3, Reason::Superseded),
        rising(4, ORIGIN),
        promoted(3),
    ]);
    assert_eq!(play.last().step.name, "reload", "the step goes on");
    play.hear(&[given_up(4, exited())]);
    assert_eq!(play.last().generation(), Some(GenerationId(4)));
    assert!(play.last().is_as_expected());
}

#[test]
fn a_step_lasts_from_the_wish_to_its_outcome() {
    let mut play = Play::until("reload");
    play.hear(&[rising(2, ORIGIN), promoted(2)]);
    assert_eq!(play.last().took, Duration::from_millis(200));
    let mut play = Play::until("kill");
    // A killed worker's step begins with its death: before it, clients are given time to be between two requests.
    play.now += Duration::from_secs(5);
    let (generation, exit) = (GenerationId(2), Exit::Signal("SIGKILL".into()));
    play.hear(&[
        Notice::Exited { generation, slot: SLOT, worker: WorkerId(3), exit, wanted: false },
        Notice::Ready { generation, slot: SLOT, worker: WorkerId(9) },
    ]);
    assert_eq!(play.last().took, Duration::from_millis(100));
}

#[test]
fn a_step_that_leads_to_nothing_is_given_up_and_the_story_goes_on() {
    let mut play = Play::until("hang");
    assert_eq!(play.next(), Some(Wish::Kill));
    assert_eq!(play.last().outcome, Outcome::Unexpected("nothing came of it within 30 s".into()));
}

#[test]
fn a_story_can_be_broken_off() {
    let mut play = Play::until("crash");
    play.scenario.break_off("interrupted", play.now);
    assert!(play.scenario.is_over());
    assert_eq!(play.last().outcome, Outcome::Unexpected("interrupted".into()));
}
