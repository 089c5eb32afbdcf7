//! What is run before and after a reload: plain values, as the config file or an application says them.

use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What is run before and after a reload: programs and their arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hooks {
    /// Before anything starts; a reload whose hook fails is refused.
    pub pre_reload: Option<Vec<OsString>>,
    /// When the newcomer serves.
    pub post_reload: Option<Vec<OsString>>,
    /// When it was given up, or rolled back.
    pub on_failure: Option<Vec<OsString>>,
    /// How long each may take.
    pub timeout: Duration,
    /// What they are told that the master is called.
    pub name: Option<String>,
}

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hook {
    /// Before anything starts.
    PreReload,
    /// When the newcomer serves.
    PostReload,
    /// When it does not, or no longer.
    OnFailure,
}

impl Default for Hooks {
    fn default() -> Self {
        Hooks { pre_reload: None, post_reload: None, on_failure: None, timeout: Hooks::TIMEOUT, name: None }
    }
}

impl Hooks {
    /// Whether nothing is run at all.
    pub fn is_empty(&self) -> bool {
        self.pre_reload.is_none() && self.post_reload.is_none() && self.on_failure.is_none()
    }

    /// What is run then.
    pub fn command(&self, hook: Hook) -> Option<&[OsString]> {
        let command = match hook {
            Hook::PreReload => &self.pre_reload,
            Hook::PostReload => &self.post_reload,
            Hook::OnFailure => &self.on_failure,
        };
        command.as_deref()
    }

    /// How long each may take, unless somebody says otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(5 * 60);
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Hook::PreReload => "pre_reload",
            Hook::PostReload => "post_reload",
            Hook::OnFailure => "on_failure",
        })
    }
}
