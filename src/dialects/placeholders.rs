//! The argument dialect: `{fd:NAME}`, `{addr:NAME}`, `{port:NAME}`, `{generation}` and `{slot}` in arguments and in values
//! of the environment. All else in braces is the program's own business.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// A listener, as a program may be told about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) name: String,
    /// `127.0.0.1:8000`, `[::]:8000`, a path.
    pub(crate) address: String,
    /// None for a Unix socket.
    pub(crate) port: Option<u16>,
}

/// What placeholders are filled with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filling {
    pub(crate) places: Vec<Place>,
    /// The number of the first place's descriptor; the others follow.
    pub(crate) first_descriptor: u16,
    pub(crate) generation: u32,
    pub(crate) slot: u32,
}

impl Filling {
    /// The text with its placeholders filled. The error is a sentence that says what there is instead.
    pub(crate) fn fill(&self, text: &OsStr) -> Result<OsString, String> {
        let mut filled = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let Some(start) = rest.iter().position(|&byte| byte == b'{') {
            filled.extend_from_slice(&rest[..start]);
            rest = &rest[start..];
            let placeholder = rest.iter().position(|&byte| byte == b'}').map(|end| &rest[1..end]);
            match placeholder.and_then(|inner| std::str::from_utf8(inner).ok()).map(|inner| (inner, self.value(inner)))
            {
                Some((inner, Some(value))) => {
                    filled.extend_from_slice(value?.as_bytes());
                    rest = &rest[inner.len() + 2..];
                }
                Some((_, None)) | None => {
                    filled.push(b'{');
                    rest = &rest[1..];
                }
            }
        }
        filled.extend_from_slice(rest);
        Ok(OsString::from_vec(filled))
    }

    /// What stands for a placeholder; nothing if it is none.
    fn value(&self, placeholder: &str) -> Option<Result<String, String>> {
        match placeholder.split_once(':') {
            None if placeholder == "generation" => Some(Ok(self.generation.to_string())),
            None if placeholder == "slot" => Some(Ok(self.slot.to_string())),
            Some(("fd", name)) => Some(self.find(name).map(|(descriptor, _)| descriptor.to_string())),
            Some(("addr", name)) => Some(self.find(name).map(|(_, place)| place.address.clone())),
            Some(("port", name)) => Some(self.find(name).and_then(|(_, place)| {
                let port = place.port.map(|port| port.to_string());
                port.ok_or_else(|| format!("{{port:{name}}}: {} is a Unix socket and has no port", place.address))
            })),
            Some(_) | None => None,
        }
    }

    fn find(&self, name: &str) -> Result<(u16, &Place), String> {
        let found = (self.first_descriptor..).zip(&self.places).find(|(_, place)| place.name == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = self.places.iter().map(|place| place.name.as_str()).collect();
            match names.is_empty() {
                true => format!("no listener is called {name}: none is declared (`--listen {name}=…`)"),
                false => format!("no listener is called {name}; there is {}", names.join(", ")),
            }
        })
    }
}

/// Whether a text asks for a descriptor.
pub(crate) fn asks_for_a_descriptor(text: &OsStr) -> bool {
    text.as_bytes().windows(4).any(|window| window == b"{fd:")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filling() -> Filling {
        let place = |name: &str, address: &str, port| Place { name: name.into(), address: address.into(), port };
        Filling {
            places: vec![place("http", "127.0.0.1:8000", Some(8000)), place("admin", "/run/admin.sock", None)],
            first_descriptor: 3,
            generation: 7,
            slot: 2,
        }
    }

    fn filled(text: &str) -> Result<String, String> {
        filling().fill(OsStr::new(text)).map(|text| text.to_string_lossy().into_owned())
    }

    #[test]
    fn each_placeholder_is_filled() {
        assert_eq!(filled("--fd={fd:http}").as_deref(), Ok("--fd=3"));
        assert_eq!(filled("fd://{fd:admin}").as_deref(), Ok("fd://4"));
        assert_eq!(
            filled("{addr:http} {port:http} {addr:admin}").as_deref(),
            Ok("127.0.0.1:8000 8000 /run/admin.sock")
        );
        assert_eq!(filled("web-{generation}.{slot}.log").as_deref(), Ok("web-7.2.log"));
    }

    #[test]
    fn what_is_no_placeholder_stays_as_it_is() {
        for text in
            ["", "{", "}", "{}", r#"{"a": {"b": 1}}"#, "{{generation", "${HOME}", "{other:http}", "{Generation}"]
        {
            assert_eq!(filled(text).as_deref(), Ok(text));
        }
        assert_eq!(filled("{{slot}}").as_deref(), Ok("{2}"));
    }

    #[test]
    fn a_listener_that_is_not_there_is_named_with_what_there_is() {
        assert_eq!(filled("{fd:web}"), Err("no listener is called web; there is http, admin".into()));
        assert!(filled("{port:admin}").is_err_and(|why| why.contains("has no port")));
    }

    #[test]
    fn only_a_descriptor_counts_as_asking_for_one() {
        assert!(asks_for_a_descriptor(OsStr::new("--fd={fd:http}")));
        assert!(!asks_for_a_descriptor(OsStr::new("{addr:http} {slot}")));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[{}a-z:0-9]{0,40}") {
            let _ = filling().fill(OsStr::new(&text));
        }
    }
}
