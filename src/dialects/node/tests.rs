//! Whole conversations with a worker that is played here, and what no worker may bring about.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// A worker's side; descriptors are numbers.
#[derive(Default)]
struct Played(Conversation<u32>);

impl Played {
    fn listening(key_port: u16) -> (Played, String) {
        let mut played = Played::default();
        played.says(r#"{"cmd":"NODE_CLUSTER","act":"online","seq":0}"#);
        let line = query(1, "queryServer", key_port);
        let said = played.says(&line);
        let [Said::Query { ack: 1, server }] = &said[..] else { panic!("{said:?}") };
        played.0.grant(1, None, Place::Tcp(([127, 0, 0, 1], key_port).into()));
        let key = server.key();
        let reply = played.hears();
        assert_eq!(reply[0].0["key"], json!(key));
        assert_eq!(played.says(&query(2, "listening", key_port)), [Said::Listening { key: key.clone() }]);
        (played, key)
    }

    fn says(&mut self, line: &str) -> Vec<Said<u32>> {
        let (said, end) = self.0.hear(format!("{line}\n").as_bytes());
        end.expect("it is a message");
        said
    }

    /// Everything that is sent, in pieces of seven bytes.
    fn hears(&mut self) -> Vec<(Value, Option<u32>)> {
        let (mut heard, mut bytes, mut beside) = (Vec::new(), Vec::new(), None);
        while let Some(Next { bytes: piece, descriptor }) = self.0.next() {
            if let Some(descriptor) = descriptor {
                assert!(bytes.is_empty(), "a descriptor goes with the first bytes of a line");
                beside = Some(*descriptor);
            }
            let count = piece.len().min(7);
            bytes.extend_from_slice(&piece[..count]);
            self.0.sent(count);
            if bytes.last() == Some(&b'\n') {
                let message = serde_json::from_slice(&std::mem::take(&mut bytes)).expect("it is JSON");
                heard.push((message, beside.take()));
            }
        }
        heard
    }
}

fn query(seq: u64, act: &str, port: u16) -> String {
    json!({"cmd": "NODE_CLUSTER", "act": act, "index": 0, "data": null, "address": "127.0.0.1", "port": port,
           "addressType": 4, "flags": 0, "backlog": 0, "seq": seq})
    .to_string()
}

const RECEIVED: &str = r#"{"cmd":"NODE_HANDLE_ACK"}"#;
const NOT_RECEIVED: &str = r#"{"cmd":"NODE_HANDLE_NACK"}"#;

fn answer(ack: &Value, accepted: bool) -> String {
    json!({"cmd": "NODE_CLUSTER", "ack": ack, "accepted": accepted, "seq": 9}).to_string()
}

#[test]
fn a_worker_that_listens_is_passed_connections() {
    let (mut played, key) = Played::listening(8000);
    played.0.pass(&key, 77);
    let sent = played.hears();
    assert_eq!(sent[0].1, Some(77));
    assert_eq!((&sent[0].0["type"], &sent[0].0["msg"]["act"]), (&json!("net.Native"), &json!("newconn")));
    assert_eq!(played.0.in_flight(), 1);
    assert_eq!(played.says(RECEIVED), []);
    assert_eq!(played.says(&answer(&sent[0].0["msg"]["seq"], true)), [Said::Took { key }]);
    assert_eq!(played.0.in_flight(), 0);
}

#[test]
fn a_connection_that_it_declines_or_leaves_behind_comes_back() {
    let (mut played, key) = Played::listening(8000);
    [77, 78, 79].into_iter().for_each(|connection| played.0.pass(&key, connection));
    let sent = played.hears();
    played.says(RECEIVED);
    let declined = played.says(&answer(&sent[0].0["msg"]["seq"], false));
    assert_eq!(declined, [Said::Declined { key: key.clone(), connection: 77 }]);
    assert_eq!(played.0.take_back(), [(key.clone(), 78), (key, 79)]);
}

#[test]
fn a_descriptor_that_does_not_come_is_sent_three_times() {
    let (mut played, key) = Played::listening(8000);
    played.0.pass(&key, 77);
    let first = played.hears();
    for _ in 0..2 {
        assert_eq!(played.says(NOT_RECEIVED), []);
        assert_eq!(played.hears(), first);
    }
    assert_eq!(played.says(NOT_RECEIVED), [Said::IsFull { key, connection: 77 }]);
    assert_eq!((played.hears(), played.0.in_flight()), (vec![], 0));
}

#[test]
fn a_shared_socket_goes_along_with_the_answer() {
    let mut played = Played::default();
    played.says(&query(4, "queryServer", 8000));
    played.0.share(4, Some(&json!({"ticketKeys": "00"})), 8000, 5);
    let sent = played.hears();
    assert_eq!((sent[0].1, &sent[0].0["msg"]["ack"], &sent[0].0["msg"]["errno"]), (Some(5), &json!(4), &json!(0)));
    assert_eq!(sent[0].0["msg"]["data"]["ticketKeys"], "00");
    for _ in 0..2 {
        assert_eq!(played.says(NOT_RECEIVED), []);
        assert_eq!(played.hears(), sent);
    }
    assert!(matches!(&played.says(NOT_RECEIVED)[..], [Said::Closed { .. }]));
    assert_eq!(played.hears()[0].0["errno"], json!(-24));
}

#[test]
fn what_is_not_to_be_had_is_an_error_of_the_script() {
    let mut played = Played::default();
    played.says(&query(4, "queryServer", 8000));
    played.0.refuse(4, Refusal(98));
    assert_eq!(played.hears()[0].0["errno"], json!(-98));
}

#[test]
fn words_and_descriptors_of_the_script_are_confirmed() {
    let mut played = Played::default();
    assert_eq!(played.says("\"ready\""), [Said::Words { text: "\"ready\"".into() }]);
    assert_eq!(played.hears(), []);
    let said = played.says(r#"{"cmd":"NODE_HANDLE","type":"net.Socket","msg":{"a":1}}"#);
    assert_eq!(said, [Said::Words { text: r#"{"a":1}"#.into() }]);
    assert_eq!(played.hears(), [(json!({"cmd": "NODE_HANDLE_ACK"}), None)]);
    let long = format!(r#"{{"cmd":"NODE_HANDLE","msg":"{}"}}"#, "x".repeat(300_000));
    assert!(matches!(&played.says(&long)[..], [Said::Words { .. }]));
    assert_eq!(played.hears().len(), 1);
}

#[test]
fn who_leaves_by_himself_may_go() {
    let mut played = Played::default();
    assert_eq!(played.says(r#"{"cmd":"NODE_CLUSTER","act":"exitedAfterDisconnect","seq":6}"#), [Said::Leaves]);
    assert_eq!(played.hears()[0].0["ack"], json!(6));
}

#[test]
fn the_port_that_was_chosen_is_the_one_that_it_listens_on() {
    let mut played = Played::default();
    played.says(&query(1, "queryServer", 0));
    played.0.grant(1, None, Place::Tcp(([127, 0, 0, 1], 4242).into()));
    assert!(matches!(&played.says(&query(2, "listening", 4242))[..], [Said::Listening { .. }]));
    assert_eq!(played.says(&query(2, "listening", 4243)), []);
}

#[test]
fn rubbish_and_lies_are_told_in_words() {
    for line in ["rubbish", "{", RECEIVED, NOT_RECEIVED, r#"{"cmd":"NODE_CLUSTER","act":"queryServer","port":"x"}"#] {
        let (_, end) = Played::default().0.hear(format!("{line}\n").as_bytes());
        assert!(end.is_err(), "{line}");
    }
    for line in [r#"{"cmd":"NODE_SOMETHING"}"#, r#"{"cmd":"NODE_CLUSTER","act":"sing","seq":1}"#] {
        assert!(matches!(&Played::default().says(line)[..], [Said::Unknown { .. }]), "{line}");
    }
    for line in ["1", "null", "[]", r#"{"cmd":"NODE_"}"#, r#"{"cmd":7}"#] {
        assert!(matches!(&Played::default().says(line)[..], [Said::Words { .. }]), "{line}");
    }
}

#[test]
fn an_address_is_read_as_node_means_it() {
    let read = |text: &str| serde_json::from_str::<Server>(text).expect("a server");
    let address = |text: &str| read(text).address().map(|address| address.to_string());
    assert_eq!(address(r#"{"address":null,"port":8000,"addressType":4}"#), Ok("8000".into()));
    assert_eq!(address(r#"{"address":"::1","port":8000,"addressType":6}"#), Ok("[::1]:8000".into()));
    assert_eq!(address(r#"{"address":"/a/b.sock","port":-1,"addressType":-1}"#), Ok("unix:/a/b.sock".into()));
    let udp = read(r#"{"address":null,"port":53,"addressType":"udp4","fd":-1,"flags":0}"#);
    assert_eq!((udp.datagrams(), udp.descriptor()), (Some(("0.0.0.0".into(), 53)), None));
    assert_eq!(read(r#"{"fd":3}"#).descriptor(), Some(3));
    assert_eq!(read(r#"{"readableAll":true,"writableAll":true}"#).mode(), Some(0o666));
}

fn lines() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(RECEIVED.to_owned()),
        Just(NOT_RECEIVED.to_owned()),
        (0..6_u64, any::<bool>()).prop_map(|(ack, accepted)| answer(&json!(ack), accepted)),
        (0..6_u64, 0..3_u16).prop_map(|(seq, port)| query(seq, "queryServer", port)),
        (0..6_u64, 0..3_u16).prop_map(|(seq, port)| query(seq, "listening", port)),
        Just(r#"{"cmd":"NODE_CLUSTER","act":"close","key":"127.0.0.1:1:4:-1:0"}"#.to_owned()),
        Just(r#"{"cmd":"NODE_HANDLE","msg":1}"#.to_owned()),
        ".{0,20}",
    ]
}

proptest! {
    /// Every connection that is passed is taken, comes back, or is still on its way: whatever the worker says.
    #[test]
    fn no_connection_gets_lost(said in prop::collection::vec(lines(), 0..60)) {
        let (mut played, key) = Played::listening(8000);
        let (mut passed, mut taken, mut back) = (0, 0, 0);
        for line in said {
            played.0.pass(&key, passed);
            passed += 1;
            let (said, end) = played.0.hear(format!("{line}\n").as_bytes());
            for said in said {
                match said {
                    Said::Took { .. } => taken += 1,
                    Said::Declined { .. } | Said::IsFull { .. } => back += 1,
                    Said::Query { ack, .. } => played.0.refuse(ack, Refusal(98)),
                    _ => {}
                }
            }
            prop_assert_eq!(played.0.in_flight() + taken + back, passed as usize);
            if end.is_err() {
                break;
            }
            played.hears();
        }
        prop_assert_eq!(played.0.take_back().len() + taken + back, passed as usize);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Played::default().0.hear(&bytes);
    }
}

/// What scripts have said, byte for byte the same on Node 18.20.8, 20.20.2, 22.23.5, 24.22.3 and 26.12.1: one that answers
/// a request that it was passed, closes and ends; and one that has the sockets of three servers, with TLS, at a path and for
/// datagrams, and cannot have a fourth.
const BY_ROTATION: &str = include_str!("recorded/rotation.jsonl");
const SHARED: &str = include_str!("recorded/shared.jsonl");

/// A conversation as it was: how it is gone along with, and what was said.
fn replay(recorded: &str, go_along: impl Fn(&mut Conversation<u32>, &Said<u32>)) -> (Conversation<u32>, Vec<String>) {
    let (mut played, mut story) = (Played::default(), Vec::new());
    for line in recorded.lines() {
        for said in played.says(line) {
            go_along(&mut played.0, &said);
            story.push(match said {
                Said::Query { server, .. } => format!("query {}", server.key()),
                Said::Listening { key } => format!("listening {key}"),
                Said::Words { text } => format!("words {text}"),
                other => format!("{other:?}"),
            });
            played.hears();
        }
    }
    (played.0, story)
}

#[test]
fn what_real_nodes_have_said_by_rotation_is_understood() {
    let place = Place::Tcp(([127, 0, 0, 1], 28471).into());
    let (conversation, story) = replay(BY_ROTATION, |talk, said| match said {
        Said::Query { ack, .. } => talk.grant(*ack, None, place),
        Said::Listening { key } => talk.pass(key, 77),
        _ => {}
    });
    let key = "127.0.0.1:28471:4:-1:0";
    assert_eq!(
        story,
        [
            "Online".to_owned(),
            format!("query {key}"),
            "words \"ready\"".to_owned(),
            format!("listening {key}"),
            format!("Took {{ key: {key:?} }}"),
            r#"words {"seen":"/"}"#.to_owned(),
            format!("Closed {{ key: {key:?} }}"),
        ]
    );
    assert_eq!(conversation.in_flight(), 0);
}

#[test]
fn what_real_nodes_have_said_with_sockets_of_their_own_is_understood() {
    let (_, story) = replay(SHARED, |talk, said| match said {
        Said::Query { ack, server } if server.index() == 0 => talk.share(*ack, server.data.as_ref(), 28481, 5),
        Said::Query { ack, .. } => talk.refuse(*ack, Refusal(98)),
        _ => {}
    });
    let (secure, path, datagrams) =
        ("::1:28481:6:-1:0", "/run/web/node.sock:-1:-1:-1:0", "127.0.0.1:28483:\"udp4\":-1:0");
    assert_eq!(
        story,
        [
            "Online".to_owned(),
            format!("query {secure}"),
            format!("query {path}"),
            format!("listening {secure}"),
            format!("listening {path}"),
            format!("query {datagrams}"),
            format!("listening {datagrams}"),
            "query ::1:28481:6:-1:1".to_owned(),
            "words \"EADDRINUSE\"".to_owned(),
            format!("Closed {{ key: {secure:?} }}"),
            format!("Closed {{ key: {path:?} }}"),
            format!("Closed {{ key: {datagrams:?} }}"),
        ]
    );
}
