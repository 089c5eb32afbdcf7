//! The programs that are measured: of the same build profile as this one.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

/// The program `heirloom`.
pub(crate) const HEIRLOOM: &str = env!("CARGO_BIN_EXE_heirloom");

/// The server that is reloaded: examples/axum.rs.
pub(crate) fn example() -> PathBuf {
    Path::new(HEIRLOOM).with_file_name("examples").join("axum")
}

/// Builds it: cargo builds no examples for a bench.
pub(crate) fn build_example() -> anyhow::Result<()> {
    let profile = match Path::new(HEIRLOOM).parent().and_then(Path::file_name).and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--example", "axum", "--profile", profile])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "examples/axum.rs cannot be built");
    Ok(())
}
