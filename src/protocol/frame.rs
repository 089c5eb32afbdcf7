//! One packet, one message: a JSON object with a `seq`, and what is wrong with a packet that is none.
//!
//! It sees bytes and the number of descriptors beside them, never a socket.

use serde_json::Value;

use super::{Message, Packet};

/// The most bytes that a packet may have.
pub const MAX_PACKET: usize = 64 * 1024;
/// The most descriptors that may come beside a packet.
pub const MAX_DESCRIPTORS: usize = 8;

/// What is wrong with a packet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// It has too many bytes.
    #[error("the packet has {length} bytes, more than {MAX_PACKET}")]
    TooLarge {
        /// How many.
        length: usize,
    },
    /// It has no bytes at all.
    #[error("it sent an empty packet")]
    Empty,
    /// The kernel had to cut it off, or its descriptors.
    #[error("the packet or its descriptors were cut off on the way")]
    Truncated,
    /// It is no JSON.
    #[error("the packet is no JSON: {reason}")]
    NotJson {
        /// What the parser says.
        reason: String,
    },
    /// It is JSON, but no object.
    #[error("the packet is no JSON object")]
    NotAnObject,
    /// It is no message and no answer.
    #[error("the message has neither `act` nor `ack`")]
    Nameless,
    /// A field is missing, or of the wrong type.
    #[error("`{name}` has a wrong field: {reason}")]
    WrongField {
        /// The message.
        name: String,
        /// What the parser says.
        reason: String,
    },
    /// Other descriptors came beside it than it carries.
    #[error("`{name}` carries {expected} descriptors, but came with {found}")]
    Descriptors {
        /// The message.
        name: String,
        /// How many it carries.
        expected: usize,
        /// How many came.
        found: usize,
    },
}

/// The bytes of a packet.
///
/// # Errors
/// When they are more than [`MAX_PACKET`].
pub fn encode<M: Message>(packet: &Packet<M>) -> Result<Vec<u8>, Malformed> {
    let mut fields = packet.message.to_json();
    fields["seq"] = packet.seq.into();
    let bytes = fields.to_string().into_bytes();
    within_limits(&bytes)?;
    Ok(bytes)
}

/// The packet that came as `bytes` with that many `descriptors` beside it.
///
/// # Errors
/// When it is no message, or carries another number of descriptors.
pub fn decode<M: Message>(bytes: &[u8], descriptors: usize) -> Result<Packet<M>, Malformed> {
    let packet = read::<M>(bytes)?;
    match packet.message.descriptors() {
        expected if expected == descriptors => Ok(packet),
        expected => {
            let name = packet.message.name().to_owned();
            Err(Malformed::Descriptors { name, expected, found: descriptors })
        }
    }
}

/// The packet that came as `bytes`, for whoever looks after the descriptors himself.
///
/// # Errors
/// When it is no message.
pub fn read<M: Message>(bytes: &[u8]) -> Result<Packet<M>, Malformed> {
    within_limits(bytes)?;
    let fields: Value =
        serde_json::from_slice(bytes).map_err(|error| Malformed::NotJson { reason: error.to_string() })?;
    let object = fields.as_object().ok_or(Malformed::NotAnObject)?;
    let name = match (object.get("ack"), object.get("act")) {
        (Some(_), _) => "an answer".to_owned(),
        (None, Some(act)) => act.as_str().unwrap_or("act").to_owned(),
        (None, None) => return Err(Malformed::Nameless),
    };
    let wrong = |reason: String| Malformed::WrongField { name: name.clone(), reason };
    let seq = match object.get("seq") {
        None => 0,
        Some(seq) => seq.as_u64().ok_or_else(|| wrong(format!("`seq` is {seq}, which is no count")))?,
    };
    let message = M::from_json(fields).map_err(|error| wrong(error.to_string()))?;
    Ok(Packet { seq, message })
}

