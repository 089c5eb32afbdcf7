//! A TOML value as what it is meant to be: a time, a number, a path.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeInteger, DeValue};

use super::values::{self, Workers, Wrong};

/// A value with its place.
pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// What a value is, for people.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn other(wanted: &str, value: &DeValue<'_>, hint: &str) -> Wrong {
    Wrong::new(format!("this is {}, not {wanted}", kind(value)), hint)
}

/// Text without a zero byte, which no path, argument or variable can hold.
pub(super) fn text<'a>(value: &'a DeValue<'_>, hint: &str) -> Result<&'a str, Wrong> {
    match value {
        DeValue::String(text) if text.contains('\0') => Err(Wrong::plain("it holds a zero byte")),
        DeValue::String(text) => Ok(text),
        value => Err(other("text", value, hint)),
    }
}

/// A word that can be printed in front of a line.
pub(super) fn name(value: &DeValue<'_>) -> Result<String, Wrong> {
    let name = text(value, "write it in quotes: name = \"web\"")?;
    match name.trim().is_empty() || name.contains(char::is_control) {
        false => Ok(name.to_owned()),
        true => Err(Wrong::new("this is no name", "write a word, like \"web\"")),
    }
}

pub(super) fn group(value: &DeValue<'_>) -> Result<String, Wrong> {
    match text(value, "write its name in quotes: control_group = \"adm\"")? {
        "" => Err(Wrong::plain("the name is empty")),
        name => Ok(name.to_owned()),
    }
}

pub(super) fn metrics(value: &DeValue<'_>) -> Result<SocketAddr, Wrong> {
    match value {
        DeValue::Integer(number) => values::metrics_address(number.as_str()),
        value => values::metrics_address(text(value, "write a port, or \"127.0.0.1:9090\"")?),
    }
}

pub(super) fn path(value: &DeValue<'_>) -> Result<PathBuf, Wrong> {
    match text(value, "write a path in quotes")? {
        "" => Err(Wrong::plain("the path is empty")),
        path => Ok(path.into()),
    }
}

pub(super) fn boolean(value: &DeValue<'_>) -> Result<bool, Wrong> {
    value.as_bool().ok_or_else(|| other("true or false", value, "write true or false, without quotes"))
}

pub(super) fn time(value: &DeValue<'_>) -> Result<Duration, Wrong> {
    as_time(value, values::duration)
}

pub(super) fn ready_grace(value: &DeValue<'_>) -> Result<Duration, Wrong> {
    as_time(value, values::ready_grace)
}

/// A time that is not zero; `why` it cannot be.
pub(super) fn longer_than_nothing(value: &DeValue<'_>, why: &str) -> Result<Duration, Wrong> {
    match time(value)? {
        Duration::ZERO => Err(Wrong::new(why, "write \"500ms\", \"10s\" or \"1m 30s\"")),
        time => Ok(time),
    }
}

fn as_time(value: &DeValue<'_>, read: fn(&str) -> Result<Duration, Wrong>) -> Result<Duration, Wrong> {
    match value {
        DeValue::String(text) => read(text),
        DeValue::Integer(number) if integer(number) == Some(0) => read("0"),
        DeValue::Integer(number) => {
            Err(Wrong::new("a time needs its unit", format!("write \"{number}s\", or \"{number}ms\"")))
        }
        value => Err(other("a time", value, "write \"500ms\", \"10s\", \"1m 30s\", or 0")),
    }
}

pub(super) fn workers(value: &DeValue<'_>) -> Result<Workers, Wrong> {
    match value {
        DeValue::String(text) if text == "auto" => Ok(Workers::OnePerCpu),
        DeValue::Integer(number) => Workers::number(integer(number).unwrap_or(i64::MAX)),
        DeValue::String(text) if text.parse::<u32>().is_ok() => {
            Err(other("a number", value, "write it without quotes"))
        }
        value => Err(other("a number", value, "write a number, or \"auto\": one for each CPU")),
    }
}

/// How many lanes the command line allows as well.
pub(super) fn lanes(value: &DeValue<'_>) -> Result<u8, Wrong> {
    let DeValue::Integer(number) = value else {
        return Err(other("a number", value, "write a number from 1 to 32, without quotes"));
    };
    match integer(number) {
        Some(number @ 1..=32) => Ok(number as u8),
        _ => Err(Wrong::new(
            "out of range",
            "write a number from 1 to 32; 1 means that all generations share one socket",
        )),
    }
}

pub(super) fn mode(value: &DeValue<'_>) -> Result<u32, Wrong> {
    let hint = "write it in octal and in quotes, like \"0660\"";
    match value {
        DeValue::String(text) => values::mode(text),
        DeValue::Integer(number) if number.radix() == 8 => values::mode(number.as_str()),
        DeValue::Integer(number) if number.radix() == 10 && number.as_str().bytes().all(|digit| digit < b'8') => {
            Err(Wrong::new("this number is decimal", format!("write it in octal and in quotes: \"0{number}\"")))
        }
        value => Err(other("a mode", value, hint)),
    }
}

/// Text that is read like the flag's.
pub(super) fn parsed<T: std::str::FromStr<Err = Wrong>>(value: &DeValue<'_>) -> Result<T, Wrong> {
    text(value, "write it in quotes")?.parse()
}

pub(super) fn between<T: TryFrom<i64>>(value: &DeValue<'_>, least: i64, most: i64) -> Result<T, Wrong> {
    let hint = format!("write a number from {least} to {most}, without quotes");
    let DeValue::Integer(number) = value else { return Err(Wrong::new("this is no number", hint)) };
    let number = integer(number).filter(|number| (least..=most).contains(number));
    number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| Wrong::new("out of range", hint))
}

pub(super) fn integer(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// The entries of a table in the order in which they were written.
pub(super) fn in_order<'a, 't>(table: &'a toml::de::DeTable<'t>) -> Vec<(&'a str, Range<usize>, &'a Value<'t>)> {
    let mut entries: Vec<_> = table.iter().map(|(key, value)| (key.get_ref().as_ref(), key.span(), value)).collect();
    entries.sort_by_key(|(_, at, _)| at.start);
    entries
}
