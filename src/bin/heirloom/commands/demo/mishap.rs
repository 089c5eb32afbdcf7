//! A worker's death by SIGKILL, in a moment in which nobody is being answered: what a killed process has in its hands,
//! nobody can save.
//! It must not know what comes of it.

use std::io;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::traffic::Traffic;
use heirloom::master::kill_worker;

/// No client waits longer than this for a process to end that was killed.
const PATIENCE: Duration = Duration::from_secs(1);

/// As long as this is there, clients hold their breath; at most for a second after the kill.
#[derive(Debug)]
pub(super) struct Mishap {
    pub(super) pid: u32,
    _breath: mpsc::Sender<()>,
}

/// Kills a worker as soon as no request is under way; the clients go on when the mishap is dropped.
pub(super) fn kill(pid: u32, traffic: &Arc<Traffic>) -> io::Result<Mishap> {
    let traffic = Arc::clone(traffic);
    let (breath, told) = mpsc::channel();
    thread::Builder::new().name("mishap".into()).spawn(move || {
        let _pauses = traffic.pause();
        if let Err(error) = kill_worker(pid) {
            tracing::warn!(pid, %error, "cannot kill the worker");
        }
        // An error means that the worker has ended; a time-out, that somebody has to be served.
        let _ = told.recv_timeout(PATIENCE);
    })?;
    Ok(Mishap { pid, _breath: breath })
}
