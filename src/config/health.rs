//! `[health]`: what a generation has to stand before clients may reach it, and after.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::ops::Range;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::document::Reader;
use super::fields::{self, Value, in_order};
use super::layer::Layer;
use super::mistake::Mistake;
use super::notation::{health_path, status_range};
use super::values::{self, Wrong};
use crate::health::{Checks, HttpCheck, Scheme, StatusRange};
use crate::supervision::Health;

/// What the table may hold.
pub(super) const KEYS: [&str; 8] =
    ["http", "https", "command", "interval", "timeout", "rise", "fall", "min_healthy_time"];
/// What a request's own table may hold.
pub(super) const OF_A_REQUEST: [&str; 6] = ["path", "host", "headers", "status", "body", "listener"];

/// What a source says of `[health]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthLayer {
    /// A request without TLS.
    pub http: Option<HttpCheck>,
    /// A request with TLS.
    pub https: Option<HttpCheck>,
    /// A program.
    pub command: Option<Vec<OsString>>,
    /// How long from one round to the next.
    pub interval: Option<Duration>,
    /// How long a round may take.
    pub timeout: Option<Duration>,
    /// So many good rounds in a row prove a newcomer.
    pub rise: Option<u32>,
    /// So many bad ones in a row are too many.
    pub fall: Option<u32>,
    /// For so long a newcomer has to be well.
    pub min_healthy: Option<Duration>,
    /// Where the file has a table that names no check.
    pub nothing_at: Option<Range<usize>>,
}

impl HealthLayer {
    pub(super) fn over(self, under: HealthLayer) -> HealthLayer {
        HealthLayer {
            http: self.http.or(under.http),
            https: self.https.or(under.https),
            command: self.command.or(under.command),
            interval: self.interval.or(under.interval),
            timeout: self.timeout.or(under.timeout),
            rise: self.rise.or(under.rise),
            fall: self.fall.or(under.fall),
            min_healthy: self.min_healthy.or(under.min_healthy),
            nothing_at: self.nothing_at.or(under.nothing_at),
        }
    }

    /// Whether there is something to check.
    pub(super) fn names_a_check(&self) -> bool {
        self.http.is_some() || self.https.is_some() || self.command.is_some()
    }

    /// What is to be checked, and how often; nothing if no check is named.
    pub(super) fn filled(self) -> Option<(Checks, Health)> {
        if !self.names_a_check() {
            return None;
        }
        let requests: Vec<HttpCheck> = self.http.into_iter().chain(self.https).collect();
        let default = Health::default();
        let health = Health {
            interval: self.interval.unwrap_or(default.interval),
            rise: self.rise.unwrap_or(default.rise),
            fall: self.fall.unwrap_or(default.fall),
            min_healthy: self.min_healthy.unwrap_or(default.min_healthy),
        };
        Some((Checks { requests, command: self.command, timeout: self.timeout.unwrap_or(Checks::TIMEOUT) }, health))
    }
}

/// Reads the table into the layer.
pub(super) fn read(reader: &mut Reader<'_>, at: Range<usize>, value: &Value<'_>, layer: &mut Layer) {
    let hint = "write [health] and below it http = \"/healthz\"";
    let Some(table) = reader.table("health", value, hint) else { return };
    let names_a_check = ["http", "https", "command"].iter().any(|key| table.contains_key(*key));
    let mut health = HealthLayer { nothing_at: (!names_a_check).then_some(at), ..HealthLayer::default() };
    for (key, at, value) in in_order(table) {
        match key {
            "http" => health.http = request(reader, key, Scheme::Http, value),
            "https" => health.https = request(reader, key, Scheme::Https, value),
            "command" => health.command = reader.words(key, value, "./check"),
            "interval" => health.interval = reader.one(key, value, not_zero),
            "timeout" => health.timeout = reader.one(key, value, not_zero),
            "rise" => health.rise = reader.one(key, value, |value| fields::between(value, 1, 1000)),
            "fall" => health.fall = reader.one(key, value, |value| fields::between(value, 1, 1000)),
            "min_healthy_time" => health.min_healthy = reader.one(key, value, fields::time),
            slipped if !KEYS.contains(&slipped) && reader.slipped(slipped, &at, "health") => {}
            unknown => reader.unknown(unknown, at, "setting of health", &KEYS),
        }
    }
    layer.health = health;
}

