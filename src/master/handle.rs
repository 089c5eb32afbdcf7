//! How others ask the master for something.

use tokio::sync::{mpsc, oneshot};

use crate::supervision::{Command, Origin, Outcome};

/// Asks a running [`super::Master`] for something. Clones ask the same one.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(super) requests: mpsc::Sender<Request>,
}

/// What comes in.
#[derive(Debug)]
pub(super) enum Request {
    Command {
        command: Command,
        origin: Origin,
        answer: oneshot::Sender<Outcome>,
    },
    StrangerEnded,
    #[cfg(feature = "control")]
    Snapshot(oneshot::Sender<Box<super::snapshot::Snapshot>>),
}

impl Handle {
    /// Asks for something and waits until its outcome is known.
    pub async fn ask(&self, command: Command, origin: Origin) -> Outcome {
        let gone = || Outcome::Refused("the master has ended".into());
        match self.start_asking(command, origin).await {
            Some(outcome) => outcome.await.unwrap_or_else(|_| gone()),
            None => gone(),
        }
    }

    /// Asks for something; the outcome comes later, if anybody waits for it.
    pub async fn start_asking(&self, command: Command, origin: Origin) -> Option<oneshot::Receiver<Outcome>> {
        let (answer, outcome) = oneshot::channel();
        self.requests.send(Request::Command { command, origin, answer }).await.ok()?;
        Some(outcome)
    }

    /// All that the master knows, at one instant; none when it is gone. It is answered after what was asked for before.
    #[cfg(feature = "control")]
    pub(crate) async fn snapshot(&self) -> Option<Box<super::snapshot::Snapshot>> {
        let (answer, snapshot) = oneshot::channel();
        self.requests.send(Request::Snapshot(answer)).await.ok()?;
        snapshot.await.ok()
    }

    /// Tells that some child has ended (SIGCHLD): it may be none of the workers, and wants to be reaped.
    pub async fn child_ended(&self) {
        let _ = self.requests.send(Request::StrangerEnded).await; // a master that is gone reaps nobody
    }
}
