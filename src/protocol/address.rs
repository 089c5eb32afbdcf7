//! Where a listener listens, as people write it: `8000`, `127.0.0.1:8000`, `unix:/run/app.sock`.
//!
//! Pure text: it opens nothing and resolves no names.

use std::convert::Infallible;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest path (or abstract name) that fits into a Unix socket's address, with the byte that ends it.
const LONGEST_PATH: usize = 107;

/// Where a listener listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Address {
    /// TCP, written `8000`, `127.0.0.1:8000` or `[::1]:8000`.
    Tcp {
        /// The addresses of this machine that it answers on.
        host: Host,
        /// The port; 0 lets the kernel choose one.
        port: u16,
    },
    /// A Unix socket with a place in the file system, written `unix:/run/app.sock` or `/run/app.sock`.
    Unix(PathBuf),
    /// A Unix socket in the abstract namespace, written `unix:@app`.
    Abstract(String),
}

/// The addresses of this machine that a TCP listener answers on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// All of them: `[::]` dual-stack, or `0.0.0.0` where there is no IPv6.
    Any,
    /// This one; `0.0.0.0` is all of IPv4.
    Ip(IpAddr),
}

/// What is wrong with an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Nothing was given.
    #[error("the address is empty: write a port (`8000`), an address and a port, or `unix:/path`")]
    Empty,
    /// There is an address but no port.
    #[error("`{0}` has no port: write `{0}:8000`")]
    MissingPort(String),
    /// The port is no number.
    #[error("`{0}` is no port: it must be a number from 0 to 65535")]
    BadPort(String),
    /// The port is a number beyond 65535.
    #[error("port {0} is out of range: ports end at 65535")]
    PortOutOfRange(String),
    /// An IPv6 address whose end cannot be told from its port.
    #[error("`{0}` is ambiguous: write an IPv6 address in brackets, like `[::1]:8000`")]
    Unbracketed(String),
    /// The brackets hold no IPv6 address, or are not closed.
    #[error("`{0}` is no IPv6 address in brackets, like `[::1]:8000`")]
    BadIpv6(String),
    /// A name that would have to be resolved.
    #[error("`{0}` is a host name: give its IP address (only `localhost` is known by name)")]
    HostName(String),
    /// `unix:` with nothing behind it.
    #[error("the path of the Unix socket is empty: write `unix:/path`, or `unix:@name`")]
    EmptyPath,
    /// A path that depends on the working directory.
    #[error("`{0}` is a relative path: write `unix:` and the path from the root, like `unix:/run/app.sock`")]
    RelativePath(String),
    /// A path that the kernel would cut off.
    #[error("`{0}` is too long for a Unix socket: at most {LONGEST_PATH} bytes")]
    PathTooLong(String),
    /// A path that holds a zero byte or is no UTF-8.
    #[error("`{0}` cannot be a Unix socket's path: it is no plain text")]
    BadPath(String),
    /// Something else before `://`.
    #[error("`{0}` is no kind of listener: there are `tcp://` and `unix:`")]
    UnknownScheme(String),
}

impl Address {
    /// TCP on `ip` and `port`; `::` is [`Host::Any`], because it is opened for IPv4 as well.
    pub fn tcp(ip: IpAddr, port: u16) -> Self {
        let host = match ip {
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Host::Any,
            ip => Host::Ip(ip),
        };
        Self::Tcp { host, port }
    }

    /// A Unix socket at `path`; one that begins with `@` names an abstract socket.
    ///
    /// # Errors
    /// When the path is relative, empty, too long, or no text.
    pub fn unix(path: &Path) -> Result<Self, AddressError> {
        let shown = || path.display().to_string();
        let text = path.to_str().ok_or_else(|| AddressError::BadPath(shown()))?;
        if text.contains('\0') {
            return Err(AddressError::BadPath(text.replace('\0', "\\0")));
        }
        if text.len() > LONGEST_PATH {
            return Err(AddressError::PathTooLong(shown()));
        }
        match text.strip_prefix('@') {
            Some("") => Err(AddressError::EmptyPath),
            Some(name) => Ok(Self::Abstract(name.to_owned())),
            None if text.is_empty() => Err(AddressError::EmptyPath),
            // One slash says as much as several, and what follows `unix:` is not taken for a URL's `//`.
            None if text.starts_with('/') => Ok(Self::Unix(format!("/{}", text.trim_start_matches('/')).into())),
            None => Err(AddressError::RelativePath(shown())),
        }
    }

