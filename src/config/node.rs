//! `[node]`: what is done with a Node program that its script does not say.

use super::document::Reader;
use super::fields::{self, Value, in_order};
use super::layer::Layer;
use crate::dialects::node::NodeOptions;

/// What the table may hold.
pub(super) const KEYS: [&str; 3] = ["preload", "wait_ready", "shutdown_message"];

/// What a source says of `[node]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeLayer {
    /// Whether a few lines of ours are loaded before the script.
    pub preload: Option<bool>,
    /// Whether it is ready only when it says so.
    pub wait_ready: Option<bool>,
    /// Whether it is told to stop by a message.
    pub shutdown_message: Option<bool>,
}

impl NodeLayer {
    pub(super) fn over(self, under: NodeLayer) -> NodeLayer {
        NodeLayer {
            preload: self.preload.or(under.preload),
            wait_ready: self.wait_ready.or(under.wait_ready),
            shutdown_message: self.shutdown_message.or(under.shutdown_message),
        }
    }

    pub(super) fn filled(self) -> NodeOptions {
        let default = NodeOptions::default();
        NodeOptions {
            preload: self.preload.unwrap_or(default.preload),
            wait_ready: self.wait_ready.unwrap_or(default.wait_ready),
            shutdown_message: self.shutdown_message.unwrap_or(default.shutdown_message),
        }
    }
}

/// Reads the table into the layer.
pub(super) fn read(reader: &mut Reader<'_>, value: &Value<'_>, layer: &mut Layer) {
    let hint = "write [node] and below it wait_ready = true";
    let Some(table) = reader.table("node", value, hint) else { return };
    let node = &mut layer.node;
    for (key, at, value) in in_order(table) {
        match key {
            "preload" => node.preload = reader.one(key, value, fields::boolean),
            "wait_ready" => node.wait_ready = reader.one(key, value, fields::boolean),
            "shutdown_message" => node.shutdown_message = reader.one(key, value, fields::boolean),
            slipped if reader.slipped(slipped, &at, "node") => {}
            unknown => reader.unknown(unknown, at, "setting of node", &KEYS),
        }
    }
}
