//! `[process]`: whose rights workers have, and how the system treats them.

use std::collections::BTreeSet;
use std::ffi::OsString;

use toml::de::DeValue;

use super::document::Reader;
use super::fields::{self, Value, in_order};
use super::layer::Layer;
use super::values::{Wrong, size};
use crate::sys::launch::{Bounds, Limit};

/// What the table may hold.
pub(super) const KEYS: [&str; 8] =
    ["user", "group", "umask", "nice", "oom_score_adj", "no_new_privs", "inherit_environment", "limits"];

/// Reads the table into the layer.
pub(super) fn read(reader: &mut Reader<'_>, value: &Value<'_>, layer: &mut Layer) {
    let hint = "write [process] and below it user = \"www-data\"";
    let Some(table) = reader.table("process", value, hint) else { return };
    for (key, at, value) in in_order(table) {
        let world = &mut layer.world;
        match key {
            "user" => world.user = reader.one(key, value, who),
            "group" => world.group = reader.one(key, value, who),
            "umask" => world.umask = reader.one(key, value, fields::mode),
            "nice" => world.nice = reader.one(key, value, |value| fields::between(value, -20, 19)),
            "oom_score_adj" => {
                world.oom_score_adj = reader.one(key, value, |value| fields::between(value, -1000, 1000))
            }
            "no_new_privs" => world.no_new_privs = reader.one(key, value, fields::boolean).unwrap_or_default(),
            "inherit_environment" => layer.inherit = reader.one(key, value, inherit),
            "limits" => limits(reader, value, layer),
            slipped if !KEYS.contains(&slipped) && reader.slipped(slipped, &at, "process") => {}
            unknown => reader.unknown(unknown, at, "setting of a process", &KEYS),
        }
    }
}

/// A user or a group: a name, or a number.
fn who(value: &DeValue<'_>) -> Result<String, Wrong> {
    match value {
        DeValue::Integer(number) => match fields::integer(number).and_then(|id| u32::try_from(id).ok()) {
            Some(id) => Ok(id.to_string()),
            None => Err(Wrong::plain("nobody has that number")),
        },
        value => match fields::text(value, "write a name in quotes, or a number")? {
            "" => Err(Wrong::plain("the name is empty")),
            name => Ok(name.to_owned()),
        },
    }
}

/// Which variables of the master workers find; the outer none: it is not said, the inner one: all.
fn inherit(value: &DeValue<'_>) -> Result<Option<BTreeSet<OsString>>, Wrong> {
    let hint = "write true, false, or a list of names: [\"LANG\", \"TZ\"]";
    match value {
        DeValue::Boolean(true) => Ok(None),
        DeValue::Boolean(false) => Ok(Some(BTreeSet::new())),
        DeValue::Array(names) => {
            let names = names.iter().map(|name| fields::text(name.get_ref(), hint).map(OsString::from));
            names.collect::<Result<_, _>>().map(Some)
        }
        _ => Err(Wrong::new("this is neither true, false nor a list", hint)),
    }
}

fn limits(reader: &mut Reader<'_>, value: &Value<'_>, layer: &mut Layer) {
    let Some(table) = reader.table("limits", value, "write limits = { nofile = 65536, core = 0 }") else { return };
    for (key, at, value) in in_order(table) {
        match Limit::ALL.iter().find(|(name, _)| *name == key) {
            Some((_, limit)) => {
                layer.world.limits.extend(reader.one(key, value, bounds).map(|bounds| (*limit, bounds)))
            }
            None => reader.unknown(key, at, "limit", &Limit::ALL.map(|(name, _)| name)),
        }
    }
}

/// `65536`, `"64M"`, `"unlimited"`, or soft and hard: `"1024:65536"`.
fn bounds(value: &DeValue<'_>) -> Result<Bounds, Wrong> {
    let hint = "write a number, a size (\"64M\"), \"unlimited\", or soft and hard: \"1024:65536\"";
    let both = |bound| Bounds { soft: bound, hard: bound };
    match value {
        DeValue::Integer(number) => match fields::integer(number).and_then(|number| u64::try_from(number).ok()) {
            Some(number) => Ok(both(Some(number))),
            None => Err(Wrong::new("out of range", hint)),
        },
        value => {
            let text = fields::text(value, hint)?;
            let Some((soft, hard)) = text.split_once(':') else { return bound(text).map(both) };
            match (bound(soft)?, bound(hard)?) {
                (None, Some(_)) => Err(Wrong::new("the soft limit is above the hard one", hint)),
                (Some(soft), Some(hard)) if soft > hard => {
                    Err(Wrong::new("the soft limit is above the hard one", hint))
                }
                (soft, hard) => Ok(Bounds { soft, hard }),
            }
        }
    }
}

fn bound(text: &str) -> Result<Option<u64>, Wrong> {
    if matches!(text.trim(), "unlimited" | "infinity") { Ok(None) } else { size(text).map(Some) }
}
