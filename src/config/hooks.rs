//! `[hooks]`: what is run before and after a reload.

use std::ffi::OsString;
use std::time::Duration;

use toml::de::DeValue;

use super::document::Reader;
use super::fields::{self, Value, in_order};
use super::layer::Layer;
use super::values::Wrong;
use crate::errands::Hooks;

/// What the table may hold.
pub(super) const KEYS: [&str; 4] = ["pre_reload", "post_reload", "on_failure", "timeout"];

/// What a source says of `[hooks]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HooksLayer {
    /// Before anything starts; a reload whose hook fails is refused.
    pub pre_reload: Option<Vec<OsString>>,
    /// When the newcomer serves.
    pub post_reload: Option<Vec<OsString>>,
    /// When it was given up or rolled back.
    pub on_failure: Option<Vec<OsString>>,
    /// How long each may take.
    pub timeout: Option<Duration>,
}

impl HooksLayer {
    pub(super) fn over(self, under: HooksLayer) -> HooksLayer {
        HooksLayer {
            pre_reload: self.pre_reload.or(under.pre_reload),
            post_reload: self.post_reload.or(under.post_reload),
            on_failure: self.on_failure.or(under.on_failure),
            timeout: self.timeout.or(under.timeout),
        }
    }

    /// All of it, for a master of this name.
    pub(super) fn filled(self, name: &str) -> Hooks {
        let timeout = self.timeout.unwrap_or(Hooks::TIMEOUT);
        Hooks {
            pre_reload: self.pre_reload,
            post_reload: self.post_reload,
            on_failure: self.on_failure,
            timeout,
            name: Some(name.to_owned()),
        }
    }
}

/// Reads the table into the layer.
pub(super) fn read(reader: &mut Reader<'_>, value: &Value<'_>, layer: &mut Layer) {
    let hint = "write [hooks] and below it pre_reload = [\"./migrate\"]";
    let Some(table) = reader.table("hooks", value, hint) else { return };
    let hooks = &mut layer.hooks;
    for (key, at, value) in in_order(table) {
        match key {
            "pre_reload" => hooks.pre_reload = reader.words(key, value, "./migrate"),
            "post_reload" => hooks.post_reload = reader.words(key, value, "./tell"),
            "on_failure" => hooks.on_failure = reader.words(key, value, "./tell"),
            "timeout" => hooks.timeout = reader.one(key, value, timeout),
            slipped if reader.slipped(slipped, &at, "hooks") => {}
            unknown => reader.unknown(unknown, at, "hook", &KEYS),
        }
    }
}

fn timeout(value: &DeValue<'_>) -> Result<Duration, Wrong> {
    fields::longer_than_nothing(value, "nothing can be run in no time")
}
