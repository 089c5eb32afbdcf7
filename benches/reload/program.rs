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

/// Builds both: cargo builds no examples for a bench, and the program with what tests ask of its libraries besides. What is
/// measured is what `cargo install` builds.
pub(crate) fn build() -> anyhow::Result<()> {
    let profile = match Path::new(HEIRLOOM).parent().and_then(Path::file_name).and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    for target in [["--example", "axum"], ["--bin", "heirloom"]] {
        let status = Command::new(&cargo)
            .args(["build", "--quiet", "--profile", profile])
            .args(target)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .context("cannot run cargo")?;
        ensure!(status.success(), "cargo cannot build {}", target[1]);
    }
    Ok(())
}
