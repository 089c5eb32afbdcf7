//! The promise: a master does nothing when nothing happens, and nothing of what it does stays behind.

mod support;

use std::collections::BTreeSet;
use std::fs;

use heirloom::master::{Deed, Stream};
use heirloom::supervision::{GenerationId, Notice};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use support::{Gate, LIMIT, Listening, Master, Setup, children_of, descriptors_of, get, load, zombies_of};

/// How often its threads have gone to sleep because there was nothing to do.
fn times_it_went_to_sleep(pid: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("it is there");
    let of_thread = |entry: std::io::Result<fs::DirEntry>| {
        let status = fs::read_to_string(entry.ok()?.path().join("status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse::<u64>().ok())
    };
    threads.filter_map(of_thread).sum()
}

#[test]
fn the_master_sleeps_while_workers_serve() {
    for listening in [Listening::Tcp, Listening::Unix] {
        let master = Setup::on(listening).brisk().workers(2).start();
        // Also where lanes are watched that were retired.
        master.reload();
        master.wait_until_gone(GenerationId(1));
        let load = load(&master, 8);
        load.wait_for(500, LIMIT).expect("it is served");
        let before = times_it_went_to_sleep(master.pid());
        load.wait_for(load.tally().answered + 3000, LIMIT).expect("it is served");
        let after = times_it_went_to_sleep(master.pid());
        assert_eq!(load.stop().failures(), 0);
        // The threads that look things up end when they were idle for long.
        assert!(after <= before + 5, "it woke up {} times while 3000 requests were served", after - before);
    }
}

/// Resident memory that is the process's own, in KiB: pages of its program come and go as the master drops them.
fn memory_of(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it is there");
    let resident = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("a line");
    resident.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Descriptors by their kind: the inodes change with the workers.
fn kinds(pid: u32) -> Vec<String> {
    let kind = |what: String| what.split_once(":[").map_or(what.clone(), |(kind, _)| kind.to_owned());
    descriptors_of(pid).into_iter().map(kind).collect()
}

#[test]
fn after_a_hundred_reloads_descriptors_and_memory_are_what_they_were_after_a_few() {
    for listening in [Listening::Tcp, Listening::Unix] {
        let master = Setup::on(listening).option("--settle", "0").option("--warm", "0").start();
        let reload = || {
            let generation = master.reload();
            master.wait_until_gone(GenerationId(generation.0 - 1));
        };
        (0..5).for_each(|_| reload());
        let (descriptors, memory) = (kinds(master.pid()), memory_of(master.pid()));
        (0..100).for_each(|_| reload());
        assert_eq!(kinds(master.pid()), descriptors);
        let after = memory_of(master.pid());
        // The history and the newest notices are kept, some KiB for a reload.
        assert!(after <= memory + 1024, "{memory} KiB became {after} KiB");
        assert_eq!(children_of(master.pid()).len(), 1, "one worker, and nothing that was not reaped");
    }
}

#[test]
fn what_a_worker_finds_open_is_its_three_streams_and_the_channel() {
    // Whoever started the master may have left something open for it; it is not for the workers.
    let setup = Setup::tcp().option("--dialect", "query");
    let setup = setup.through(&["sh", "-c", "exec \"$0\" \"$@\" 7</dev/zero 9</dev/zero"]);
    let master = setup.start();
    let (_, descriptors) = get(&master.target(), "/descriptors");
    let [input, output, error, channel] = &descriptors[..] else { panic!("{descriptors:?}") };
    assert_eq!(input, "0 /dev/null");
    assert!(output.starts_with("1 pipe:") && error.starts_with("2 pipe:"), "{descriptors:?}");
    assert!(channel.starts_with("3 socket:"), "{descriptors:?}");
}

#[test]
fn what_a_worker_finds_in_its_environment_is_the_masters_the_files_and_who_it_is() {
    let setup = Setup::tcp().option("--dialect", "query");
    let mut command = setup.command("json");
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HEIRLOOM_GENERATION", "77").env("NOTIFY_SOCKET", "/run/none");
    let (name, value) = setup.mark.split_once('=').expect("a mark is a variable");
    command.env(name, value).env("HEIRLOOM_SOCKET", setup.path("control.sock"));
    let master = Master::start(setup, command);
    master.wait_for_promotion();
    let (_, variables) = get(&master.target(), "/environment");
    let names: BTreeSet<&str> = variables.iter().filter_map(|it| Some(it.split_once('=')?.0)).collect();
    let who = ["HEIRLOOM_CHANNEL", "HEIRLOOM_GENERATION", "HEIRLOOM_SLOT", "HEIRLOOM_WORKER"];
    let wanted = who.into_iter().chain(["PATH", "PWD", "HEIRLOOM_TEST", "RELEASE", "CONDUCT"]);
    assert_eq!(names, wanted.collect());
    assert!(variables.contains(&"HEIRLOOM_GENERATION=1".to_owned()), "{variables:?}");
}

#[test]
fn each_generation_has_the_variables_that_the_file_held_when_it_rose() {
    let master = Setup::tcp().brisk().start();
    for release in 2..5 {
        master.release(release, "");
        assert_eq!(get(&master.target(), "/").0.release, (release - 1).to_string());
        master.reload();
        assert_eq!(get(&master.target(), "/").0.release, release.to_string());
    }
}

#[test]
fn what_a_worker_left_behind_is_reaped_when_it_ends() {
    let setup = Setup::tcp();
    let gate = Gate::in_directory(setup.place.path());
    let alive = setup.path("alive");
    nix::unistd::mkfifo(&alive, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    let master = setup.start();
    get(&master.target(), "/orphan");
    // The orphan has the other end, and nobody else: end of file means that it has ended.
    let mut its_end = fs::File::open(alive).expect("the pipe is there");
    assert_eq!(children_of(master.pid()).len(), 2, "the worker, and what it left behind");
    gate.let_one_in();
    std::io::Read::read_to_end(&mut its_end, &mut Vec::new()).expect("it can be read");
    // A command that comes in after the signal that tells of an ended child.
    master.signal(Signal::SIGTTIN);
    master.wait_until_ready();
    assert_eq!(zombies_of(master.pid()), [] as [u32; 0]);
    assert_eq!(children_of(master.pid()).len(), 2, "two workers");
}

#[test]
fn what_workers_write_is_told_with_who_wrote_it() {
    let master = Setup::tcp().brisk().start();
    get(&master.target(), "/print?one");
    for (wanted, stream) in [("one", Stream::Output), ("one again", Stream::Error)] {
        let found = master.wait_for_deed(wanted, |deed| match deed {
            Deed::Line { generation: GenerationId(1), slot, stream, line } if line == wanted => Some((slot.0, *stream)),
            _ => None,
        });
        assert_eq!(found, (0, stream));
    }
}

#[test]
fn what_workers_write_is_tagged_and_goes_where_they_wrote_it() {
    let setup = Setup::unix();
    let target = heirloom::load::Target::from(setup.path("sockets/http"));
    let master = {
        let command = setup.command("text");
        Master::start(setup, command)
    };
    master.log.wait_for_line("generation 1 serves");
    get(&target, "/print?one");
    master.log.wait_for_line("1.0 | one");
    master.log.wait_for_line("1.0 | one again");
    let on_error = master.log.error_lines();
    assert!(on_error.contains(&"1.0 | one again".to_owned()), "{on_error:?}");
    assert!(!on_error.contains(&"1.0 | one".to_owned()), "{on_error:?}");
    assert!(on_error.contains(&"heirloom | generation 1 serves".to_owned()), "{on_error:?}");
    assert_eq!(master.finish().code(), Some(0));
}

#[test]
fn a_pid_file_names_the_master_and_goes_with_it() {
    let setup = Setup::tcp();
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("pid");
    let master = setup.option("--pid-file", &path).start();
    assert_eq!(fs::read_to_string(&path).expect("it is there"), format!("{}\n", master.pid()));
    assert_eq!(master.finish().code(), Some(0));
    assert!(!path.exists());
}

#[test]
fn workers_lead_sessions_of_their_own_and_hear_no_signal_that_is_meant_for_the_master() {
    let master = Setup::tcp().workers(2).start();
    for (_, pid) in master.workers_of(GenerationId(1)) {
        let pid = Pid::from_raw(pid.cast_signed());
        assert_eq!(nix::unistd::getsid(Some(pid)), Ok(pid));
    }
}

#[test]
fn every_generation_but_the_last_is_told_to_be_gone() {
    let master = Setup::unix().brisk().start();
    (0..3).for_each(|_| assert!(master.reload().0 > 1));
    (1..=3).for_each(|generation| master.wait_until_gone(GenerationId(generation)));
    let gone = |notice: &Notice| matches!(notice, Notice::Gone { .. });
    assert_eq!(master.notices().iter().filter(|(notice, _)| gone(notice)).count(), 3);
}

#[test]
fn a_master_ends_though_nobody_reads_what_it_prints() {
    // More than the pipes on the way hold, and fewer lines than the master takes in when nobody reads.
    let line = "x".repeat(100);
    let talk = format!("i=0; while [ $i -lt 3000 ]; do echo {line}; i=$((i+1)); done; echo > gate; exec sleep 1000");
    let setup = Setup::bare(Listening::Tcp).program(&["sh", "-c", &talk]);
    let _gate = Gate::in_directory(setup.place.path());
    let mut child = setup.command("json").spawn().expect("it starts");
    fs::read(setup.path("gate")).expect("the worker has said all");
    nix::sys::signal::kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).expect("it is there");
    let (say, ended) = std::sync::mpsc::channel();
    let output = (child.stdout.take(), child.stderr.take());
    std::thread::spawn(move || say.send(child.wait()));
    let status = ended.recv_timeout(LIMIT).expect("it ends").expect("it is our child");
    assert_eq!(status.code(), Some(0));
    drop(output);
    assert_eq!(support::marked_processes(&setup.mark), [] as [String; 0]);
}
