//! The load client against small servers that behave, or misbehave, on purpose.

use std::sync::Arc;
use std::time::Duration;

use super::client::Client;
use super::course::Course;
use super::ledger::Ledger;
use super::{Manner, Outcome, Plan, Target};

mod http2;
mod requests;
mod server;
mod shapes;

const ANSWERED: Outcome = Outcome::Answered { status: 200 };
const KEEP_ALIVE: Manner = Manner::KeepAlive { requests_per_connection: None };
/// Longer than any test takes.
const GENEROUS: Duration = Duration::from_secs(20);

/// A client whose requests the test makes one by one.
fn client(target: Target, manner: Manner) -> (Client, Arc<Ledger>) {
    let ledger = Arc::new(Ledger::new(false));
    let course = Course::check(Plan { manner, ..Plan::on(target) });
    let client = Client::new(0, Arc::new(course.unwrap()), Arc::clone(&ledger));
    (client, ledger)
}
