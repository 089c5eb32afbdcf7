//! `listen` and `[listen]`: one address, or several by name.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::document::Reader;
use super::fields::{self, Value, in_order};
use super::layer::Listener;
use super::mistake::Mistake;
use super::values::{self, Wrong};
use crate::protocol::Address;

/// What a listener's own table may hold.
pub(super) const KEYS: [&str; 4] = ["address", "lanes", "blocking", "mode"];

/// A listener and the place of its name.
type Placed = (Range<usize>, Listener);

/// All listeners; none that has a mistake.
pub(super) fn read(reader: &mut Reader<'_>, at: Range<usize>, value: &Value<'_>) -> Vec<Listener> {
    let listeners: Vec<Placed> = match value.get_ref() {
        DeValue::Table(listeners) => {
            in_order(listeners).into_iter().filter_map(|(name, at, value)| named(reader, name, at, value)).collect()
        }
        DeValue::Array(_) => {
            let hint = "give each a name: write [listen] and below it http = \"8080\"";
            let wrong = Wrong::new("this is a list", hint);
            reader.mistakes.push(Mistake::wrong("listen", value.span(), wrong));
            Vec::new()
        }
        _ => address(reader, "listen", value).map(|address| (at, Listener::new(None, address))).into_iter().collect(),
    };
    conflicts(reader, &listeners);
    listeners.into_iter().map(|(_, listener)| listener).collect()
}

fn named(reader: &mut Reader<'_>, name: &str, at: Range<usize>, value: &Value<'_>) -> Option<Placed> {
    if reader.slipped(name, &at, "listen") {
        return None;
    }
    if let Err(wrong) = values::listener_name(name) {
        reader.mistakes.push(Mistake::new(wrong.what, at));
        return None;
    }
    let listener = match value.get_ref() {
        DeValue::Table(table) => whole(reader, name, at.clone(), table)?,
        _ => Listener::new(Some(name.into()), address(reader, name, value)?),
    };
    Some((at, listener))
}

fn address(reader: &mut Reader<'_>, key: &str, value: &Value<'_>) -> Option<Address> {
    let base = &reader.source.directory;
    reader.one(key, value, |value| match value {
        DeValue::Integer(port) => match fields::integer(port).and_then(|port| u16::try_from(port).ok()) {
            Some(port) => Ok(Address::from(port)),
            None => Err(Wrong::plain("ports are numbers from 0 to 65535")),
        },
        value => {
            values::address(fields::text(value, "write 8080, \"127.0.0.1:8080\" or \"unix:/run/app.sock\"")?, base)
        }
    })
}

fn whole(reader: &mut Reader<'_>, name: &str, at: Range<usize>, table: &DeTable<'_>) -> Option<Listener> {
    let (mut place, mut mode_at, mut lanes_at) = (None, None, None);
    let mut listener = Listener::new(Some(name.into()), Address::from(0));
    let before = reader.mistakes.len();
    for (key, key_at, value) in in_order(table) {
        match key {
            "address" => place = address(reader, key, value),
            "lanes" => (listener.lanes, lanes_at) = (reader.one(key, value, fields::lanes), Some(key_at)),
            "blocking" => listener.blocking = reader.one(key, value, fields::boolean).unwrap_or_default(),
            "mode" => (listener.mode, mode_at) = (reader.one(key, value, fields::mode), Some(key_at)),
            slipped if reader.slipped(slipped, &key_at, &format!("listen.{name}")) => {}
            unknown => reader.unknown(unknown, key_at, "setting of a listener", &KEYS),
        }
    }
    if !table.contains_key("address") {
        let mistake = Mistake::new(format!("the listener `{name}` has no address"), at);
        reader.mistakes.push(mistake.hint("write address = \"127.0.0.1:8080\""));
    }
    listener.address = place?;
    if let (Some(at), Some(_), Address::Tcp { .. } | Address::Abstract(_)) = (mode_at, listener.mode, &listener.address)
    {
        let mistake = Mistake::new("`mode` is for Unix sockets that have a path", at);
        reader.mistakes.push(mistake.label(format!("`{}` has none", listener.address)).hint("leave it out"));
    }
    if let (Some(at), Some(2..), Address::Abstract(_)) = (lanes_at, listener.lanes, &listener.address) {
        let mistake = Mistake::new("an abstract Unix socket cannot have several lanes", at);
        reader.mistakes.push(mistake.hint("leave `lanes` out, or give the socket a path: unix:/run/app.sock"));
    }
    (reader.mistakes.len() == before).then_some(listener)
}

fn conflicts(reader: &mut Reader<'_>, listeners: &[Placed]) {
    for (later, (at, listener)) in listeners.iter().enumerate() {
        let clash = listeners[..later].iter().find_map(|(first, other)| Some((first, other.conflict(listener)?)));
        if let Some((first, what)) = clash {
            let mistake = Mistake::new(what, at.clone()).label("this one").also(first.clone(), "the other");
            reader.mistakes.push(mistake.hint("give one of them another port, or leave it out"));
        }
    }
}