fn not_zero(value: &DeValue<'_>) -> Result<Duration, Wrong> {
    fields::longer_than_nothing(value, "nothing can be checked in no time")
}

fn request(reader: &mut Reader<'_>, key: &str, scheme: Scheme, value: &Value<'_>) -> Option<HttpCheck> {
    match value.get_ref() {
        DeValue::Table(table) => whole(reader, scheme, table),
        _ => reader.one(key, value, path).map(|path| HttpCheck::new(scheme, path)),
    }
}

fn whole(reader: &mut Reader<'_>, scheme: Scheme, table: &DeTable<'_>) -> Option<HttpCheck> {
    let mut check = HttpCheck::new(scheme, "/");
    let before = reader.mistakes.len();
    for (key, at, value) in in_order(table) {
        match key {
            "path" => check.path = reader.one(key, value, path).unwrap_or_default(),
            "host" => check.host = reader.one(key, value, host),
            "headers" => check.headers = headers(reader, value),
            "status" => check.status = reader.one(key, value, statuses).unwrap_or_default(),
            "body" => check.body = reader.one(key, value, body),
            "listener" => check.listeners = reader.one(key, value, listeners),
            slipped if reader.slipped(slipped, &at, &format!("health.{scheme}")) => {}
            unknown => reader.unknown(unknown, at, "setting of a request", &OF_A_REQUEST),
        }
    }
    (reader.mistakes.len() == before).then_some(check)
}

fn path(value: &DeValue<'_>) -> Result<String, Wrong> {
    health_path(fields::text(value, "write a path in quotes: \"/healthz\", or a table: { path = … }")?)
}

fn host(value: &DeValue<'_>) -> Result<String, Wrong> {
    let hint = "write a name, like \"example.org\"";
    match fields::text(value, hint)? {
        host if !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/') => {
            Ok(host.to_owned())
        }
        _ => Err(Wrong::new("this is no host", hint)),
    }
}

fn headers(reader: &mut Reader<'_>, value: &Value<'_>) -> Vec<(String, String)> {
    let Some(table) = reader.table("headers", value, "write headers = { Accept = \"text/plain\" }") else {
        return Vec::new();
    };
    let mut headers = Vec::new();
    for (name, at, value) in in_order(table) {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            reader.mistakes.push(Mistake::new("this is no name for a header", at));
        } else if name.eq_ignore_ascii_case("host") {
            reader.mistakes.push(Mistake::new("`Host` has a setting of its own", at).hint("write host = \"…\""));
        } else if let Some(text) = reader.one(name, value, field) {
            headers.push((name.to_owned(), text));
        }
    }
    headers
}

fn field(value: &DeValue<'_>) -> Result<String, Wrong> {
    let text = fields::text(value, "a header's value is text in quotes")?;
    match text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        true => Ok(text.to_owned()),
        false => Err(Wrong::plain("a header's value is plain ASCII text")),
    }
}

/// `200`, `"200-399"`, `"2xx"`, or a list of those.
fn statuses(value: &DeValue<'_>) -> Result<Vec<StatusRange>, Wrong> {
    match value {
        DeValue::Array(list) if list.is_empty() => Err(Wrong::plain("then no status is good")),
        DeValue::Array(list) => list.iter().map(|value| status(value.get_ref())).collect(),
        value => Ok(vec![status(value)?]),
    }
}

fn status(value: &DeValue<'_>) -> Result<StatusRange, Wrong> {
    match value {
        DeValue::Integer(number) => status_range(number.as_str()),
        value => status_range(fields::text(value, "write 200, \"200-399\", \"2xx\", or a list of those")?),
    }
}

fn body(value: &DeValue<'_>) -> Result<String, Wrong> {
    match fields::text(value, "write the text that the body must hold")? {
        "" => Err(Wrong::plain("every body holds nothing")),
        text => Ok(text.to_owned()),
    }
}

fn listeners(value: &DeValue<'_>) -> Result<BTreeSet<String>, Wrong> {
    let hint = "write the name of a listener, or a list of names";
    let name = |value: &DeValue<'_>| values::listener_name(fields::text(value, hint)?);
    match value {
        DeValue::Array(list) if list.is_empty() => Err(Wrong::new("the list is empty", hint)),
        DeValue::Array(list) => list.iter().map(|value| name(value.get_ref())).collect(),
        value => Ok(BTreeSet::from([name(value)?])),
    }
}
