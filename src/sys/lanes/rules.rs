//! Which connections of our own go where, whatever is steered elsewhere. Owns the rules as long as the connections are
//! there; must not know how a rule is enforced.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    own::{Knock, Own},
    seat::Seat,
};

/// So many connections of ours can have a rule at a time: every client of the listener is asked about each.
const MOST: usize = 160;

/// What comes from these addresses goes to these seats, as long as the connections are there.
#[derive(Debug, Default)]
pub(super) struct Rules(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    source: SocketAddr,
    seat: Seat,
    mended: Weak<AtomicBool>,
}

impl Rules {
    /// Makes a rule for a connection that is about to be begun.
    pub(super) fn add(&mut self, knock: &Knock, seat: Seat) -> io::Result<()> {
        self.0.retain(Rule::is_needed);
        if self.0.len() >= MOST {
            let text = format!("{MOST} connections of our own are there already");
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, text));
        }
        let mended = Arc::downgrade(&knock.mended);
        self.0.push(Rule { source: knock.source, seat, mended });
        Ok(())
    }

    /// Takes the rule of a connection away, and all that nobody needs any more.
    pub(super) fn remove(&mut self, own: &Own) {
        let its = Arc::downgrade(&own.mended);
        self.0.retain(|rule| !rule.mended.ptr_eq(&its) && rule.is_needed());
    }

    /// The same, by the address that it came from.
    pub(super) fn remove_source(&mut self, source: SocketAddr) {
        self.0.retain(|rule| rule.source != source);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (SocketAddr, Seat)> + '_ {
        self.0.iter().filter(|rule| rule.is_needed()).map(|rule| (rule.source, rule.seat))
    }

    /// Tells the connections of a seat that its queue was lost.
    pub(super) fn tell(&self, seat: Seat) {
        let its = self.0.iter().filter(|rule| rule.seat == seat);
        its.filter_map(|rule| rule.mended.upgrade()).for_each(|told| told.store(true, Ordering::Relaxed));
    }
}

impl Rule {
    fn is_needed(&self) -> bool {
        self.mended.strong_count() > 0
    }
}
