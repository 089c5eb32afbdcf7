//! No packet makes a decoder panic, and what was decoded is written and read back as the same, in both directions.
//!
//!     cargo +nightly fuzz run frame
#![no_main]

use std::fmt::Debug;

use heirloom::protocol::{Address, MasterMessage, Message, WorkerMessage, frame};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|packet: (u8, &[u8])| {
    let (descriptors, bytes) = packet;
    round_trip::<MasterMessage>(bytes, descriptors.into());
    round_trip::<WorkerMessage>(bytes, descriptors.into());
    if let Ok(packet) = frame::read::<WorkerMessage>(bytes)
        && let WorkerMessage::QueryServer(query) = packet.message
    {
        let _ = Address::try_from(&query);
    }
});

fn round_trip<M: Message + PartialEq + Debug>(bytes: &[u8], descriptors: usize) {
    let Ok(packet) = frame::decode::<M>(bytes, descriptors) else { return };
    // A message may be longer than it was: an address of nothing is written as null.
    let Ok(written) = frame::encode(&packet) else { return };
    assert_eq!(frame::decode(&written, descriptors), Ok(packet));
}
