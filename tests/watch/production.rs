//! `heirloom run --watch-binary --watch PATH`: real masters, that reload by themselves.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;

use heirloom::supervision::{GenerationId, Notice};

use super::support::{Master, Setup, get, test_worker};

/// A release: a directory with a program in it, whose content is its own.
fn release(place: &Path, number: u32) {
    let directory = place.join("releases").join(number.to_string());
    fs::create_dir_all(&directory).expect("a directory");
    fs::copy(test_worker(), directory.join("web")).expect("a copy");
    let mut program = File::options().append(true).open(directory.join("web")).expect("it is there");
    write!(program, "release {number}").expect("what stands behind a program does not matter to it");
}

/// Four releases, the first of them current.
fn setup(options: &str) -> Setup {
    let setup = Setup::tcp().brisk().program_at("./current/web").option("--config", "watch.toml");
    let place = setup.place.path();
    fs::write(place.join("watch.toml"), format!("command = [\"false\"]\n[watch]\n{options}")).expect("a file");
    (1..=4).for_each(|number| release(place, number));
    symlink("releases/1", place.join("current")).expect("a symlink");
    fs::write(place.join("app.conf"), "one").expect("a file");
    setup
}

fn deploy(master: &Master, number: u32) {
    symlink(format!("releases/{number}"), master.path("next")).expect("a symlink");
    fs::rename(master.path("next"), master.path("current")).expect("a rename");
}

/// By whom the generations were wanted so far, the first left out.
fn wanted_by(master: &Master) -> Vec<String> {
    let origin = |(notice, _)| match notice {
        Notice::Rising { origin, .. } | Notice::Remembered { origin, .. } => Some(origin.to_string()),
        _ => None,
    };
    master.notices().into_iter().filter_map(origin).skip(1).collect()
}

const PROGRAM: &str = "a change of ./current/web";
const SOON: &str = "binary = true\nquiet = \"50ms\"\nat_most_every = 0\n";

#[test]
fn a_deployment_is_a_reload_by_itself_and_so_is_what_comes_after() {
    let master = setup(SOON).start();
    for number in [2, 3] {
        deploy(&master, number);
        assert_eq!(master.wait_for_promotion().0, GenerationId(number));
        assert_eq!(get(&master.target(), "/").0.generation, number);
    }
    // Nobody runs the first release any more; what the symlink leads to now counts.
    fs::remove_file(master.path("releases/1/web")).expect("it is there");
    fs::rename(master.path("releases/4/web"), master.path("releases/3/web")).expect("a rename");
    assert_eq!(master.wait_for_promotion().0, GenerationId(4));
    assert_eq!(wanted_by(&master), [PROGRAM; 3]);
}

#[test]
fn a_named_file_is_watched_by_a_flag() {
    let master = setup("quiet = \"50ms\"\nat_most_every = 0\n").option("--watch", "app.conf").start();
    deploy(&master, 2); // the program is not watched
    fs::write(master.path("app.conf"), "two").expect("a file");
    master.wait_for_promotion();
    assert_eq!(wanted_by(&master), ["a change of ./app.conf"]);
}

#[test]
fn a_reload_that_was_asked_for_is_not_done_twice() {
    // So patient that SIGHUP is always sooner.
    let master = setup("binary = true\nquiet = \"3s\"\nat_most_every = 0\n").option("--watch", "app.conf").start();
    deploy(&master, 2);
    master.reload();
    fs::write(master.path("app.conf"), "two").expect("a file");
    master.wait_for_promotion();
    let wanted = wanted_by(&master);
    assert!(wanted[0].starts_with("SIGHUP"), "{wanted:?}");
    assert_eq!(wanted[1..], ["a change of ./app.conf"]);
}

