//! Why there is no answer, as RFC 9457 has it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What was wrong with a request (`application/problem+json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Problem {
    /// Always "about:blank": the status says what kind it is.
    #[serde(rename = "type", default = "blank")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong, for whoever asked.
    pub detail: String,
}

impl Problem {
    /// A problem that the status names.
    pub fn new(status: u16, title: impl Into<String>, detail: impl Into<String>) -> Problem {
        Problem { kind: blank(), title: title.into(), status, detail: detail.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

fn blank() -> String {
    "about:blank".into()
}
