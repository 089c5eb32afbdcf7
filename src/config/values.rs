//! Single values as people write them: times, numbers of workers, addresses, signals. Pure text: flags and file alike.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use super::suggestion;
pub use crate::dialects::{Dialect, StopSignal};
use crate::protocol::{Address, AddressError};

/// What is wrong with a value, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    pub(super) what: String,
    pub(super) hint: Option<String>,
}

/// How many workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// So many.
    Number(u32),
    /// One for each CPU, written `auto`.
    OnePerCpu,
}

/// More workers than that are a mistake.
pub(super) const MOST_WORKERS: u32 = 10_000;
/// Nobody waits longer than that: a year.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// What a dialect is called, in the order of its variants.
pub(super) const DIALECTS: [(&str, Dialect); 4] =
    [("auto", Dialect::Auto), ("query", Dialect::Query), ("systemd", Dialect::Systemd), ("node", Dialect::Node)];
/// What a time looks like, roughly, for whoever cannot ask the parser.
pub(super) const TIME: &str = r"^\s*([0-9]+\s*[a-zA-Zµ]+\s*)+$|^0$";
/// The signals that a program can be asked to stop by.
pub(super) const STOP_SIGNALS: [&str; 7] = ["TERM", "QUIT", "INT", "HUP", "USR1", "USR2", "WINCH"];

impl Wrong {
    pub(super) fn new(what: impl Into<String>, hint: impl Into<String>) -> Wrong {
        Wrong { what: what.into(), hint: Some(hint.into()) }
    }

    pub(super) fn plain(what: impl Into<String>) -> Wrong {
        Wrong { what: what.into(), hint: None }
    }
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

impl std::error::Error for Wrong {}

/// A time: `500ms`, `10s`, `1m 30s`, `2h`, or just `0`.
///
/// # Errors
/// When it is no time, has no unit, or is longer than a year.
pub fn duration(text: &str) -> Result<Duration, Wrong> {
    let text = text.trim();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Wrong::new("a time needs its unit", format!("write {text}s, {text}ms or {text}m")));
    }
    match humantime::parse_duration(text) {
        Ok(time) if time <= LONGEST => Ok(time),
        Ok(_) => Err(Wrong::plain("that is longer than a year")),
        Err(_) => Err(Wrong::new("this is no time", "write 500ms, 10s, 1m 30s, 2h, or 0")),
    }
}

/// A time that is not zero, since nothing is ready at once.
///
/// # Errors
/// As [`duration`], and when it is zero.
pub fn ready_grace(text: &str) -> Result<Duration, Wrong> {
    match duration(text)? {
        Duration::ZERO => Err(Wrong::new("no worker is ready after no time", "write 30s, or as long as it may take")),
        time => Ok(time),
    }
}

/// A mode in octal: `0660`.
pub(super) fn mode(text: &str) -> Result<u32, Wrong> {
    let hint = "write it in octal and in quotes, like \"0660\"";
    match u32::from_str_radix(text.strip_prefix("0o").unwrap_or(text), 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        Ok(_) => Err(Wrong::new("it ends at 0777", hint)),
        Err(_) => Err(Wrong::new("this is no mode", hint)),
    }
}

/// What new files may not be: `0027`.
///
/// # Errors
/// When it is no octal number up to 0777.
pub fn umask(text: &str) -> Result<u32, Wrong> {
    mode(text)
}

/// A number of bytes, or of anything: `65536`, `64K`, `64MiB`, `1G`. A K is 1024.
pub(super) fn size(text: &str) -> Result<u64, Wrong> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim().trim_end_matches(['b', 'B']).trim_end_matches('i');
    let power = match unit.to_ascii_uppercase().as_str() {
        "" => Some(0),
        "K" => Some(1),
        "M" => Some(2),
        "G" => Some(3),
        "T" => Some(4),
        _ => None,
    };
    let size = power.zip(number.parse::<u64>().ok()).and_then(|(power, number)| number.checked_mul(1024u64.pow(power)));
    size.ok_or_else(|| Wrong::new("this is no size", "write 65536, 64K, 64M or 1G"))
}

/// An address; the path of a Unix socket may be relative to `base`.
///
/// # Errors
/// When it is none.
pub fn address(text: &str, base: &Path) -> Result<Address, Wrong> {
    let relative = text.strip_prefix("unix:").filter(|path| !path.is_empty() && !path.starts_with(['/', '@']));
    let address = match relative {
        Some(relative) => Address::unix(&join(base, relative)),
        None => text.parse(),
    };
    address.map_err(|error: AddressError| {
        let text = error.to_string();
        match text.split_once(": ") {
            Some((what, hint)) => Wrong::new(what, hint),
            None => Wrong::plain(text),
        }
    })
}

/// `base/path`, without the `.` that people write.
pub(super) fn join(base: &Path, path: impl AsRef<Path>) -> std::path::PathBuf {
    base.join(path).components().collect()
}

/// What a listener may be called.
///
/// # Errors
/// When the name is empty, or holds a colon, an equals sign, or a control character.
pub fn listener_name(text: &str) -> Result<String, Wrong> {
    match text.is_empty() || text.contains(|c: char| c == ':' || c == '=' || c.is_control()) {
        false => Ok(text.to_owned()),
        true => Err(Wrong::plain("a listener's name is neither empty nor holds a colon or an equals sign")),
    }
}

impl FromStr for Workers {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        match text {
            "auto" => Ok(Workers::OnePerCpu),
            number => match number.parse() {
                Ok(number) => Workers::number(number),
                Err(_) => {
                    Err(Wrong::new("this is no number of workers", "write a number, or \"auto\": one for each CPU"))
                }
            },
        }
    }
}

impl Workers {
    pub(super) fn number(number: i64) -> Result<Workers, Wrong> {
        match u32::try_from(number) {
            Ok(0) => Err(Wrong::plain("at least one worker must work")),
            Ok(number) if number <= MOST_WORKERS => Ok(Workers::Number(number)),
            Err(_) if number < 0 => Err(Wrong::plain("there are no fewer workers than none")),
            _ => Err(Wrong::plain(format!("more than {MOST_WORKERS} workers are too many"))),
        }
    }
}

/// Where metrics are told; a port alone is on loopback.
///
/// # Errors
/// When it is neither an address with a port nor a port.
pub fn metrics_address(text: &str) -> Result<SocketAddr, Wrong> {
    let port = |text: &str| Some(SocketAddr::from((Ipv4Addr::LOCALHOST, text.parse().ok()?)));
    let wrong = || Wrong::new("this is no address", "write a port, or an address and a port: \"127.0.0.1:9090\"");
    text.parse().ok().or_else(|| port(text)).ok_or_else(wrong)
}

impl FromStr for Dialect {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        match DIALECTS.iter().find(|(name, _)| *name == text) {
            Some((_, dialect)) => Ok(*dialect),
            None => {
                let names = DIALECTS.map(|(name, _)| name);
                let all = format!("there are {}", names.map(|name| format!("\"{name}\"")).join(", "));
                let hint = suggestion::nearest(text, &names).map_or(all, |name| format!("did you mean \"{name}\"?"));
                Err(Wrong::new("there is no such dialect", hint))
            }
        }
    }
}

impl FromStr for StopSignal {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        StopSignal::named(text).ok_or_else(|| {
            let what = match text.to_ascii_uppercase().trim_start_matches("SIG") {
                "KILL" | "STOP" => "no program can answer that signal",
                _ => "there is no such signal to stop by",
            };
            Wrong::new(what, "write TERM, QUIT, INT, HUP, USR1, USR2 or WINCH")
        })
    }
}
