//! The Nodes of these tests, and masters for their scripts.

use std::path::{Path, PathBuf};

use crate::support::{Listening, Setup};

const HINT: &str = "needs several versions of Node: run tests/servers/install";

fn modules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers/node/node_modules")
}

/// Node of this version: `node18`, `latest` …
pub(crate) fn node(version: &str) -> String {
    let path = modules().join(version).join("bin/node");
    assert!(path.is_file(), "{} is not there; this {HINT}", path.display());
    path.display().to_string()
}

/// A script of `tests/servers/node`.
pub(crate) fn script(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/node").join(name).display().to_string()
}

/// A master for a command, which declares nothing: the script's own `listen` is the query.
pub(crate) fn undeclared(command: &[&str]) -> Setup {
    let path = format!("NODE_PATH={}", modules().display());
    Setup::bare(Listening::Tcp).brisk().through(&["env", &path]).program(command)
}

/// A master with a listener `http`, for a server that listens there.
pub(crate) fn server(version: &str, kind: &str) -> Setup {
    let mut setup = undeclared(&[&node(version), &script("server.js"), kind]);
    setup.listen("http=127.0.0.1:0");
    setup
}

/// The same with Node's other scheduling, by its own variable.
#[must_use]
pub(crate) fn shared(setup: Setup) -> Setup {
    let mut wrapper: Vec<String> = setup.through.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    wrapper.push("NODE_CLUSTER_SCHED_POLICY=none".to_owned());
    let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
    setup.through(&wrapper)
}
