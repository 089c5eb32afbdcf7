//! Which declared listener a query means.
//!
//! Pure: given what is declared and what is asked for, it names one, or says why it cannot.

use std::fmt::Write as _;

use super::{Address, Host};

/// A listener that was declared, and is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// Its name.
    pub name: String,
    /// Where it was to listen; the port may be 0.
    pub address: Address,
    /// Where it does listen.
    pub bound: Address,
}

/// What a query means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// The listener at this index, by its very address.
    Exact(usize),
    /// The listener at this index, a wildcard that covers the address.
    Covered(usize),
    /// The listener at this index, because it is the only one of that kind and port: worth a notice.
    OnlyOne(usize),
    /// Nothing at all is declared: open it.
    Nothing,
    /// None that is declared, with a sentence that lists what there is.
    Refused(String),
}

/// Chooses among the `declared` listeners the one that `asked` means.
pub fn choose(declared: &[Declared], asked: &Address) -> Match {
    if declared.is_empty() {
        return Match::Nothing;
    }
    match indices(declared, |listener| listener.address == *asked || listener.bound == *asked)[..] {
        [] => {}
        [only] => return Match::Exact(only),
        _ => return Match::Refused(refusal(declared, asked, "more than one listener is declared as")),
    }
    let covering = indices(declared, |listener| listener.covers(asked));
    if let Some(narrowest) = covering.into_iter().min_by_key(|index| declared[*index].is_any()) {
        return Match::Covered(narrowest);
    }
    match indices(declared, |listener| listener.is_alike(asked))[..] {
        [only] => Match::OnlyOne(only),
        _ => Match::Refused(refusal(declared, asked, "no listener is declared for")),
    }
}

impl Declared {
    fn covers(&self, asked: &Address) -> bool {
        self.address.covers(asked) || self.bound.covers(asked)
    }

    fn is_any(&self) -> bool {
        matches!(self.address, Address::Tcp { host: Host::Any, .. })
    }

    /// Of the same kind, and of the same port where there is one.
    fn is_alike(&self, asked: &Address) -> bool {
        asked.port() == self.address.port() || asked.port() == self.bound.port()
    }
}

fn indices(declared: &[Declared], is_meant: impl Fn(&Declared) -> bool) -> Vec<usize> {
    let numbered = declared.iter().enumerate();
    numbered.filter(|(_, listener)| is_meant(listener)).map(|(index, _)| index).collect()
}

fn refusal(declared: &[Declared], asked: &Address, why: &str) -> String {
    let mut message = format!("{why} {asked}; there is");
    for (index, Declared { name, bound, .. }) in declared.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(message, "{comma} {name} ({bound})");
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(listeners: &[(&str, &str, &str)]) -> Vec<Declared> {
        let parse = |text: &str| text.parse().unwrap();
        let listener = |&(name, address, bound): &(&str, &str, &str)| Declared {
            name: name.to_owned(),
            address: parse(address),
            bound: parse(bound),
        };
        listeners.iter().map(listener).collect()
    }

    fn chosen(listeners: &[(&str, &str, &str)], asked: &str) -> Match {
        choose(&declared(listeners), &asked.parse().unwrap())
    }

    const HTTP: (&str, &str, &str) = ("http", "8000", "8000");
    const ADMIN: (&str, &str, &str) = ("admin", "127.0.0.1:9000", "127.0.0.1:9000");
    const SOCKET: (&str, &str, &str) = ("socket", "/run/a.sock", "/run/a.sock");

    #[test]
    fn the_same_address_is_meant_first() {
        assert_eq!(chosen(&[HTTP, ADMIN, SOCKET], "127.0.0.1:9000"), Match::Exact(1));
        assert_eq!(chosen(&[HTTP, ADMIN, SOCKET], "/run/a.sock"), Match::Exact(2));
        assert_eq!(chosen(&[HTTP, ("lo", "127.0.0.1:8000", "127.0.0.1:8000")], "127.0.0.1:8000"), Match::Exact(1));
    }

    #[test]
    fn a_declared_port_0_is_meant_by_port_0_and_by_its_real_port() {
        let any = ("http", "127.0.0.1:0", "127.0.0.1:40001");
        assert_eq!(chosen(&[any, ADMIN], "127.0.0.1:0"), Match::Exact(0));
        assert_eq!(chosen(&[any, ADMIN], "127.0.0.1:40001"), Match::Exact(0));
        assert_eq!(chosen(&[("http", "0", "40001"), ADMIN], "127.0.0.1:0"), Match::Covered(0));
        assert_eq!(chosen(&[("http", "0", "40001"), ADMIN], "127.0.0.1:40001"), Match::Covered(0));
    }

    #[test]
    fn two_listeners_with_port_0_must_be_asked_for_by_their_real_ports() {
        let two = [("a", "0", "40001"), ("b", "0", "40002")];
        assert_eq!(chosen(&two, "40002"), Match::Exact(1));
        let Match::Refused(message) = chosen(&two, "0") else { panic!("one of two was guessed") };
        assert_eq!(message, "more than one listener is declared as 0; there is a (40001), b (40002)");
    }

    #[test]
    fn a_wildcard_is_meant_by_the_addresses_it_covers() {
        assert_eq!(chosen(&[ADMIN, HTTP], "127.0.0.1:8000"), Match::Covered(1));
        assert_eq!(chosen(&[HTTP, ("four", "0.0.0.0:8000", "0.0.0.0:8000")], "10.0.0.1:8000"), Match::Covered(1));
    }

    #[test]
    fn the_only_one_of_that_kind_and_port_is_meant_at_last() {
        assert_eq!(chosen(&[HTTP, ADMIN], "9000"), Match::OnlyOne(1));
        assert_eq!(chosen(&[HTTP, SOCKET], "/tmp/other.sock"), Match::OnlyOne(1));
        let two = [("a", "127.0.0.1:9000", "127.0.0.1:9000"), ("b", "127.0.0.2:9000", "127.0.0.2:9000")];
        assert!(matches!(chosen(&two, "9000"), Match::Refused(_)));
    }

    #[test]
    fn a_refusal_lists_what_there_is() {
        let Match::Refused(message) = chosen(&[HTTP, ADMIN], "7000") else { panic!("7000 was found") };
        assert_eq!(message, "no listener is declared for 7000; there is http (8000), admin (127.0.0.1:9000)");
    }

    #[test]
    fn when_nothing_is_declared_it_is_to_be_opened() {
        assert_eq!(chosen(&[], "7000"), Match::Nothing);
    }
}