fn within_limits(bytes: &[u8]) -> Result<(), Malformed> {
    match bytes.len() {
        0 => Err(Malformed::Empty),
        length if length > MAX_PACKET => Err(Malformed::TooLarge { length }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::{MasterMessage, Query, Status, WorkerMessage};

    fn worker(json: &str) -> Result<WorkerMessage, Malformed> {
        decode(json.as_bytes(), 0).map(|packet| packet.message)
    }

    fn master(json: &str, descriptors: usize) -> Result<MasterMessage, Malformed> {
        decode(json.as_bytes(), descriptors).map(|packet| packet.message)
    }

    fn fields_of(message: impl Message) -> Value {
        serde_json::from_slice(&encode(&Packet { seq: 7, message }).unwrap()).unwrap()
    }

    #[test]
    fn a_workers_messages_are_written_as_the_protocol_says() {
        let written = |message: WorkerMessage, json: &str| {
            assert_eq!(fields_of(message.clone()), serde_json::from_str::<Value>(json).unwrap());
            assert_eq!(worker(json), Ok(message));
        };
        written(
            WorkerMessage::Hello { version: 1, program: "app".into() },
            r#"{"act":"hello","seq":7,"version":1,"program":"app"}"#,
        );
        let address: crate::protocol::Address = "127.0.0.1:8000".parse().unwrap();
        written(
            WorkerMessage::QueryServer(Query::from(&address)),
            r#"{"act":"queryServer","seq":7,"address":"127.0.0.1","port":8000,"addressType":4}"#,
        );
        written(WorkerMessage::Close { key: "http".into() }, r#"{"act":"close","seq":7,"key":"http"}"#);
        written(WorkerMessage::Ready, r#"{"act":"ready","seq":7}"#);
        written(WorkerMessage::Draining, r#"{"act":"draining","seq":7}"#);
        let status = Status { connections: Some(3), ..Status::default() };
        written(WorkerMessage::Status(status), r#"{"act":"status","seq":7,"connections":3}"#);
        written(WorkerMessage::Accepted { ack: 2, accepted: true }, r#"{"ack":2,"seq":7,"accepted":true}"#);
    }

    #[test]
    fn a_masters_messages_are_written_as_the_protocol_says() {
        let written = |message: MasterMessage, json: &str| {
            assert_eq!(fields_of(message.clone()), serde_json::from_str::<Value>(json).unwrap());
            assert_eq!(master(json, message.descriptors()), Ok(message));
        };
        written(MasterMessage::Promoted, r#"{"act":"promoted","seq":7}"#);
        written(MasterMessage::NewConn { key: "http".into() }, r#"{"act":"newconn","seq":7,"key":"http"}"#);
        written(MasterMessage::LameDuck { linger_ms: 5000 }, r#"{"act":"lameduck","seq":7,"lingerMs":5000}"#);
        written(MasterMessage::Resume, r#"{"act":"resume","seq":7}"#);
        written(MasterMessage::Drain { grace_ms: 30_000 }, r#"{"act":"drain","seq":7,"graceMs":30000}"#);
        written(MasterMessage::Granted { ack: 1, key: "http".into() }, r#"{"ack":1,"seq":7,"key":"http"}"#);
        written(
            MasterMessage::Inherited { ack: 1, key: "http".into(), fd: 3 },
            r#"{"ack":1,"seq":7,"key":"http","fd":3}"#,
        );
        written(
            MasterMessage::Refused { ack: 1, errno: 98, message: "in use".into() },
            r#"{"ack":1,"seq":7,"errno":98,"message":"in use"}"#,
        );
    }

    #[test]
    fn unknown_messages_and_fields_are_no_mistake() {
        assert_eq!(worker(r#"{"act":"sing","song":"x","seq":1}"#), Ok(WorkerMessage::Unknown { act: "sing".into() }));
        assert_eq!(master(r#"{"act":"granted","seq":1}"#, 0), Ok(MasterMessage::Unknown { act: "granted".into() }));
        assert_eq!(worker(r#"{"act":"ready","seq":1,"mood":"good"}"#), Ok(WorkerMessage::Ready));
        assert_eq!(worker(r#"{"act":"ready"}"#), Ok(WorkerMessage::Ready));
    }

    #[test]
    fn an_errno_of_0_or_null_is_a_grant() {
        for errno in ["0", "null"] {
            let json = format!(r#"{{"ack":1,"seq":0,"key":"http","errno":{errno}}}"#);
            assert_eq!(master(&json, 1), Ok(MasterMessage::Granted { ack: 1, key: "http".into() }));
        }
    }

    #[test]
    fn each_mistake_is_named() {
        let sentence = |json: &str| worker(json).unwrap_err().to_string();
        assert_eq!(worker(""), Err(Malformed::Empty));
        assert!(matches!(worker("{"), Err(Malformed::NotJson { .. })));
        assert_eq!(worker("[]"), Err(Malformed::NotAnObject));
        assert_eq!(worker("{}"), Err(Malformed::Nameless));
        assert_eq!(sentence(r#"{"act":"close","seq":1}"#), "`close` has a wrong field: missing field `key`");
        let wrong = [
            r#"{"act":"ready","seq":-1}"#,
            r#"{"act":7,"seq":1}"#,
            r#"{"act":"hello","version":"1","program":"x"}"#,
            r#"{"ack":1,"accepted":"yes"}"#,
            r#"{"ack":null,"act":"ready"}"#,
        ];
        for json in wrong {
            assert!(matches!(worker(json), Err(Malformed::WrongField { .. })), "{json}");
        }
        let large = format!(r#"{{"act":"ready","fill":"{}"}}"#, "x".repeat(MAX_PACKET));
        assert_eq!(worker(&large), Err(Malformed::TooLarge { length: large.len() }));
    }

    #[test]
    fn a_message_comes_with_the_descriptors_that_it_carries() {
        let found = |found| Err(Malformed::Descriptors { name: "newconn".into(), expected: 1, found });
        let newconn = r#"{"act":"newconn","seq":1,"key":"http"}"#;
        assert_eq!(master(newconn, 0), found(0));
        assert_eq!(master(newconn, 2), found(2));
        assert!(decode::<WorkerMessage>(br#"{"act":"ready"}"#, 1).is_err());
        assert!(read::<MasterMessage>(newconn.as_bytes()).is_ok());
    }

    #[test]
    fn what_is_too_large_is_not_sent() {
        let status = Status { text: Some("x".repeat(MAX_PACKET)), ..Status::default() };
        let packet = Packet { seq: 1, message: WorkerMessage::Status(status) };
        assert!(matches!(encode(&packet), Err(Malformed::TooLarge { .. })));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-z]{0,8}".prop_map(Value::from),
        ];
        let keys = "act|ack|seq|key|fd|errno|address|port|addressType|text|lingerMs";
        leaf.prop_recursive(2, 16, 8, move |inner| {
            prop::collection::hash_map(keys, inner, 0..8).prop_map(Value::from_iter)
        })
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(bytes: Vec<u8>, descriptors in 0..9_usize) {
            let _ = decode::<WorkerMessage>(&bytes, descriptors);
            let _ = decode::<MasterMessage>(&bytes, descriptors);
        }

        #[test]
        fn no_json_makes_the_decoder_panic(json in any_json(), act in "hello|queryServer|status|newconn|drain|x") {
            let mut json = json;
            for _ in 0..2 {
                let _ = decode::<WorkerMessage>(json.to_string().as_bytes(), 0);
                let _ = decode::<MasterMessage>(json.to_string().as_bytes(), 1);
                if let Some(object) = json.as_object_mut() {
                    object.insert("act".into(), act.clone().into());
                }
            }
        }

        #[test]
        fn what_a_worker_says_is_what_the_master_hears(seq: u64, text: Option<String>, errors: Option<u64>, key: String) {
            let status = Status { text, errors, ..Status::default() };
            for message in [WorkerMessage::Status(status), WorkerMessage::Close { key }] {
                let packet = Packet { seq, message };
                prop_assert_eq!(decode(&encode(&packet).unwrap(), 0), Ok(packet));
            }
        }

        #[test]
        fn what_a_master_says_is_what_the_worker_hears(seq: u64, ack: u64, errno in 1..200, message: String, fd: u16) {
            let key = message.clone();
            let refused = MasterMessage::Refused { ack, errno, message };
            let inherited = MasterMessage::Inherited { ack, key, fd };
            for message in [refused, inherited, MasterMessage::Drain { grace_ms: ack }] {
                let packet = Packet { seq, message };
                prop_assert_eq!(decode(&encode(&packet).unwrap(), 0), Ok(packet));
            }
        }
    }
}
