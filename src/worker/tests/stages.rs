use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_worker_is_promoted_made_lame_resumed_and_drained() {
    let (mut master, worker) = joined();
    let mut stages = worker.stages();
    assert_eq!(stages.now(), Stage::Waiting);

    master.say(MasterMessage::Promoted);
    assert_eq!(soon(stages.changed()).await, Stage::Serving);
    soon(worker.promoted()).await;

    master.say(MasterMessage::LameDuck { linger_ms: 5000 });
    assert_eq!(soon(stages.changed()).await, Stage::LameDuck { linger: 5 * SECOND });
    assert_eq!(soon(worker.lame_duck()).await, 5 * SECOND);

    master.say(MasterMessage::Resume);
    assert_eq!(soon(stages.changed()).await, Stage::Serving);

    master.say(MasterMessage::Drain { grace_ms: 30_000 });
    assert_eq!(soon(stages.changed()).await, Stage::Draining { grace: 30 * SECOND });
    assert_eq!(soon(worker.draining()).await, 30 * SECOND);
    assert_eq!(soon(worker.lame_duck()).await, Duration::ZERO);
    assert_eq!(master.heard(), WorkerMessage::Draining);
}

#[tokio::test]
async fn a_worker_that_drains_is_not_called_back() {
    let (mut master, worker) = joined();
    master.say(MasterMessage::Drain { grace_ms: 1000 });
    master.say(MasterMessage::Promoted);
    master.say(MasterMessage::LameDuck { linger_ms: 1 });
    master.say(MasterMessage::Resume);
    assert_eq!(master.heard(), WorkerMessage::Draining);
    master.is_heard();
    assert_eq!(worker.stage(), Stage::Draining { grace: SECOND });
}

#[tokio::test]
async fn a_change_after_the_call_is_not_missed() {
    let (mut master, worker) = joined();
    let changed = worker.stage_changed();
    master.say(MasterMessage::Promoted);
    master.is_heard();
    assert_eq!(soon(changed).await, Stage::Serving);
}

#[test]
fn a_worker_says_once_that_it_is_ready() {
    let (mut master, worker) = joined();
    worker.ready().unwrap();
    worker.clone().ready().unwrap();
    assert_eq!(master.heard(), WorkerMessage::Ready);
    master.is_heard();
}

#[test]
fn a_worker_knows_who_it_is() {
    let (_master, worker) = joined();
    assert_eq!((worker.id(), worker.generation(), worker.slot()), (Some(7), Some(2), Some(0)));
    assert!(worker.is_supervised());
}

#[tokio::test]
async fn a_worker_that_drains_of_its_own_accord_tells_its_master_once() {
    let (mut master, worker) = joined();
    worker.drain(SECOND);
    assert_eq!(master.heard(), WorkerMessage::Draining);
    assert_eq!(soon(worker.draining()).await, SECOND);
    master.say(MasterMessage::Drain { grace_ms: 2000 });
    master.is_heard();
    assert_eq!(worker.stage(), Stage::Draining { grace: 2 * SECOND });
}

#[tokio::test]
async fn a_worker_without_its_master_goes_on_serving() {
    let (master, worker) = joined();
    let changed = worker.stage_changed();
    drop(master);
    assert_eq!(soon(changed).await, Stage::MasterGone);
    assert!(matches!(worker.ready(), Err(ReadyError::MasterGone)));
    assert!(matches!(worker.listen(0).await, Err(ListenError::MasterGone { .. })));
    worker.status(Status::default());
}

#[tokio::test]
async fn a_worker_drains_without_its_master_if_that_was_chosen() {
    let (master, worker) = joined();
    worker.on_master_death(OnMasterDeath::Drain);
    let changed = worker.stage_changed();
    drop(master);
    assert!(soon(changed).await.is_draining());
}

#[tokio::test]
async fn the_choice_may_be_made_when_the_master_is_gone_already() {
    let (master, worker) = joined();
    let changed = worker.stage_changed();
    drop(master);
    soon(changed).await;
    worker.on_master_death(OnMasterDeath::Drain);
    soon(worker.draining()).await;
}

#[test]
fn a_worker_exits_without_its_master_if_that_was_chosen() {
    match std::env::var(PART) {
        Ok(_) => {
            let (master, worker) = joined();
            worker.on_master_death(OnMasterDeath::Exit);
            drop(master);
            thread::park_timeout(LIMIT);
            panic!("the worker goes on");
        }
        Err(_) => {
            let output = again("stages::a_worker_exits_without_its_master_if_that_was_chosen", "worker").output();
            assert_eq!(output.unwrap().status.code(), Some(1));
        }
    }
}

#[tokio::test]
async fn the_last_words_of_a_master_are_heard() {
    let (mut master, worker) = joined();
    worker.ready().unwrap();
    master.say(MasterMessage::Drain { grace_ms: 1000 });
    drop(master);
    assert_eq!(soon(worker.draining()).await, SECOND);
}

#[test]
fn a_status_is_told_and_its_text_is_cut_off() {
    let (master, worker) = joined();
    let text = Some("ü".repeat(MAX_PACKET));
    worker.status(Status { text, requests: Some(3), ..Status::default() });
    let WorkerMessage::Status(status) = master.heard() else { panic!("that was no status") };
    assert_eq!(status.requests, Some(3));
    assert_eq!(status.text.unwrap().len(), 1024);
}

#[test]
fn a_full_channel_loses_what_can_be_lost_and_keeps_the_rest_in_order() {
    let (master, worker) = joined();
    const TOLD: u64 = 10_000;
    for requests in 0..TOLD {
        worker.status(Status { requests: Some(requests), ..Status::default() });
    }
    worker.ready().unwrap();
    worker.drain(SECOND);
    let mut told = 0;
    let after = loop {
        match master.heard() {
            WorkerMessage::Status(_) => told += 1,
            other => break other,
        }
    };
    assert!(told < TOLD, "the channel was never full");
    assert_eq!(after, WorkerMessage::Ready);
    assert_eq!(master.heard(), WorkerMessage::Draining);
}

#[test]
fn what_a_worker_does_not_understand_is_ignored() {
    let (mut master, worker) = joined();
    master.send(b"no json", &[]);
    master.send(br#"{"act":"drain","graceMs":"soon","seq":1}"#, &[]);
    master.send(br#"{"act":"dance","seq":2}"#, &[]);
    master.send(&[b' '; MAX_PACKET + 1], &[]);
    master.say_with(MasterMessage::Drain { grace_ms: 1 }, &[listener().as_fd()]);
    master.say(MasterMessage::Granted { ack: 99, key: "unasked".into() });
    master.is_heard();
    assert_eq!(worker.stage(), Stage::Waiting);
}
