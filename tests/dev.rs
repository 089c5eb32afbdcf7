//! The promise: with `heirloom dev` a save is a reload, and nobody is refused, whatever is saved.

#[path = "dev/browser.rs"]
mod browser;
#[path = "dev/project.rs"]
mod project;
mod support;
#[path = "dev/terminal.rs"]
mod terminal;

use std::path::Path;

use browser::Browser;
use heirloom::load::Held;
use heirloom::master::{Deed, What};
use heirloom::supervision::{GenerationId, Notice, Reason};
use nix::sys::signal::Signal;
use project::Project;
use support::{Gate, Master, generation_of, get, load};
use terminal::Terminal;

fn wait_until_superseded(master: &Master, wanted: GenerationId) {
    master.wait_for_notice("a generation that is superseded", |notice| match notice {
        Notice::GivenUp { generation, reason: Reason::Superseded, .. } if *generation == wanted => Some(()),
        _ => None,
    });
}

fn release_of(master: &Master) -> String {
    get(&master.target(), "/").0.release
}

#[test]
fn a_save_is_built_and_served_and_its_origin_is_the_file() {
    let project = Project::new();
    let master = project.start();
    assert_eq!(release_of(&master), "1");
    project.save("RELEASE=2");
    let origin = master.wait_for_notice("a reload", |notice| match notice {
        Notice::Rising { generation: GenerationId(2), origin } => Some(origin.by.clone()),
        _ => None,
    });
    assert_eq!(origin, "a change of source");
    master.wait_for_promotion();
    assert_eq!(release_of(&master), "2");
    let built = |deed: &Deed| matches!(deed, Deed::Built { generation: GenerationId(2), .. });
    assert!(master.deeds().iter().any(built));
}

#[test]
fn the_program_is_told_that_it_is_being_worked_on_and_where_it_listens() {
    let project = Project::new();
    let master = project.start();
    let (_, environment) = get(&master.target(), "/environment");
    assert!(environment.contains(&"HEIRLOOM_DEV=1".into()), "{environment:?}");
    assert!(environment.contains(&format!("PORT={}", master.address_of("http").port())), "{environment:?}");
    assert!(master.address_of("http").ip().is_loopback());
}

#[test]
fn fifty_saves_in_a_row_under_load_every_tenth_broken_fail_no_request() {
    let project = Project::new();
    let master = project.start();
    let load = load(&master, 8);
    for release in 2..=51 {
        if release % 10 == 0 {
            project.save("broken");
            master.wait_for_notice("a build that fails", |notice| match notice {
                Notice::GivenUp { reason: Reason::Unresolved { .. }, .. } => Some(()),
                _ => None,
            });
        } else {
            project.save(&format!("RELEASE={release}"));
            // Every third one is given up for the next, or not, as it comes.
            if release % 3 != 0 || release == 51 {
                wait_until_served(&master, release);
            }
        }
    }
    let before = load.tally().answered;
    load.wait_for(before + 100, support::LIMIT).expect("it is served");
    let tally = load.stop();
    assert_eq!((tally.failures(), tally.stale), (0, 0), "{tally}\n{}", master.log.text());
    assert_eq!(release_of(&master), "51");
}

/// A burst of saves may be one reload or several, and the last one counts.
fn wait_until_served(master: &Master, release: u32) {
    loop {
        master.wait_for_notice("a promotion", |notice| matches!(notice, Notice::Promoted { .. }).then_some(()));
        if release_of(master) == release.to_string() {
            return;
        }
    }
}

#[test]
fn a_build_that_fails_changes_nothing_and_says_why_in_colour() {
    let project = Project::new();
    let master = project.start();
    project.save("broken");
    let (generation, reason, last_lines) = master.wait_until_given_up();
    assert_eq!(generation, GenerationId(2));
    assert_eq!(reason.to_string(), "the build exited with status 3");
    assert_eq!(last_lines, ["building", "\x1b[31merror\x1b[0m: the source is broken"]);
    assert_eq!(release_of(&master), "1");
    project.save("RELEASE=3");
    master.wait_for_promotion();
    assert_eq!(release_of(&master), "3");
}

#[test]
fn a_program_that_crashes_changes_nothing() {
    let project = Project::new();
    let master = project.start();
    project.save("RELEASE=2\nCONDUCT=crash");
    let (_, reason, last_lines) = master.wait_until_given_up();
    assert!(matches!(reason, Reason::Exited { .. }), "{reason}");
    assert_eq!(last_lines, ["\x1b[35ma colour\x1b[0m", "the database of release 2 is not there"]);
    assert_eq!(release_of(&master), "1");
}

