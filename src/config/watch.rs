//! `[watch]`: which files cause a reload when they change.

use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeValue;

use super::document::Reader;
use super::fields::{self, Value, in_order};
use super::layer::Layer;
use super::values::{Wrong, join};

/// What the table may hold.
pub(super) const KEYS: [&str; 5] = ["binary", "paths", "quiet", "at_most_every", "poll"];

/// Which files cause a reload, and how patiently they are watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The program's own file.
    pub binary: bool,
    /// Files, and directories with all that is in them.
    pub paths: Vec<PathBuf>,
    /// For so long nothing must happen to them.
    pub quiet: Duration,
    /// Not sooner after the last reload that they caused.
    pub at_most_every: Duration,
    /// Whether they are looked at without a reason.
    pub poll: Poll,
}

/// Whether files are looked at without a reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Poll {
    /// Where the file system does not tell what happens to them.
    #[default]
    WhereNeeded,
    /// Nowhere.
    Never,
    /// Everywhere, this often.
    Every(Duration),
}

/// What a source says of `[watch]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchLayer {
    /// The program's own file.
    pub binary: Option<bool>,
    /// Files and directories; the upper layer's replace all of the lower one's.
    pub paths: Option<Vec<PathBuf>>,
    /// For so long nothing must happen to them.
    pub quiet: Option<Duration>,
    /// Not sooner after the last reload that they caused.
    pub at_most_every: Option<Duration>,
    /// Whether they are looked at without a reason.
    pub poll: Option<Poll>,
}

impl Default for Watch {
    fn default() -> Self {
        Watch {
            binary: false,
            paths: Vec::new(),
            quiet: Duration::from_millis(500),
            at_most_every: Duration::from_secs(10),
            poll: Poll::default(),
        }
    }
}

impl WatchLayer {
    pub(super) fn over(self, under: WatchLayer) -> WatchLayer {
        WatchLayer {
            binary: self.binary.or(under.binary),
            paths: self.paths.or(under.paths),
            quiet: self.quiet.or(under.quiet),
            at_most_every: self.at_most_every.or(under.at_most_every),
            poll: self.poll.or(under.poll),
        }
    }

    pub(super) fn filled(self) -> Watch {
        let default = Watch::default();
        Watch {
            binary: self.binary.unwrap_or(default.binary),
            paths: self.paths.unwrap_or(default.paths),
            quiet: self.quiet.unwrap_or(default.quiet),
            at_most_every: self.at_most_every.unwrap_or(default.at_most_every),
            poll: self.poll.unwrap_or(default.poll),
        }
    }
}

/// Reads the table into the layer.
pub(super) fn read(reader: &mut Reader<'_>, value: &Value<'_>, layer: &mut Layer) {
    let Some(table) = reader.table("watch", value, "write [watch] and below it binary = true") else { return };
    let watch = &mut layer.watch;
    for (key, at, value) in in_order(table) {
        match key {
            "binary" => watch.binary = reader.one(key, value, fields::boolean),
            "paths" => watch.paths = paths(reader, value),
            "quiet" => watch.quiet = reader.one(key, value, quiet),
            "at_most_every" => watch.at_most_every = reader.one(key, value, fields::time),
            "poll" => watch.poll = reader.one(key, value, poll),
            slipped if reader.slipped(slipped, &at, "watch") => {}
            unknown => reader.unknown(unknown, at, "setting of a watch", &KEYS),
        }
    }
}

fn quiet(value: &DeValue<'_>) -> Result<Duration, Wrong> {
    fields::longer_than_nothing(value, "a file is written in more than no time")
}

fn paths(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Vec<PathBuf>> {
    let base = &reader.source.directory;
    let DeValue::Array(paths) = value.get_ref() else {
        let hint = "write paths = [\"server.conf\", \"/etc/server\"]";
        return reader.one("paths", value, |_| Err(Wrong::new("this is no list", hint)));
    };
    let each =
        paths.iter().map(|path| reader.one("paths", path, |path| fields::path(path).map(|path| join(base, path))));
    each.collect()
}

fn poll(value: &DeValue<'_>) -> Result<Poll, Wrong> {
    match value {
        DeValue::Boolean(false) => Ok(Poll::Never),
        DeValue::String(text) if text == "auto" => Ok(Poll::WhereNeeded),
        DeValue::Boolean(true) => Err(Wrong::new("how often is not said", "write poll = \"2s\", or \"auto\"")),
        value => match fields::time(value)? {
            Duration::ZERO => Err(Wrong::new("nobody looks all the time", "write poll = \"2s\", or false for never")),
            time => Ok(Poll::Every(time)),
        },
    }
}
