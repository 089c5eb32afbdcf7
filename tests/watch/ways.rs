//! The table: what is done to a file that is named, and how often that is told.

use std::fs::{self, File};
use std::io::Write;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use heirloom::triggers::watch::{Pace, Selection};

use super::watched::{AT_ONCE, Place, Watched};

/// What is done, and what is told of it.
struct Way {
    name: &'static str,
    deed: fn(&Place, &mut Watched),
    told: &'static [&'static str],
}

const WAYS: [Way; 22] = [
    Way { name: "nothing", deed: |_, _| {}, told: &[] },
    Way { name: "an in-place write", deed: |place, _| place.write("config", "2"), told: &["config"] },
    Way { name: "an in-place write that changes nothing", deed: |place, _| place.write("config", "1"), told: &[] },
    Way { name: "truncated, a pause, written", deed: in_two_steps, told: &["config"] },
    Way { name: "renamed over", deed: |place, _| renamed_over(place, "config", "2"), told: &["config"] },
    Way { name: "renamed over by the same", deed: |place, _| renamed_over(place, "config", "1"), told: &[] },
    Way {
        name: "a symlink is swapped",
        deed: |place, _| place.swap("releases/2", "current"),
        told: &["current/server"],
    },
    Way {
        name: "a symlink is swapped for one to the same",
        deed: |place, _| place.swap("./releases/1", "current"),
        told: &[],
    },
    Way {
        name: "a symlink far down a chain is swapped",
        deed: |place, _| place.swap("target-2", "chain-2"),
        told: &["chain"],
    },
    Way { name: "the end of a chain is written", deed: |place, _| place.write("target-1", "3"), told: &["chain"] },
    Way { name: "Capistrano's gap: rm; ln -s", deed: with_a_gap, told: &["current/server"] },
    Way { name: "a ConfigMap is swapped", deed: |place, _| config_map(place), told: &["map/app.conf"] },
    Way { name: "deleted and recreated", deed: recreated, told: &["config"] },
    Way { name: "deleted and recreated as it was", deed: recreated_as_it_was, told: &[] },
    Way { name: "copied in slow pieces", deed: in_pieces, told: &["server"] },
    Way { name: "touched", deed: |place, _| touched(place), told: &[] },
    Way { name: "made read-only", deed: |place, _| place.mode("config", 0o444), told: &[] },
    Way {
        name: "a program is made executable for its group only",
        deed: |place, _| place.mode("server", 0o750),
        told: &[],
    },
    Way { name: "a program that is not executable yet becomes so", deed: executable_late, told: &["server"] },
    Way { name: "a directory is renamed away and back", deed: away_and_back, told: &[] },
    Way {
        name: "a directory is renamed away, and another takes its place",
        deed: replaced_directory,
        told: &["deep/er/file"],
    },
    Way { name: "a hard link takes its place", deed: |place, _| hard_link(place), told: &["config"] },
];

fn prepare(place: &Place) {
    for release in ["1", "2"] {
        place.program(&format!("releases/{release}/server"), release);
        place.write(&format!("target-{release}"), release);
        place.write(&format!("map/..{release}/app.conf"), release);
    }
    place.link("releases/1", "current");
    place.link("chain-1", "chain");
    place.link("chain-2", "chain-1");
    place.link("target-1", "chain-2");
    place.link("..1", "map/..data");
    place.link("..data/app.conf", "map/app.conf");
    place.write("config", "1");
    place.program("server", "1");
    place.write("deep/er/file", "1");
}

fn watched() -> Watched {
    Watched::files(&["current/server", "server"], &["config", "chain", "map/app.conf", "deep/er/file"], prepare)
}

#[test]
fn a_file_that_never_stops_changing_is_told_at_a_bounded_rate() {
    let pace = Pace { at_most_every: Duration::from_millis(500), ..AT_ONCE };
    let select = |place: &Place| Selection::Files(place.files(&[], &["config"]));
    let mut watched = Watched::with(pace, prepare, select);
    let place = watched.place();
    thread::scope(|scope| {
        // Dropped at the end, and when something fails.
        let (_writing, stopped) = mpsc::channel::<()>();
        scope.spawn(move || {
            let mut number = 0;
            // Closed for a moment each time: what is always open is never whole.
            while stopped.recv_timeout(Duration::from_millis(1)) == Err(mpsc::RecvTimeoutError::Timeout) {
                number += 1;
                place.write("config", &number.to_string());
            }
        });
        let mut told = Vec::new();
        while told.len() < 3 {
            assert_eq!(watched.next(), ["config"]);
            told.push(Instant::now());
        }
        // What was told late only makes the next pause look shorter, never this one.
        assert!(told[2] - told[0] >= pace.at_most_every, "{told:?}");
    });
}

