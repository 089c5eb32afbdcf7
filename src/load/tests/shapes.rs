//! The shapes a load can have: a closed loop, a burst, a held request; and what can be asked while it runs.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::time::{Duration, Instant};

use super::super::{Burst, Failure, Held, HoldError, Load, Manner, Outcome, Plan, StartError, Target};
use super::server::{self, ANSWER, answer, closed_port, read_head, will_reset};
use super::{ANSWERED, GENEROUS, KEEP_ALIVE};

fn friendly() -> Target {
    server::tcp(|mut stream, _| while answer(&mut stream, ANSWER) {})
}

#[test]
fn a_load_goes_on_until_it_is_stopped_and_then_no_request_is_lost() {
    let load = Load::start(Plan { clients: 8, ..Plan::on(friendly()) }).unwrap();
    let early = load.wait_for(100, GENEROUS).unwrap();
    assert!(early.answered >= 100, "{early}");
    let tally = load.stop();
    assert!(tally.answered >= early.answered, "{tally}");
    assert_eq!(tally.failures(), 0, "{tally}");
    assert_eq!(load.stop(), tally, "stopped twice");
    assert_eq!(load.tally(), tally);
}

#[test]
fn a_load_with_an_end_sends_exactly_so_many_requests() {
    let load = Load::start(Plan { clients: 8, most: Some(101), ..Plan::on(friendly()) }).unwrap();
    let tally = load.wait_for_the_end(GENEROUS).unwrap();
    assert_eq!(tally.ended(), 101, "{tally}");
    assert!(load.wait_for(102, GENEROUS).unwrap_err().is_over);
}

#[test]
fn who_waits_too_long_is_told_how_far_it_came() {
    let target = server::tcp(|mut stream, _| drop(read_head(&mut stream)));
    let load = Load::start(Plan { most: Some(1), ..Plan::on(target) }).unwrap();
    let overdue = load.wait_for(5, GENEROUS).unwrap_err();
    assert_eq!(
        overdue.to_string(),
        "waited for 5 answers, but the load is over: \
         0 answered, 1 failed (1 closed before the answer), 0 closed stale, over 1 connections"
    );
}

#[test]
fn a_thinking_client_is_woken_by_the_stop() {
    let load =
        Load::start(Plan { think: Duration::from_secs(3600)..=Duration::from_secs(7200), ..Plan::on(friendly()) })
            .unwrap();
    load.wait_for(1, GENEROUS).unwrap();
    assert_eq!(load.stop().answered, 1);
}

#[test]
fn in_a_pause_no_request_is_under_way_and_after_it_they_go_on() {
    let under_way = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&under_way);
    let target = server::tcp(move |mut stream, _| {
        while read_head(&mut stream).is_some() {
            seen.fetch_add(1, Ordering::SeqCst);
            std::thread::yield_now();
            seen.fetch_sub(1, Ordering::SeqCst);
            if stream.write_all(ANSWER.as_bytes()).is_err() {
                return;
            }
        }
    });
    let load = Load::start(Plan { clients: 8, manner: KEEP_ALIVE, ..Plan::on(target) }).unwrap();
    for round in 1..=20 {
        let before = load.wait_for(round * 20, GENEROUS).unwrap();
        let pause = load.pause();
        let ended = load.tally().ended();
        assert!(ended >= before.ended());
        assert_eq!(under_way.load(Ordering::SeqCst), 0);
        (0..100).for_each(|_| std::thread::yield_now());
        assert_eq!(load.tally().ended(), ended, "somebody has asked in the pause");
        drop(pause);
    }
    assert_eq!(load.stop().failures(), 0);
}

#[test]
fn a_stop_lets_the_request_under_way_be_answered() {
    let (arrived, has_arrived) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let may_go_on = Mutex::new(may_go_on);
    let target = server::tcp(move |mut stream, _| {
        read_head(&mut stream);
        arrived.send(()).unwrap();
        let _ = may_go_on.lock().unwrap().recv();
        stream.write_all(ANSWER.as_bytes()).unwrap();
    });
    let load = Arc::new(Load::start(Plan::on(target)).unwrap());
    has_arrived.recv().unwrap();
    let stopping = std::thread::spawn({
        let load = Arc::clone(&load);
        move || load.stop()
    });
    drop(go_on);
    let tally = stopping.join().unwrap();
    assert_eq!(tally.failures(), 0, "{tally}");
    assert!(tally.answered >= 1, "{tally}");
}

#[test]
fn a_journal_tells_who_answered_after_an_instant() {
    let load = Load::start(Plan { clients: 4, journal: true, ..Plan::on(friendly()) }).unwrap();
    load.wait_for(10, GENEROUS).unwrap();
    let instant = Instant::now();
    let seen = load.tally().answered;
    load.wait_for(seen + 20, GENEROUS).unwrap();
    let tally = load.stop();
    let journal = load.journal();
    assert_eq!(journal.entries.len() as u64, tally.ended());
    assert_eq!(journal.left_out, 0);
    let later: Vec<_> = journal.started_from(instant).collect();
    assert!(later.len() >= 16, "at most 4 of 20 were under way: {}", later.len());
    assert!(later.iter().all(|entry| entry.answer == "1.0 77"));
    assert!(later.iter().all(|entry| entry.outcome == ANSWERED));
}