#[test]
fn a_program_that_is_copied_slowly_is_started_when_it_is_whole() {
    let master = setup(SOON).option("--watch", "app.conf").start();
    let program = fs::read(master.path("releases/2/web")).expect("it is there");
    fs::remove_file(master.path("releases/1/web")).expect("it is there");
    let mut copy = File::create(master.path("releases/1/web")).expect("a file");
    fs::set_permissions(master.path("releases/1/web"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("its mode");
    for (number, piece) in program.chunks(program.len() / 20).enumerate() {
        copy.write_all(piece).expect("a write");
        fs::write(master.path("app.conf"), number.to_string()).expect("a file"); // it waits for the program
    }
    drop(copy);
    assert_eq!(master.wait_for_promotion().0, GenerationId(2));
    fs::write(master.path("app.conf"), "the end").expect("a file");
    master.wait_for_promotion();
    assert_eq!(wanted_by(&master), ["a change of ./app.conf and ./current/web", "a change of ./app.conf"]);
}

#[test]
fn what_is_watched_is_read_anew_with_each_reload() {
    let master = setup("quiet = \"50ms\"\nat_most_every = 0\n").start();
    let text = format!("command = [\"false\"]\n[watch]\n{SOON}paths = [\"app.conf\"]\n");
    fs::write(master.path("watch.toml"), text).expect("a file");
    deploy(&master, 2);
    master.reload();
    deploy(&master, 3);
    master.wait_for_promotion();
    fs::write(master.path("app.conf"), "two").expect("a file");
    master.wait_for_promotion();
    assert_eq!(wanted_by(&master)[1..], [PROGRAM, "a change of ./app.conf"]);
}

#[test]
fn a_watcher_that_nothing_happens_to_sleeps_without_an_end() {
    let master = setup(SOON).option("--watch", "app.conf").start();
    deploy(&master, 2);
    master.wait_for_promotion();
    let threads = fs::read_dir(format!("/proc/{}/task", master.pid())).expect("it runs");
    let mut asleep = Vec::new();
    for thread in threads.flatten() {
        let name = fs::read_to_string(thread.path().join("comm")).expect("a thread");
        if ["watch", "notify-rs inoti"].contains(&name.trim()) {
            asleep.push((name.trim().to_owned(), wait_until_asleep_for_ever(&thread.path())));
        }
    }
    asleep.sort();
    assert_eq!(asleep.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["notify-rs inoti", "watch"]);
}

/// A futex or an epoll without a time limit.
fn wait_until_asleep_for_ever(thread: &Path) -> String {
    let end = std::time::Instant::now() + super::support::LIMIT;
    loop {
        let call = fs::read_to_string(thread.join("syscall")).expect("it is our child's");
        let words: Vec<&str> = call.split_whitespace().collect();
        let limit = words.get(4).copied().unwrap_or_default();
        match words.first().and_then(|number| number.parse::<i64>().ok()) {
            Some(nix::libc::SYS_futex) if limit == "0x0" => return call,
            Some(nix::libc::SYS_epoll_wait | nix::libc::SYS_epoll_pwait) if limit.ends_with("ffffffff") => return call,
            _ => assert!(std::time::Instant::now() < end, "it is not asleep, or not for ever: {call}"),
        }
        std::thread::yield_now();
    }
}

/// In a namespace of its own, where it may have fewer watches, or instances, than it needs.
fn with_few(limit: &str) -> Setup {
    let script = format!("echo {limit} && exec \"$@\"");
    let wrapper = ["unshare", "--user", "--map-root-user", "sh", "-c", &script, "sh"];
    setup("binary = true\nquiet = \"50ms\"\nat_most_every = 0\n").through(&wrapper)
}

#[test]
fn where_there_are_no_watches_left_it_polls_and_says_so() {
    let master = with_few("2 > /proc/sys/user/max_inotify_watches").start();
    master.log.wait_for_line("there are no watches left (fs.inotify.max_user_watches); it is looked at every 2s");
    deploy(&master, 2);
    master.wait_for_promotion();
    assert_eq!(wanted_by(&master), [PROGRAM]);
}

#[test]
fn where_there_is_no_inotify_it_polls_and_says_so() {
    let master = with_few("0 > /proc/sys/user/max_inotify_instances").start();
    master.log.wait_for_line("this user has no inotify instance left");
    deploy(&master, 2);
    master.wait_for_promotion();
    assert_eq!(wanted_by(&master), [PROGRAM]);
}
