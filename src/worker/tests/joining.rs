use std::fs;

use super::*;
use crate::protocol::environment::{CHANNEL, GENERATION, SLOT, WORKER};
use crate::worker::JoinError;

/// Joins as a process would that has these variables.
fn join_with(variables: &[(&str, String)]) -> Result<Worker, JoinError> {
    let variables: HashMap<_, _> = variables.iter().cloned().collect();
    Worker::join_with(|name| variables.get(name).cloned())
}

fn name_of(fd: &OwnedFd) -> ChannelName {
    ChannelName { fd: fd.as_raw_fd() as u16, inode: passing::inode(fd.as_fd()).unwrap() }
}

#[test]
fn a_worker_joins_by_the_channel_that_the_environment_names() {
    let (master, channel) = Master::new();
    let variables = [
        (CHANNEL, name_of(&channel).to_string()),
        (WORKER, "7".to_owned()),
        (GENERATION, "3".to_owned()),
        (SLOT, "1".to_owned()),
    ];
    let worker = join_with(&variables).unwrap();
    assert!(matches!(master.heard(), WorkerMessage::Hello { version: 1, program } if program.contains("heirloom")));
    assert_eq!((worker.id(), worker.generation(), worker.slot()), (Some(7), Some(3), Some(1)));
}

#[test]
fn a_variable_that_was_meant_for_an_ancestor_means_alone() {
    let (_master, channel) = Master::new();
    let mut stale = name_of(&channel);
    stale.inode += 1_000_000;
    assert!(!join_with(&[(CHANNEL, stale.to_string())]).unwrap().is_supervised());
    let closed = ChannelName { fd: u16::MAX, inode: 1 };
    assert!(!join_with(&[(CHANNEL, closed.to_string())]).unwrap().is_supervised());
    let file = OwnedFd::from(fs::File::open("/dev/null").unwrap());
    assert!(!join_with(&[(CHANNEL, name_of(&file).to_string())]).unwrap().is_supervised());
    assert!(!join_with(&[]).unwrap().is_supervised());
}

#[test]
fn a_damaged_variable_is_an_error() {
    assert!(matches!(join_with(&[(CHANNEL, "3".to_owned())]), Err(JoinError::Environment(_))));
}

/// This test starts itself twice: as a worker whose channel is its standard input, and as that worker's child.
#[test]
fn a_channel_on_standard_input_is_moved_away_and_does_not_fool_a_child() {
    let test = "joining::a_channel_on_standard_input_is_moved_away_and_does_not_fool_a_child";
    match std::env::var(PART).as_deref() {
        Ok("worker") => {
            let worker = Worker::join().unwrap();
            assert!(worker.is_supervised());
            assert!(matches!(role(), Ok(Role::Worker(same)) if same.id() == Some(7)));
            assert_eq!(fs::read_link("/proc/self/fd/0").unwrap().to_str(), Some("/dev/null"));
            worker.ready().unwrap();
            let child = again(test, "child").output().unwrap();
            assert!(child.status.success(), "{child:?}");
        }
        Ok(_child) => {
            assert!(std::env::var(environment::CHANNEL).is_ok());
            assert!(matches!(role(), Ok(Role::Master)));
        }
        Err(_) => {
            let (master, channel) = Master::new();
            let name = ChannelName { fd: 0, ..name_of(&channel) };
            let mut worker = again(test, "worker");
            worker.stdin(channel).env(CHANNEL, name.to_string()).env(WORKER, "7");
            let worker = worker.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let output = worker.wait_with_output().unwrap();
            assert!(output.status.success(), "{output:?}");
            assert!(matches!(master.heard(), WorkerMessage::Hello { .. }));
            assert_eq!(master.heard(), WorkerMessage::Ready);
        }
    }
}
