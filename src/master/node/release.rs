//! What a release means to Node: how it is started, how its connections come, what it cannot be.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::dialects::Dialect;
use crate::dialects::node::{NodeOptions, Start};
use crate::master::open::Declaration;
use crate::master::recipe::Recipe;
use crate::master::release::Release;
use crate::master::release_error::ReleaseError;

/// Node's own variable for it: `rr`, or `none`.
const SCHEDULING: &str = "NODE_CLUSTER_SCHED_POLICY";

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
        environment: &BTreeMap<OsString, OsString>,
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

impl Recipe {
    /// What the program speaks, and what that means if it is Node's protocol.
    pub(in crate::master) fn dialect_of(
        &self,
        program: &Path,
        beginning: &[u8],
        environment: &BTreeMap<OsString, OsString>,
        directory: &Path,
    ) -> Result<(Dialect, Option<NodeRelease>), ReleaseError> {
        let start = Start::recognised(program, beginning);
        match (self.dialect, start) {
            (Dialect::Node, _) | (Dialect::Auto, Some(_)) => {}
            (dialect @ (Dialect::Auto | Dialect::Query | Dialect::Systemd), _) => return Ok((dialect, None)),
        }
        let node = NodeRelease::new(start, program, &self.command, environment, directory, self.node);
        Ok((Dialect::Node, Some(node.map_err(ReleaseError::Node)?)))
    }

    /// Where the master accepts by itself, one socket is enough.
    pub(in crate::master) fn listeners_for(&self, node: Option<&NodeRelease>) -> Vec<Declaration> {
        let mut listeners = self.listeners.clone();
        if node.is_some_and(|node| !node.shared) {
            listeners.iter_mut().for_each(|declaration| declaration.lanes = 1);
        }
        listeners
    }
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

    /// Whether the preload is there, and can tell clients to leave.
    pub(in crate::master) fn has_preload(&self) -> bool {
        self.node.as_ref().is_some_and(|node| node.options.preload)
    }

    /// Whether the script is told by a message that it is to stop.
    pub(in crate::master) fn stops_by_word(&self) -> bool {
        self.node.as_ref().is_some_and(|node| node.options.shutdown_message)
    }
}