#[test]
fn without_a_journal_nothing_is_kept() {
    let load = Load::start(Plan { most: Some(1), ..Plan::on(friendly()) }).unwrap();
    load.wait_for_the_end(GENEROUS).unwrap();
    assert!(load.journal().entries.is_empty());
}

#[test]
fn a_burst_of_100_is_there_all_at_once() {
    let all = Barrier::new(100);
    let target = server::tcp(move |mut stream, _| {
        read_head(&mut stream);
        all.wait();
        stream.write_all(ANSWER.as_bytes()).unwrap();
    });
    let burst = Burst::start(Plan { clients: 100, journal: true, ..Plan::on(target) }).unwrap();
    let (tally, journal) = burst.finish();
    assert_eq!((tally.answered, tally.connections), (100, 100), "{tally}");
    assert_eq!(journal.entries.len(), 100);
}

#[test]
fn a_burst_sorts_each_request_by_how_it_ended() {
    let target = server::tcp(|mut stream, number| {
        read_head(&mut stream);
        match number % 2 {
            0 => stream.write_all(ANSWER.as_bytes()).unwrap(),
            _ => will_reset(&stream),
        }
    });
    let plan = Plan { clients: 50, manner: Manner::Http2, ..Plan::on(target) };
    let (tally, _) = Burst::start(plan).unwrap().finish();
    assert_eq!(tally.answered, 25, "{tally}");
    assert_eq!(tally.failed, [(Failure::ResetBeforeAnswer, 25)].into(), "{tally}");

    let plan = Plan { clients: 10, ..Plan::on(closed_port()) };
    let (tally, _) = Burst::start(plan).unwrap().finish();
    assert_eq!(tally.failed, [(Failure::Refused, 10)].into(), "{tally}");
}

#[test]
fn a_held_request_is_not_complete_until_it_is_finished() {
    let (arrived, has_arrived) = mpsc::channel();
    let target = server::tcp(move |mut stream, _| {
        arrived.send(read_head(&mut stream).unwrap()).unwrap();
        stream.write_all(ANSWER.as_bytes()).unwrap();
    });
    let held = Held::open(target, "/held").unwrap();
    assert!(has_arrived.try_recv().is_err(), "the head has no end yet");
    let entry = held.finish();
    let head = has_arrived.recv().unwrap();
    assert!(head.starts_with("GET /held HTTP/1.1\r\n"), "{head}");
    assert_eq!((entry.outcome, entry.answer.as_str()), (ANSWERED, "1.0 77"));
}

#[test]
fn a_held_request_that_the_server_closes_has_that_outcome() {
    for (resets, failure) in [(false, Failure::ClosedBeforeAnswer), (true, Failure::ResetBeforeAnswer)] {
        let (closed, is_closed) = mpsc::channel();
        let target = server::tcp(move |mut stream, _| {
            let mut head = vec![0; 1000];
            let mut read = 0;
            while !head[..read].ends_with(b"close\r\n") {
                read += std::io::Read::read(&mut stream, &mut head[read..]).unwrap();
            }
            if resets {
                will_reset(&stream);
            }
            drop(stream);
            closed.send(()).unwrap();
        });
        let held = Held::open(target, "/").unwrap();
        is_closed.recv().unwrap();
        assert_eq!(held.finish().outcome, Outcome::Failed(failure));
    }
}

#[test]
fn a_request_that_cannot_be_held_says_why() {
    let refused = Held::open(closed_port(), "/").unwrap_err();
    assert!(matches!(refused, HoldError::Ended(Failure::Refused)), "{refused:?}");
    let elsewhere = Target::Tcp("192.0.2.1:80".parse().unwrap());
    let refused = Held::open(elsewhere, "/").unwrap_err();
    let is_elsewhere = matches!(refused, HoldError::Start(StartError::NotLoopback { .. }));
    assert!(is_elsewhere, "{refused:?}");
}

#[test]
fn a_held_request_that_is_dropped_closes_its_connection() {
    let (ended, has_ended) = mpsc::channel();
    let target = server::tcp(move |mut stream, _| {
        ended.send(read_head(&mut stream)).unwrap();
    });
    drop(Held::open(target, "/").unwrap());
    assert_eq!(has_ended.recv().unwrap(), None);
}

#[tokio::test]
async fn a_load_can_be_used_from_inside_a_runtime() {
    let load = Load::start(Plan::on(friendly())).unwrap();
    load.wait_for(3, GENEROUS).unwrap();
    assert_eq!(load.stop().failures(), 0);
    let target = friendly();
    assert_eq!(Held::open(target.clone(), "/").unwrap().finish().outcome, ANSWERED);
    let (tally, _) = Burst::start(Plan::on(target)).unwrap().finish();
    assert_eq!(tally.answered, 1);
}
