//! How a request ended: an answer, or one of the failures that a client can tell apart.
//! It knows nothing of how that was found out.

use std::io;

use serde::{Serialize, Serializer};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A whole answer came, with a status from 200 to 399.
    Answered {
        /// The answer's status.
        status: u16,
    },
    /// Anything else.
    Failed(Failure),
}

impl Outcome {
    /// Sorts a whole answer by its status.
    pub(super) fn of_status(status: u16) -> Outcome {
        match status {
            200..=399 => Outcome::Answered { status },
            _ => Outcome::Failed(Failure::BadStatus(status)),
        }
    }

    /// Whether a whole and good answer came.
    pub fn is_answered(&self) -> bool {
        matches!(self, Outcome::Answered { .. })
    }
}

/// Why a request has no good answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// Nobody listens there.
    #[error("refused")]
    Refused,
    /// There is no socket file at the path.
    #[error("no such path")]
    NoSuchPath,
    /// The Unix socket's queue was full: nobody accepts fast enough.
    #[error("queue full")]
    QueueFull,
    /// The connection could not be made for another reason.
    #[error("connect failed: {0}")]
    ConnectFailed(io::ErrorKind),
    /// The connection was not made within the client's patience.
    #[error("connect timed out")]
    ConnectTimedOut,
    /// The connection was reset before a byte of the answer came.
    #[error("reset before the answer")]
    ResetBeforeAnswer,
    /// The connection was closed before a byte of the answer came.
    #[error("closed before the answer")]
    ClosedBeforeAnswer,
    /// The connection was closed or reset in the middle of the answer.
    #[error("cut short")]
    CutShort,
    /// The answer was not complete within the client's patience.
    #[error("timed out")]
    TimedOut,
    /// A whole answer came, but with a status outside 200 to 399.
    #[error("status {0}")]
    BadStatus(u16),
    /// What came was not HTTP.
    #[error("garbled")]
    Garbled,
}

impl Failure {
    /// Sorts what `connect` said.
    pub(super) fn of_connect(error: &io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Failure::Refused,
            io::ErrorKind::NotFound => Failure::NoSuchPath,
            io::ErrorKind::WouldBlock => Failure::QueueFull,
            io::ErrorKind::TimedOut => Failure::ConnectTimedOut,
            kind => Failure::ConnectFailed(kind),
        }
    }

    /// Whether there was not even a connection.
    pub(super) fn is_before_connection(self) -> bool {
        use Failure::*;
        match self {
            Refused | NoSuchPath | QueueFull | ConnectFailed(_) | ConnectTimedOut => true,
            ResetBeforeAnswer | ClosedBeforeAnswer | CutShort | TimedOut | BadStatus(_) | Garbled => false,
        }
    }
}

/// As its text, so that it can be a key in JSON.
impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
