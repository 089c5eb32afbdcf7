//! What the user wants of a Node program.

/// How a Node program is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeOptions {
    /// A few lines of ours are loaded before the script, so that keep-alive clients of an old generation are asked to
    /// leave instead of being cut off.
    pub preload: bool,
    /// It is ready when it says so: `process.send('ready')`.
    pub wait_ready: bool,
    /// It is told to stop by the message `'shutdown'`.
    pub shutdown_message: bool,
}

impl Default for NodeOptions {
    fn default() -> Self {
        NodeOptions { preload: true, wait_ready: false, shutdown_message: false }
    }
}
