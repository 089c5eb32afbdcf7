//! Why a master cannot be asked, or does not answer.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::control::model::Problem;

/// Nobody can be asked at this place.
#[derive(Debug, thiserror::Error)]
#[error("{why} at {}", path.display())]
pub struct ConnectError {
    /// The socket.
    pub path: PathBuf,
    /// Why not.
    pub why: Unreachable,
}

/// Why nobody can be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unreachable {
    /// There is nothing at all.
    #[error("there is no control socket")]
    NoSocket,
    /// There is a socket that a master has left behind.
    #[error("no master listens any more")]
    NobodyListens,
    /// It is not for us.
    #[error("permission is refused to the control socket")]
    NotAllowed,
    /// Something else is there: a file, or a server that is no heirloom.
    #[error("there is something else than a heirloom")]
    NotAHeirloom,
    /// Nobody took the connection in time.
    #[error("no connection within {} s to the control socket", .0.as_secs_f64())]
    TimedOut(Duration),
    /// The system refuses.
    #[error("cannot connect ({0}) to the control socket")]
    System(io::Error),
}

/// A question has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// Nobody can be asked.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The answer did not come in time.
    #[error("no answer within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// The master says what is wrong with the question.
    #[error("{0}")]
    Problem(Problem),
    /// The connection ended before the answer did: the master may have ended.
    #[error("the connection ended before the answer")]
    Ended(#[source] hyper::Error),
    /// The answer is not what it should be.
    #[error("the answer makes no sense: {0}")]
    Nonsense(String),
}

impl Unreachable {
    /// Why connecting failed.
    pub(super) fn from(error: io::Error) -> Unreachable {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Unreachable::NoSocket,
            io::ErrorKind::ConnectionRefused => Unreachable::NobodyListens,
            io::ErrorKind::PermissionDenied => Unreachable::NotAllowed,
            _ => Unreachable::System(error),
        }
    }
}

impl Unreachable {
    /// How much is there.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Unreachable::NoSocket => 0,
            Unreachable::NotAHeirloom => 1,
            Unreachable::NobodyListens => 2,
            Unreachable::System(_) => 3,
            Unreachable::TimedOut(_) => 4,
            Unreachable::NotAllowed => 5,
        }
    }
}

impl AskError {
    /// Whether there is no master there, as opposed to one that does not answer well.
    pub fn is_no_master(&self) -> bool {
        match self {
            AskError::Connect(error) => error.is_no_master(),
            AskError::TimedOut(_) | AskError::Problem(_) | AskError::Ended(_) | AskError::Nonsense(_) => false,
        }
    }
}

impl ConnectError {
    /// Whether there is no master there.
    pub fn is_no_master(&self) -> bool {
        match self.why {
            Unreachable::NoSocket | Unreachable::NobodyListens | Unreachable::NotAHeirloom => true,
            Unreachable::NotAllowed | Unreachable::TimedOut(_) | Unreachable::System(_) => false,
        }
    }
}
