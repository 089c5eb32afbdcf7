//! No text makes the parser of addresses panic, and an address is written as it is read, and survives a query.
//!
//!     cargo +nightly fuzz run address
#![no_main]

use heirloom::protocol::{Address, Query};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(address) = text.parse::<Address>() else { return };
    assert_eq!(address.to_string().parse(), Ok(address.clone()));
    assert_eq!(Address::try_from(&Query::from(&address)), Ok(address));
});
