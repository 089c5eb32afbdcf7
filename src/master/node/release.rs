//! What a release means to Node: how it is started, how its connections come, what it cannot be.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::dialects::node::Start;
use crate::master::release::Release;

/// Node's own variable for it: `rr`, or `none`.
const SCHEDULING: &str = "NODE_CLUSTER_SCHED_POLICY";

/// How a Node program is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
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

/// A release that speaks Node's protocol.
#[derive(Debug)]
pub(in crate::master) struct NodeRelease {
    /// How Node is started; unknown where another program speaks its protocol.
    pub(in crate::master) start: Option<Start>,
    /// Workers have the socket, and accept by themselves.
    pub(in crate::master) shared: bool,
    /// What may be the matter if it never listens.
    pub(in crate::master) advice: Option<String>,
    pub(in crate::master) options: NodeOptions,
}

impl NodeRelease {
    /// Reads `package.json`, if there may be need for it. The error is why it cannot be run.
    pub(in crate::master) fn new(
        start: Option<Start>,
        program: &Path,
        arguments: &[OsString],
        environment: &std::collections::BTreeMap<OsString, OsString>,
        directory: &Path,
        options: NodeOptions,
    ) -> Result<NodeRelease, String> {
        let node_options = environment.get(OsStr::new("NODE_OPTIONS")).map(OsString::as_os_str);
        if let Some(fault) = start.and_then(|start| start.fault(arguments, node_options)) {
            return Err(fault);
        }
        let script = |name: &str| script_of_package(directory, name);
        Ok(NodeRelease {
            start,
            shared: environment.get(OsStr::new(SCHEDULING)).is_some_and(|policy| policy == "none"),
            advice: start.and_then(|start| start.wrapper(program, arguments, script)),
            options,
        })
    }
}

fn script_of_package(directory: &Path, name: &str) -> Option<String> {
    let text = std::fs::read(directory.join("package.json")).ok()?;
    let package: serde_json::Value = serde_json::from_slice(&text).ok()?;
    Some(package.get("scripts")?.get(name)?.as_str()?.to_owned())
}

impl Release {
    /// Whether the master accepts its connections, and passes them on.
    pub(in crate::master) fn rotates(&self) -> bool {
        self.node.as_ref().is_some_and(|node| !node.shared)
    }

    /// Whether the script says itself when it is ready.
    pub(in crate::master) fn waits_for_word(&self) -> bool {
        self.node.as_ref().is_some_and(|node| node.options.wait_ready)
    }

    /// Whether the script is told by a message that it is to stop.
    pub(in crate::master) fn stops_by_word(&self) -> bool {
        self.node.as_ref().is_some_and(|node| node.options.shutdown_message)
    }
}
