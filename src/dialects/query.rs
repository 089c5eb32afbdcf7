//! The query dialect: what the `heirloom` library speaks over its channel.

use crate::protocol::{MasterMessage, Packet, Query, Status, WorkerMessage, frame};

/// What a worker said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// It is there, and this is its program.
    Hello { program: String },
    /// It wants a handle.
    Query { ack: u64, query: Query },
    /// It is done with one.
    Close { key: String },
    /// It can serve.
    Ready,
    /// It takes no more connections.
    Draining,
    /// How it does.
    Status(Status),
    /// Whether it serves a connection that was passed to it.
    Connection { ack: u64, accepted: bool },
    /// A message of a later version.
    Unknown { act: String },
}

/// One worker's side of the conversation.
#[derive(Debug, Default)]
pub(crate) struct QueryDialect {
    next: u64,
    has_said_hello: bool,
}

impl QueryDialect {
    /// Takes in a packet. The error is what the worker did wrong, in words.
    pub(crate) fn hear(&mut self, bytes: &[u8], descriptors: usize, truncated: bool) -> Result<Said, String> {
        if truncated {
            return Err(frame::Malformed::Truncated.to_string());
        }
        let packet = frame::decode::<WorkerMessage>(bytes, descriptors).map_err(|error| error.to_string())?;
        let said = said(packet);
        match &said {
            Said::Hello { .. } => self.has_said_hello = true,
            _ if !self.has_said_hello => return Err("it spoke before it said hello".into()),
            _ => {}
        }
        Ok(said)
    }

    /// Whether it has said anything at all.
    pub(crate) fn has_said_hello(&self) -> bool {
        self.has_said_hello
    }

    /// The number and the bytes of a message to the worker. The error is why it cannot be told, in words.
    pub(crate) fn say(&mut self, message: MasterMessage) -> Result<(u64, Vec<u8>), String> {
        let seq = self.next;
        let bytes = frame::encode(&Packet { seq, message }).map_err(|error| error.to_string())?;
        self.next += 1;
        Ok((seq, bytes))
    }
}

fn said(packet: Packet<WorkerMessage>) -> Said {
    match packet.message {
        WorkerMessage::Hello { program, .. } => Said::Hello { program },
        WorkerMessage::QueryServer(query) => Said::Query { ack: packet.seq, query },
        WorkerMessage::Close { key } => Said::Close { key },
        WorkerMessage::Ready => Said::Ready,
        WorkerMessage::Draining => Said::Draining,
        WorkerMessage::Status(status) => Said::Status(status),
        WorkerMessage::Accepted { ack, accepted } => Said::Connection { ack, accepted },
        WorkerMessage::Unknown { act } => Said::Unknown { act },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &[u8] = br#"{"act":"hello","seq":0,"version":1,"program":"web"}"#;

    #[test]
    fn a_worker_says_hello_and_then_anything() {
        let mut dialect = QueryDialect::default();
        assert_eq!(dialect.hear(HELLO, 0, false), Ok(Said::Hello { program: "web".into() }));
        assert_eq!(dialect.hear(br#"{"act":"ready","seq":1}"#, 0, false), Ok(Said::Ready));
        assert_eq!(dialect.hear(br#"{"act":"sing","seq":2}"#, 0, false), Ok(Said::Unknown { act: "sing".into() }));
    }

    #[test]
    fn whoever_does_not_say_hello_first_is_not_listened_to() {
        let heard = QueryDialect::default().hear(br#"{"act":"ready","seq":1}"#, 0, false);
        assert_eq!(heard, Err("it spoke before it said hello".into()));
    }

    #[test]
    fn rubbish_truncation_and_unexpected_descriptors_are_told_in_words() {
        let mut dialect = QueryDialect::default();
        assert!(dialect.hear(b"rubbish", 0, false).is_err_and(|what| what.contains("JSON")));
        assert!(dialect.hear(HELLO, 0, true).is_err_and(|what| what.contains("cut off")));
        assert!(dialect.hear(HELLO, 1, false).is_err_and(|what| what.contains("descriptors")));
    }

    #[test]
    fn each_message_to_the_worker_has_a_number_of_its_own() {
        let mut dialect = QueryDialect::default();
        assert_eq!(dialect.say(MasterMessage::Promoted).map(|(seq, _)| seq), Ok(0));
        let (seq, bytes) = dialect.say(MasterMessage::Drain { grace_ms: 30_000 }).unwrap();
        assert_eq!(seq, 1);
        assert_eq!(String::from_utf8_lossy(&bytes), r#"{"act":"drain","graceMs":30000,"seq":1}"#);
    }

    #[test]
    fn what_does_not_fit_into_a_packet_is_an_error() {
        let refused = MasterMessage::Refused { ack: 1, errno: 22, message: "x".repeat(70_000) };
        assert!(QueryDialect::default().say(refused).is_err_and(|what| what.contains("more than 65536")));
    }
}