    /// The port of a TCP address.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp { port, .. } => Some(*port),
            Self::Unix(_) | Self::Abstract(_) => None,
        }
    }

    /// Whether a listener here also answers whoever calls `asked`: the same address, or a wildcard of its port.
    pub fn covers(&self, asked: &Self) -> bool {
        match (self, asked) {
            (Self::Tcp { host, port }, Self::Tcp { host: asked, port: asked_port }) => {
                port == asked_port && host.covers(*asked)
            }
            _ => self == asked,
        }
    }
}

impl Host {
    fn covers(self, asked: Self) -> bool {
        match (self, asked) {
            (Self::Any, _) => true,
            (Self::Ip(IpAddr::V6(Ipv6Addr::UNSPECIFIED)), _) => true,
            (Self::Ip(_), Self::Any) => false,
            (Self::Ip(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), Self::Ip(ip)) => ip.to_canonical().is_ipv4(),
            (Self::Ip(own), Self::Ip(ip)) => own.to_canonical() == ip.to_canonical(),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Self::unix(Path::new(path.strip_prefix("//").unwrap_or(path)));
        }
        if text.starts_with('/') {
            return Self::unix(Path::new(text));
        }
        let text = text.strip_prefix("tcp://").unwrap_or(text);
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(AddressError::UnknownScheme(format!("{scheme}://")));
        }
        if text.contains('/') {
            return Err(AddressError::RelativePath(text.to_owned()));
        }
        parse_tcp(text)
    }
}

fn parse_tcp(text: &str) -> Result<Address, AddressError> {
    if text.is_empty() {
        return Err(AddressError::Empty);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(Address::Tcp { host: Host::Any, port: parse_port(text)? });
    }
    if let Some(rest) = text.strip_prefix('[') {
        let bad = || AddressError::BadIpv6(text.to_owned());
        let (ip, after) = rest.split_once(']').ok_or_else(bad)?;
        let ip = ip.parse::<Ipv6Addr>().map_err(|_| bad())?;
        let port = match after.strip_prefix(':') {
            Some(port) => parse_port(port)?,
            None if after.is_empty() => return Err(AddressError::MissingPort(text.to_owned())),
            None => return Err(bad()),
        };
        return Ok(Address::tcp(ip.into(), port));
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err(AddressError::MissingPort(text.to_owned()));
    };
    if host.contains(':') {
        return Err(AddressError::Unbracketed(text.to_owned()));
    }
    let host = parse_host(host)?;
    Ok(Address::Tcp { host, port: parse_port(port)? })
}

fn parse_host(host: &str) -> Result<Host, AddressError> {
    match host {
        "" | "*" => Ok(Host::Any),
        "localhost" => Ok(Host::Ip(Ipv4Addr::LOCALHOST.into())),
        name => match name.parse::<Ipv4Addr>() {
            Ok(ip) => Ok(Host::Ip(ip.into())),
            Err(_) => Err(AddressError::HostName(name.to_owned())),
        },
    }
}

fn parse_port(text: &str) -> Result<u16, AddressError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(AddressError::BadPort(text.to_owned()));
    }
    text.parse().map_err(|_| AddressError::PortOutOfRange(text.to_owned()))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host: Host::Any, port } => write!(f, "{port}"),
            Self::Tcp { host: Host::Ip(ip), port } => SocketAddr::new(*ip, *port).fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Abstract(name) => write!(f, "unix:@{name}"),
        }
    }
}

impl TryFrom<&str> for Address {
    type Error = AddressError;

