//! What is checked: plain values, as the config file or an application says them.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

/// What a generation has to stand, each round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checks {
    /// Requests that it has to answer.
    pub requests: Vec<HttpCheck>,
    /// A program that has to exit with 0, and its arguments.
    pub command: Option<Vec<OsString>>,
    /// How long a round may take.
    pub timeout: Duration,
}

/// A request, and what is wanted of its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCheck {
    /// With TLS or without.
    pub scheme: Scheme,
    /// What is asked for: a path, with a query perhaps.
    pub path: String,
    /// What the Host field says; without it, `localhost`. With TLS, it is also the name that is asked for.
    pub host: Option<String>,
    /// Further fields.
    pub headers: Vec<(String, String)>,
    /// The statuses that are good.
    pub status: Vec<StatusRange>,
    /// What the body must hold.
    pub body: Option<String>,
    /// The listeners that are asked; without it, all of them.
    pub listeners: Option<BTreeSet<String>>,
}

/// How the request goes over the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// As it is.
    Http,
    /// With TLS. Nobody checks the certificate: it is for the name that clients use, and we are none.
    Https,
}

/// From a status to a status, both of them good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusRange {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

impl Checks {
    /// How long a round may take, unless somebody says otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(2);
}

impl HttpCheck {
    /// What is good unless somebody says otherwise: all but errors.
    pub const GOOD: StatusRange = StatusRange { first: 200, last: 399 };

    /// Asks for this path on all listeners; any status but an error is good.
    pub fn new(scheme: Scheme, path: impl Into<String>) -> HttpCheck {
        let path = path.into();
        HttpCheck {
            scheme,
            path,
            host: None,
            headers: Vec::new(),
            status: vec![Self::GOOD],
            body: None,
            listeners: None,
        }
    }

    /// Whether it is about this listener.
    pub fn concerns(&self, listener: &str) -> bool {
        self.listeners.as_ref().is_none_or(|listeners| listeners.contains(listener))
    }

    /// Whether an answer with this status is good.
    pub fn is_good(&self, status: u16) -> bool {
        self.status.iter().any(|range| (range.first..=range.last).contains(&status))
    }
}

impl fmt::Display for StatusRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => write!(f, "{}", self.first),
            false => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        })
    }
}