#[test]
fn the_first_start_may_fail_and_whoever_asked_is_answered_after_the_next_save() {
    for fault in ["broken", "RELEASE=1\nCONDUCT=crash"] {
        let project = Project::new();
        project.save(fault);
        let master = project.launch();
        master.wait_until_given_up();
        let held = Held::open(master.target(), "/").expect("it is not refused");
        project.save("RELEASE=2");
        master.wait_for_promotion();
        let entry = held.finish();
        assert!(generation_of(&entry).is_some_and(|generation| generation > 1), "{entry:?}");
    }
}

#[test]
fn a_program_that_is_not_there_yet_is_waited_for() {
    let project = Project::new().without_a_build();
    let program = project.path("web");
    std::fs::rename(&program, project.path("elsewhere")).expect("a rename");
    let master = project.launch();
    master.wait_until_given_up();
    std::fs::rename(project.path("elsewhere"), &program).expect("a rename");
    master.wait_for_promotion();
    assert_eq!(release_of(&master), "1");
}

#[test]
fn whoever_asks_during_the_first_build_waits_for_it() {
    let project = Project::new();
    let gate = Gate::in_directory(project.place());
    project.save("wait\nRELEASE=1");
    let master = project.launch();
    master.wait_for_deed("a build", |deed| matches!(deed, Deed::BuildLine { .. }).then_some(()));
    let held = Held::open(master.target(), "/").expect("it is not refused");
    gate.let_one_in();
    assert_eq!(generation_of(&held.finish()), Some(1));
}

#[test]
fn the_newest_save_ends_a_build_that_is_under_way() {
    let project = Project::new();
    let _gate = Gate::in_directory(project.place());
    let master = project.start();
    project.save("wait\nRELEASE=2");
    let build = master.wait_for_deed("a build that waits", |deed| match deed {
        Deed::BuildLine { generation: GenerationId(2), line } => Some(line.strip_prefix("pid ")?.to_owned()),
        _ => None,
    });
    project.save("RELEASE=3");
    wait_until_superseded(&master, GenerationId(2));
    assert_eq!(master.wait_for_promotion().0, GenerationId(3));
    assert!(!Path::new("/proc").join(build).exists(), "the build that was given up goes on");
    assert_eq!(release_of(&master), "3");
}

#[test]
fn the_newest_save_gives_up_a_program_that_is_starting() {
    let project = Project::new();
    let master = project.start();
    project.save("RELEASE=2\nCONDUCT=hang");
    master.wait_for_notice("a start", |notice| {
        matches!(notice, Notice::Started { generation: GenerationId(2), .. }).then_some(())
    });
    project.save("RELEASE=3");
    wait_until_superseded(&master, GenerationId(2));
    assert_eq!(master.wait_for_promotion().0, GenerationId(3));
}

#[test]
fn a_cargo_project_is_built_by_cargo_and_a_save_is_one_reload() {
    let project = Project::of_cargo();
    let master = project.start();
    assert_eq!(release_of(&master), "1");
    for version in 2..=4 {
        project.save_server(&version.to_string());
        // What the build itself writes is none.
        assert_eq!(master.wait_for_promotion().0, GenerationId(version));
        assert_eq!(release_of(&master), version.to_string());
    }
}

#[test]
fn term_in_the_middle_of_a_build_ends_that_too() {
    let project = Project::new();
    let _gate = Gate::in_directory(project.place());
    project.save("wait");
    let master = project.launch();
    master.wait_for_deed("a build", |deed| matches!(deed, Deed::BuildLine { .. }).then_some(()));
    // What is left of it would be found when the master is gone.
    assert_eq!(master.finish().code(), Some(0));
}

#[test]
fn hup_builds_and_reloads_as_a_save_does() {
    let project = Project::new();
    let master = project.start();
    master.hup();
    master.wait_for("a build", |said| match said.report.what {
        What::Deeds(Deed::Built { generation: GenerationId(2), .. }) => Some(()),
        _ => None,
    });
    assert_eq!(master.wait_for_promotion().0, GenerationId(2));
}

#[test]
fn without_a_terminal_it_tells_in_plain_lines() {
    let project = Project::new();
    let master = project.launch_as("text");
    let log = master.log.clone();
    log.wait_for_line("✔ generation 1 serves (built in ");
    project.save("broken");
    log.wait_for_line("✘ the build exited with status 3; generation 1 still serves");
    project.save("RELEASE=2");
    log.wait_for_line("▸ a change of source");
    log.wait_for_line("release 2 is here");
    assert_eq!(master.finish().code(), Some(0));
    let text = log.text();
    assert!(!text.contains('\x1b'), "{text}");
    for words in ["heirloom dev  http://127.0.0.1:", "runs ", "builds ", "watches ", "--watch"] {
        assert!(text.contains(words), "{words:?} is missing in:\n{text}");
    }
    assert!(!text.contains("keys "), "there is nobody to press them");
}