    fn try_from(text: &str) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl TryFrom<&String> for Address {
    type Error = AddressError;

    fn try_from(text: &String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl From<&Address> for Address {
    fn from(address: &Address) -> Self {
        address.clone()
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::tcp(address.ip(), address.port())
    }
}

impl From<u16> for Address {
    fn from(port: u16) -> Self {
        Self::Tcp { host: Host::Any, port }
    }
}

impl From<Infallible> for AddressError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Address {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn refused(text: &str) -> AddressError {
        text.parse::<Address>().expect_err(text)
    }

    #[test]
    fn a_bare_port_means_every_address_of_the_machine() {
        for text in ["8000", ":8000", "*:8000", "[::]:8000", "tcp://8000", "tcp://*:8000"] {
            assert_eq!(parsed(text), Address::from(8000), "{text}");
        }
        assert_eq!(parsed("[::]:8000").to_string(), "8000");
    }

    #[test]
    fn an_address_is_written_as_it_is_read() {
        for text in ["0", "8000", "127.0.0.1:80", "0.0.0.0:80", "[::1]:80", "unix:/run/a.sock", "unix:@a"] {
            assert_eq!(parsed(text).to_string(), text);
        }
    }

    #[test]
    fn the_common_ways_to_write_an_address_are_known() {
        assert_eq!(parsed("localhost:80").to_string(), "127.0.0.1:80");
        assert_eq!(parsed("tcp://127.0.0.1:80").to_string(), "127.0.0.1:80");
        assert_eq!(parsed("/run/a.sock").to_string(), "unix:/run/a.sock");
        assert_eq!(parsed("unix:///run/a.sock").to_string(), "unix:/run/a.sock");
        assert_eq!(parsed("//run/a.sock").to_string(), "unix:/run/a.sock");
    }

    #[test]
    fn each_mistake_is_named() {
        use AddressError::*;
        assert_eq!(refused(""), Empty);
        assert_eq!(refused("tcp://"), Empty);
        assert_eq!(refused("127.0.0.1"), MissingPort("127.0.0.1".into()));
        assert_eq!(refused("[::1]"), MissingPort("[::1]".into()));
        assert_eq!(refused("127.0.0.1:"), BadPort("".into()));
        assert_eq!(refused("127.0.0.1:+80"), BadPort("+80".into()));
        assert_eq!(refused("70000"), PortOutOfRange("70000".into()));
        assert_eq!(refused("127.0.0.1:65536"), PortOutOfRange("65536".into()));
        assert_eq!(refused("::1:8000"), Unbracketed("::1:8000".into()));
        assert_eq!(refused("[::1:8000"), BadIpv6("[::1:8000".into()));
        assert_eq!(refused("[::1]8000"), BadIpv6("[::1]8000".into()));
        assert_eq!(refused("example.org:80"), HostName("example.org".into()));
        assert_eq!(refused("unix:"), EmptyPath);
        assert_eq!(refused("unix:@"), EmptyPath);
        assert_eq!(refused("./rel.sock"), RelativePath("./rel.sock".into()));
        assert_eq!(refused("unix:rel.sock"), RelativePath("rel.sock".into()));
        assert_eq!(refused("unix:/a\0b"), BadPath("/a\\0b".into()));
        assert_eq!(refused("http://localhost:80"), UnknownScheme("http://".into()));
        assert!(matches!(refused(&format!("/{}", "a".repeat(107))), PathTooLong(_)));
    }

    #[test]
    fn a_host_name_gets_a_hint() {
        let hint = refused("example.org:80").to_string();
        assert!(hint.contains("give its IP address"), "{hint}");
    }

    #[test]
    fn a_wildcard_covers_the_addresses_of_its_port() {
        let covers = |own: &str, asked: &str| parsed(own).covers(&parsed(asked));
        assert!(covers("8000", "127.0.0.1:8000"));
        assert!(covers("8000", "[::1]:8000"));
        assert!(covers("8000", "0.0.0.0:8000"));
        assert!(!covers("8000", "127.0.0.1:8001"));
        assert!(covers("0.0.0.0:8000", "127.0.0.1:8000"));
        assert!(!covers("0.0.0.0:8000", "[::1]:8000"));
        assert!(!covers("0.0.0.0:8000", "8000"));
        assert!(!covers("127.0.0.1:8000", "127.0.0.2:8000"));
        assert!(covers("/run/a.sock", "unix:/run/a.sock"));
        assert!(!covers("/run/a.sock", "unix:@a"));
    }

    #[test]
    fn an_address_is_a_string_in_json() {
        let json = serde_json::to_string(&parsed("[::1]:80")).unwrap();
        assert_eq!(json, "\"[::1]:80\"");
        assert_eq!(serde_json::from_str::<Address>(&json).unwrap(), parsed("[::1]:80"));
        assert!(serde_json::from_str::<Address>("\"nowhere\"").is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".*") {
            let _ = text.parse::<Address>();
        }

        #[test]
        fn a_path_that_is_written_is_read_back(text in "(unix:|/)[/@.a]{0,12}") {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert_eq!(parsed(&address.to_string()), address);
            }
        }

        #[test]
        fn what_is_written_is_read_back(ip: IpAddr, port: u16) {
            let address = Address::tcp(ip, port);
            prop_assert_eq!(parsed(&address.to_string()), address);
        }
    }
}