#[test]
fn another_selection_takes_what_is_there_as_known() {
    let mut watched = watched();
    let place = watched.place();
    place.write("config", "2");
    place.write("beside", "1");
    watched.select(&Selection::Files(place.files(&["server"], &["config", "beside"])));
    place.swap("releases/2", "current");
    assert!(watched.told().is_empty());
    place.write("beside", "2");
    assert_eq!(watched.told(), [["beside"]]);
}

#[test]
fn each_way_in_which_a_file_changes_is_told_once() {
    for Way { name, deed, told } in WAYS {
        let mut watched = watched();
        deed(&watched.place(), &mut watched);
        let expected: Vec<Vec<&str>> = if told.is_empty() { vec![] } else { vec![told.to_vec()] };
        assert_eq!(watched.told(), expected, "{name}");
    }
}

#[test]
fn a_watch_goes_on_after_every_way() {
    for Way { name, deed, .. } in WAYS {
        let mut watched = watched();
        deed(&watched.place(), &mut watched);
        watched.told();
        let place = watched.place();
        renamed_over(&place, "config", "last");
        place.program("releases/3/server", "last");
        place.swap("releases/3", "current");
        place.write("deep/er/file", "last");
        let mut told: Vec<String> = watched.told().concat();
        told.sort();
        assert_eq!(told, ["config", "current/server", "deep/er/file"], "after: {name}");
    }
}

fn renamed_over(place: &Place, name: &str, text: &str) {
    place.write("new", text);
    place.rename("new", name);
}

fn in_two_steps(place: &Place, watched: &mut Watched) {
    let mut file = File::create(place.at("config")).expect("a file");
    assert!(watched.told().is_empty(), "while it is empty and open");
    file.write_all(b"2").expect("a write");
}

fn with_a_gap(place: &Place, _: &mut Watched) {
    place.remove("current");
    place.link("releases/2", "current");
}

fn config_map(place: &Place) {
    place.link("..2", "map/..data_tmp");
    place.rename("map/..data_tmp", "map/..data");
    fs::remove_dir_all(place.at("map/..1")).expect("it is there");
}

fn recreated(place: &Place, watched: &mut Watched) {
    place.remove("config");
    assert!(watched.told().is_empty(), "while it is gone");
    place.write("config", "2");
}

fn recreated_as_it_was(place: &Place, watched: &mut Watched) {
    place.remove("config");
    assert!(watched.told().is_empty(), "while it is gone");
    place.write("config", "1");
}

/// Nothing is told while the program cannot be executed, not even of the file beside: so nobody can wait for that here.
fn in_pieces(place: &Place, _: &mut Watched) {
    place.remove("server"); // nobody executes it, but a copy in place would be no other
    let mut file = File::create(place.at("server")).expect("a file");
    place.mode("server", 0o755);
    for piece in 0..200 {
        file.write_all(format!("piece {piece}\n").repeat(1000).as_bytes()).expect("a write");
    }
}

fn touched(place: &Place) {
    for name in ["config", "server", "map/app.conf", "releases/1/server"] {
        let file = File::options().write(true).open(place.at(name)).expect("it is there");
        file.set_modified(SystemTime::now()).expect("its time");
    }
}

fn executable_late(place: &Place, _: &mut Watched) {
    place.write("new", "2");
    place.mode("new", 0o644);
    place.rename("new", "server");
    place.mode("server", 0o755);
}

fn away_and_back(place: &Place, watched: &mut Watched) {
    for directory in ["deep", "releases", "deep/er"] {
        place.rename(directory, "away");
        if directory == "deep" {
            assert!(watched.told().is_empty(), "while {directory} is away");
        }
        place.rename("away", directory);
    }
}

fn replaced_directory(place: &Place, watched: &mut Watched) {
    place.rename("deep", "away");
    assert!(watched.told().is_empty(), "while it is away");
    place.write("other/er/file", "2");
    place.rename("other", "deep");
    place.write("away/er/file", "3"); // nobody is interested in that any more
}

fn hard_link(place: &Place) {
    place.write("new", "2");
    place.remove("config");
    fs::hard_link(place.at("new"), place.at("config")).expect("a link");
}
