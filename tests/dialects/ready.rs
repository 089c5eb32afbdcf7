//! READY=1 is believed when somebody accepts; RELOADING=1 and STOPPING=1 are noticed.

use heirloom::master::{Deed, Evidence};
use heirloom::supervision::{Exit, GenerationId, Reason};

use crate::servers::{evidence, file, python_with_servers, script, setup};
use crate::support::{Gate, LIMIT, load};

/// Without `--preload`, gunicorn says READY=1 before it has loaded the application.
#[test]
fn a_broken_application_that_is_said_to_be_ready_meets_no_client() {
    let (python, tests) = (python_with_servers(), file(""));
    let master = setup(&[&python, "-m", "gunicorn", "--chdir", &tests, "app:wsgi"]).workers(2).start();
    let load = load(&master, 8);
    load.wait_for(50, LIMIT).expect("it is served");
    master.release(2, "broken");
    master.hup();
    let (_, reason, last_lines) = master.wait_until_given_up();
    assert!(matches!(reason, Reason::Exited { exit: Exit::Status(3), .. }), "{reason:?}");
    assert!(last_lines.iter().any(|line| line.contains("Worker failed to boot")), "{last_lines:?}");
    master.wait_until_gone(GenerationId(2));
    assert_eq!(evidence(&master).iter().filter(|it| **it == Evidence::Confirmed).count(), 1);
    let answered = load.tally().answered;
    load.wait_for(answered + 50, LIMIT).expect("it is served");
    let tally = load.stop();
    assert_eq!(tally.failures(), 0, "{tally}");
    assert!(tally.by_answer.keys().all(|answer| answer.starts_with("1.")), "{tally}");
    master.release(3, "");
    master.reload();
}

#[test]
fn a_newcomer_that_says_that_it_is_ready_and_accepts_nobody_is_given_up() {
    let setup = script("notifies.py", &["--deaf"]).option("--ready-grace", "2s");
    let gate = Gate::in_directory(setup.place.path());
    let master = setup.launch();
    let _open = gate.open();
    let (_, reason, _) = master.wait_until_given_up();
    assert!(matches!(reason, Reason::NotReady { .. }), "{reason:?}");
    assert!(reason.to_string().ends_with("it said READY=1, but nobody accepts on http"), "{reason}");
    assert_eq!(evidence(&master), [] as [Evidence; 0]);
    assert_eq!(master.wait().code(), Some(1));
}

#[test]
fn every_listener_that_a_newcomer_was_given_has_to_be_accepted_from() {
    let mut setup = script("listen_on_first.py", &[]).option("--ready-grace", "2s");
    setup.listen("admin=127.0.0.1:0");
    let master = setup.launch();
    let (_, reason, _) = master.wait_until_given_up();
    assert!(reason.to_string().ends_with("it said READY=1, but nobody accepts on admin"), "{reason}");
    assert_eq!(master.wait().code(), Some(1));
}

#[test]
fn a_newcomer_that_says_that_it_stops_is_not_waited_for() {
    let setup = script("notifies.py", &["STOPPING=1"]);
    let _gate = Gate::in_directory(setup.place.path());
    let master = setup.launch();
    let (_, reason, _) = master.wait_until_given_up();
    assert!(reason.to_string().contains("STOPPING=1 before it was ready"), "{reason}");
    assert_eq!(master.wait().code(), Some(1));
}

#[test]
fn that_a_worker_reloads_and_has_reloaded_is_noticed() {
    let setup = script("notifies.py", &["RELOADING=1\nMONOTONIC_USEC=1"]);
    let gate = Gate::in_directory(setup.place.path());
    let master = setup.launch();
    master.wait_for_deed("its reload", |deed| matches!(deed, Deed::WorkerReloads { .. }).then_some(()));
    let _open = gate.open();
    master.wait_for_deed("the reload's end", |deed| matches!(deed, Deed::WorkerReloaded { .. }).then_some(()));
    master.wait_for_promotion();
}
