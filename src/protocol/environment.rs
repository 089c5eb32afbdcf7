//! The names in a worker's environment, and the one value that is more than a number.

use std::fmt;
use std::str::FromStr;

/// Names the worker's end of the channel: `FD:INODE`, see [`ChannelName`].
pub const CHANNEL: &str = "HEIRLOOM_CHANNEL";
/// The worker's id.
pub const WORKER: &str = "HEIRLOOM_WORKER";
/// The number of the worker's generation.
pub const GENERATION: &str = "HEIRLOOM_GENERATION";
/// The worker's cohort, if its generation is raised in cohorts: "3.1".
pub const COHORT: &str = "HEIRLOOM_COHORT";
/// The worker's slot in its generation.
pub const SLOT: &str = "HEIRLOOM_SLOT";

/// The value of [`CHANNEL`]: which descriptor, and which socket that must be.
///
/// A grandchild inherits the variable but not the descriptor; the inode tells it that the number now
/// stands for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelName {
    /// The descriptor's number in the worker.
    pub fd: u16,
    /// The socket's inode.
    pub inode: u64,
}

/// The value of [`CHANNEL`] is not `FD:INODE`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{CHANNEL} is `{0}`, which is not of the form FD:INODE")]
pub struct ChannelNameError(pub String);

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.fd, self.inode)
    }
}

impl FromStr for ChannelName {
    type Err = ChannelNameError;

    fn from_str(text: &str) -> Result<Self, ChannelNameError> {
        let parts = text.split_once(':').and_then(|(fd, inode)| Some((fd.parse().ok()?, inode.parse().ok()?)));
        let (fd, inode) = parts.ok_or_else(|| ChannelNameError(text.to_owned()))?;
        Ok(Self { fd, inode })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_named_by_its_number_and_its_inode() {
        let name = ChannelName { fd: 3, inode: 81_234 };
        assert_eq!(name.to_string(), "3:81234");
        assert_eq!("3:81234".parse(), Ok(name));
    }

    #[test]
    fn anything_else_is_no_channel() {
        for text in ["", "3", "3:", ":7", "-1:7", "3:x", "3:7:9", "99999:7"] {
            assert_eq!(text.parse::<ChannelName>(), Err(ChannelNameError(text.into())), "{text}");
        }
    }
}