#[test]
fn on_a_terminal_colours_survive_and_an_error_stays_until_it_is_mended() {
    let project = Project::new();
    let mut terminal = Terminal::open();
    let _dev = project.on_a_terminal(&terminal, &[]);
    let target = terminal.wait_for_an_address();
    terminal.wait_for("q quit");
    terminal.wait_for("\x1b[35ma colour\x1b[0m\r\n");
    terminal.wait_for("generation 1 serves");
    project.save("broken");
    terminal.wait_for("\x1b[31merror\x1b[0m: the source is broken");
    terminal.wait_for("exited with status 3; generation 1 still serves");
    // Whatever is said next, the error stays below it.
    get(&target, "/print?hello");
    let below = terminal.wait_for("generation 1 still serves");
    let (said, error) = below.split_once("\x1b[?7l").expect("it stays below");
    assert!(said.contains("hello"), "{below:?}");
    assert!(error.contains("\x1b[31merror\x1b[0m: the source is broken"), "{below:?}");
    project.save("RELEASE=2");
    let mended = terminal.wait_for("generation 3 serves");
    assert!(mended.contains("\x1b[J"), "it is gone: {mended:?}");
}

#[test]
fn keys_reload_build_clear_tell_the_log_and_quit() {
    let project = Project::new();
    let mut terminal = Terminal::open();
    let master = project.on_a_terminal(&terminal, &[]);
    terminal.wait_for("generation 1 serves");
    terminal.type_("r");
    let reload = terminal.wait_for("generation 2 serves");
    assert!(!reload.contains("building"), "it reloads without a build: {reload}");
    terminal.type_("b");
    let build = terminal.wait_for("generation 3 serves");
    assert!(build.contains("building"), "{build}");
    terminal.type_("l");
    terminal.wait_for("building");
    terminal.type_("c");
    terminal.wait_for("\x1b[2J");
    terminal.type_("q");
    assert_eq!(master.wait().code(), Some(0));
    terminal.is_as_it_was();
}

#[test]
fn ctrl_c_and_term_give_the_terminal_back_and_leave_nothing_behind() {
    type End = fn(&terminal::Dev, &mut Terminal);
    let ends: [End; 3] = [
        |_, terminal| terminal.type_("\x03"),
        |dev, _| dev.signal(Signal::SIGTERM),
        |dev, _| dev.signal(Signal::SIGQUIT),
    ];
    for end in ends {
        let project = Project::new();
        let mut terminal = Terminal::open();
        let dev = project.on_a_terminal(&terminal, &[]);
        terminal.wait_for("generation 1 serves");
        assert!(!terminal.is_echoing(), "keys are not shown");
        end(&dev, &mut terminal);
        assert_eq!(dev.wait().code(), Some(0));
        terminal.is_as_it_was();
    }
}

#[test]
fn with_stdin_the_program_has_the_terminal_and_gives_it_back() {
    let project = Project::new().with_a_program_that_asks();
    let mut terminal = Terminal::open();
    let dev = project.on_a_terminal(&terminal, &["--stdin"]);
    terminal.wait_for("who are you?");
    terminal.type_("a developer\n");
    terminal.wait_for("hello, a developer");
    terminal.wait_for("generation 1 serves");
    // A newcomer that fails does not keep it.
    project.save("broken");
    terminal.wait_for("exited with status 3");
    terminal.type_("\x03");
    assert_eq!(dev.wait().code(), Some(0));
    terminal.is_as_it_was();
}

#[test]
fn a_page_in_a_browser_reloads_itself_when_a_new_generation_serves() {
    let project = Project::new().with_a_page();
    let master = project.launch_as("text");
    let script = master.log.wait_for_line("livereload.js");
    let script = script.split('"').nth(1).expect("a source");
    master.log.wait_for_line("generation 1 serves");
    let header = master.log.wait_for_line("heirloom dev  http://");
    let page = header.split_whitespace().last().expect("an address");
    let mut browser = Browser::open(&format!("{page}/?{script}"));
    assert_eq!(browser.wait_for_a_page(), "this is release 1");
    project.save("RELEASE=2");
    assert_eq!(browser.wait_for_a_page(), "this is release 2");
    project.save("broken");
    master.log.wait_for_line("exited with status 3");
    project.save("RELEASE=3");
    assert_eq!(browser.wait_for_a_page(), "this is release 3");
}
