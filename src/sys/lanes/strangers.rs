//! What else there is on a listener's port: sockets that are not ours, handshakes that are not complete.

use std::{io, net::SocketAddr};

#[cfg(feature = "control")]
use super::holder::Holder;
use super::{
    endpoint::Endpoint,
    tables::{self, Row, State},
};

/// How many handshakes with this listener are begun and not complete; they are in nobody's queue yet. It belongs to no
/// [`super::Lanes`], so that it can be asked on another thread: a busy port has many.
pub(crate) fn half_open(at: &Endpoint) -> io::Result<usize> {
    let Endpoint::Tcp { address, .. } = at else { return Ok(0) };
    let rows = tables::tcp_rows(State::HalfOpen, address.port())?;
    Ok(rows.iter().filter(|row| overlap(row.address, *address)).count())
}

/// The sockets that listen where this listener does and are not among `ours`: where, and whose they are, as far as can
/// be seen.
#[cfg(feature = "control")]
pub(crate) fn others(at: &Endpoint, ours: &[u64]) -> io::Result<Vec<(SocketAddr, Option<Holder>)>> {
    let Endpoint::Tcp { address, .. } = at else { return Ok(Vec::new()) };
    let mut rows = listening(*address)?;
    rows.retain(|row| !ours.contains(&row.inode));
    Ok(rows.into_iter().map(|row| (row.address, Holder::of_inodes(&[row.inode]))).collect())
}

/// The sockets that listen on an address that overlaps this one.
pub(super) fn listening(address: SocketAddr) -> io::Result<Vec<Row>> {
    let mut rows = tables::tcp_rows(State::Listening, address.port())?;
    rows.retain(|row| overlap(row.address, address));
    Ok(rows)
}

/// Whether a connection could be meant for both; a wildcard of one family may take the other.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let (one, other) = (one.ip().to_canonical(), other.ip().to_canonical());
    one == other || one.is_unspecified() || other.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_overlap_when_they_are_equal_or_one_is_a_wildcard() {
        let overlaps = |one: &str, other: &str| overlap(one.parse().unwrap(), other.parse().unwrap());
        assert!(overlaps("127.0.0.1:1", "127.0.0.1:1"));
        assert!(overlaps("[::]:1", "127.0.0.1:1"));
        assert!(overlaps("[::ffff:127.0.0.1]:1", "127.0.0.1:1"));
        assert!(!overlaps("127.0.0.2:1", "127.0.0.1:1"));
        assert!(!overlaps("[::1]:1", "127.0.0.1:1"));
    }
}
