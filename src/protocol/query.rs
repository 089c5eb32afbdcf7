//! A query's three fields, the way Node's `cluster` writes them, and the address that they mean.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Address, AddressError, Host};

/// The body of `queryServer`: the listener that a worker wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Query {
    /// An IP address, a path, an abstract name behind `@`; nothing for every address of the machine.
    #[serde(default)]
    pub address: Option<String>,
    /// The port; −1 for a Unix socket.
    pub port: i32,
    /// How to read the address.
    pub address_type: AddressType,
}

/// How to read a query's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressType {
    /// 4: TCP over IPv4.
    Ipv4,
    /// 6: TCP over IPv6.
    Ipv6,
    /// −1: a Unix socket.
    Path,
    /// `"udp4"`: datagrams over IPv4.
    Udp4,
    /// `"udp6"`: datagrams over IPv6.
    Udp6,
}

/// Why a query means no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// Datagrams are asked for.
    #[error("UDP sockets are not handed out")]
    Datagrams,
    /// The address is no IP address.
    #[error("`{0}` is no IP address")]
    NotAnIp(String),
    /// The port is no port.
    #[error("{0} is no port: ports go from 0 to 65535")]
    BadPort(i32),
    /// The path is missing, or cannot be one.
    #[error(transparent)]
    BadPath(#[from] AddressError),
}

impl From<&Address> for Query {
    fn from(address: &Address) -> Self {
        match address {
            Address::Tcp { host: Host::Any, port } => Self::tcp(None, *port, AddressType::Ipv6),
            Address::Tcp { host: Host::Ip(ip), port } => {
                let kind = if ip.is_ipv4() { AddressType::Ipv4 } else { AddressType::Ipv6 };
                Self::tcp(Some(ip.to_string()), *port, kind)
            }
            Address::Unix(path) => Self::unix(path.display().to_string()),
            Address::Abstract(name) => Self::unix(format!("@{name}")),
        }
    }
}

impl Query {
    fn tcp(address: Option<String>, port: u16, address_type: AddressType) -> Self {
        Self { address, port: port.into(), address_type }
    }

    fn unix(path: String) -> Self {
        Self { address: Some(path), port: -1, address_type: AddressType::Path }
    }
}

impl TryFrom<&Query> for Address {
    type Error = QueryError;

    fn try_from(query: &Query) -> Result<Self, QueryError> {
        match query.address_type {
            AddressType::Udp4 | AddressType::Udp6 => Err(QueryError::Datagrams),
            AddressType::Path => Ok(Self::unix(Path::new(query.address.as_deref().unwrap_or("")))?),
            AddressType::Ipv4 | AddressType::Ipv6 => {
                let port = u16::try_from(query.port).map_err(|_| QueryError::BadPort(query.port))?;
                match query.address.as_deref() {
                    None | Some("") => Ok(Self::Tcp { host: Host::Any, port }),
                    Some("localhost") => Ok(Self::tcp(Ipv4Addr::LOCALHOST.into(), port)),
                    Some(text) => match text.parse::<IpAddr>() {
                        Ok(ip) => Ok(Self::tcp(ip, port)),
                        Err(_) => Err(QueryError::NotAnIp(text.to_owned())),
                    },
                }
            }
        }
    }
}

impl Serialize for AddressType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Ipv4 => serializer.serialize_i32(4),
            Self::Ipv6 => serializer.serialize_i32(6),
            Self::Path => serializer.serialize_i32(-1),
            Self::Udp4 => serializer.serialize_str("udp4"),
            Self::Udp6 => serializer.serialize_str("udp6"),
        }
    }
}

impl<'de> Deserialize<'de> for AddressType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(i64),
            Name(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(4) => Ok(Self::Ipv4),
            Written::Number(6) => Ok(Self::Ipv6),
            Written::Number(-1) => Ok(Self::Path),
            Written::Name(name) if name == "udp4" => Ok(Self::Udp4),
            Written::Name(name) if name == "udp6" => Ok(Self::Udp6),
            _ => Err(de::Error::custom("addressType is none of 4, 6, -1, \"udp4\", \"udp6\"")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(json: &str) -> Query {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn an_address_survives_the_way_through_a_query() {
        for text in ["8000", "127.0.0.1:8000", "0.0.0.0:1", "[::1]:0", "/run/a.sock", "unix:@a"] {
            let address: Address = text.parse().unwrap();
            let json = serde_json::to_string(&Query::from(&address)).unwrap();
            assert_eq!(Address::try_from(&query(&json)), Ok(address), "{json}");
        }
    }

    #[test]
    fn the_fields_are_named_as_in_node() {
        let json = |text: &str| serde_json::to_string(&Query::from(&text.parse::<Address>().unwrap())).unwrap();
        assert_eq!(json("127.0.0.1:80"), r#"{"address":"127.0.0.1","port":80,"addressType":4}"#);
        assert_eq!(json("80"), r#"{"address":null,"port":80,"addressType":6}"#);
        assert_eq!(json("/a"), r#"{"address":"/a","port":-1,"addressType":-1}"#);
    }

    #[test]
    fn no_address_means_all_of_them_whatever_the_type() {
        for kind in ["4", "6"] {
            let asked = query(&format!(r#"{{"address":null,"port":8000,"addressType":{kind}}}"#));
            assert_eq!(Address::try_from(&asked), Ok(8000.into()));
        }
        assert_eq!(Address::try_from(&query(r#"{"port":8000,"addressType":4}"#)), Ok(8000.into()));
        assert_eq!(Address::try_from(&query(r#"{"address":"::","port":8000,"addressType":6}"#)), Ok(8000.into()));
    }

    #[test]
    fn what_cannot_be_handed_out_is_said() {
        let refused = |json: &str| Address::try_from(&query(json)).unwrap_err();
        assert_eq!(refused(r#"{"address":null,"port":53,"addressType":"udp4"}"#), QueryError::Datagrams);
        assert_eq!(refused(r#"{"address":null,"port":70000,"addressType":4}"#), QueryError::BadPort(70000));
        assert_eq!(refused(r#"{"address":"x.org","port":1,"addressType":4}"#), QueryError::NotAnIp("x.org".into()));
        assert_eq!(refused(r#"{"address":null,"port":-1,"addressType":-1}"#), AddressError::EmptyPath.into());
    }

    #[test]
    fn an_unknown_address_type_is_an_error() {
        for kind in ["5", "\"tcp\"", "null", "4.5"] {
            let json = format!(r#"{{"address":null,"port":1,"addressType":{kind}}}"#);
            assert!(serde_json::from_str::<Query>(&json).is_err(), "{kind}");
        }
    }
}
