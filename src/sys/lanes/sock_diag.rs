//! Questions to the kernel's NETLINK_SOCK_DIAG: the TCP sockets of a port or a connection, the queue and the peer of a
//! Unix socket. Only bytes in and out; every descriptor lives for one question.

use std::{
    ffi::c_int,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::{AsRawFd, OwnedFd},
};

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

use super::{
    socket::Queue,
    tables::{Row, State},
};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_DUMP: u16 = 0x300;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const HEADER: usize = 16;

/// All TCP sockets of one family that have this local port and this state.
pub(super) fn tcp_rows(family: c_int, state: State, port: u16) -> io::Result<Vec<Row>> {
    let mut request = vec![family as u8, libc::IPPROTO_TCP as u8, 0, 0];
    request.extend((1u32 << state as u32).to_ne_bytes());
    request.extend(port.to_be_bytes());
    request.extend([0; 38]); // destination port, both addresses, interface
    request.extend([0xff; 8]); // no cookie
    let messages = ask(&request, NLM_F_REQUEST | NLM_F_DUMP)?;
    Ok(messages.iter().filter_map(|message| tcp_row(message)).filter(|row| row.address.port() == port).collect())
}

/// The queue of the listening Unix socket with this inode.
pub(super) fn unix_queue(inode: u64) -> io::Result<Queue> {
    const UDIAG_SHOW_RQLEN: u32 = 0x10;
    const UNIX_DIAG_RQLEN: u16 = 4;
    let lengths = unix_attribute(inode, UDIAG_SHOW_RQLEN, UNIX_DIAG_RQLEN)?;
    match (number(&lengths, 0), number(&lengths, 4)) {
        (Some(waiting), Some(limit)) => Ok(Queue { waiting, limit }),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// The inode of the TCP socket with exactly these ends; 0 if it has none yet.
pub(super) fn tcp_owner(local: SocketAddr, remote: SocketAddr) -> io::Result<u64> {
    let family = if local.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    let zone = if let SocketAddr::V6(local) = local { local.scope_id() } else { 0 };
    let mut request = vec![family as u8, libc::IPPROTO_TCP as u8, 0, 0];
    request.extend(u32::MAX.to_ne_bytes()); // all states
    request.extend([local.port().to_be_bytes(), remote.port().to_be_bytes()].concat());
    request.extend([sixteen(local.ip()), sixteen(remote.ip())].concat());
    request.extend(zone.to_ne_bytes());
    request.extend([0xff; 8]); // no cookie
    // Without such a socket the kernel answers with one that listens there: its remote port is 0.
    let messages = ask(&request, NLM_F_REQUEST)?;
    let exact = messages.iter().filter(|message| message.get(6..8) == Some(&remote.port().to_be_bytes()));
    Ok(exact.filter_map(|message| tcp_row(message)).map(|row| row.inode).next().unwrap_or(0))
}

/// The inode of the other end of the Unix socket with this inode; 0 if it has none.
pub(super) fn unix_peer(inode: u64) -> io::Result<u64> {
    const UDIAG_SHOW_PEER: u32 = 0x4;
    const UNIX_DIAG_PEER: u16 = 2;
    let peer = unix_attribute(inode, UDIAG_SHOW_PEER, UNIX_DIAG_PEER)?;
    number(&peer, 0).map(u64::from).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// An address as four words, of which IPv4 uses the first.
fn sixteen(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => (u128::from(ip.to_bits()) << 96).to_be_bytes(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

/// Sends one request and collects the payloads of the answer.
fn ask(request: &[u8], flags: u16) -> io::Result<Vec<Vec<u8>>> {
    let netlink =
        socket(AddressFamily::Netlink, SockType::Datagram, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkSockDiag)?;
    let mut packet = ((HEADER + request.len()) as u32).to_ne_bytes().to_vec();
    packet.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    packet.extend(flags.to_ne_bytes());
    packet.extend([0; 8]); // sequence, port id
    packet.extend(request);
    send(netlink.as_raw_fd(), &packet, MsgFlags::empty())?;
    collect(&netlink, flags & NLM_F_DUMP != 0)
}

fn collect(netlink: &OwnedFd, dump: bool) -> io::Result<Vec<Vec<u8>>> {
    let mut payloads = Vec::new();
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let length = recv(netlink.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
        let mut rest = &buffer[..length];
        while let Some((kind, payload, behind)) = message(rest) {
            match kind {
                NLMSG_DONE => return Ok(payloads),
                NLMSG_ERROR => return Err(refusal(payload)),
                _ => payloads.push(payload.to_vec()),
            }
            rest = behind;
        }
        if !dump {
            return Ok(payloads);
        }
    }
}

/// The first message of a packet: its type, its payload, what is behind it.
fn message(packet: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = number(packet, 0)? as usize;
    let kind = u16::from_ne_bytes(packet.get(4..6)?.try_into().ok()?);
    let payload = packet.get(HEADER..length)?;
    Some((kind, payload, packet.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

fn refusal(payload: &[u8]) -> io::Error {
    let code = number(payload, 0).map_or(libc::EINVAL, |code| (code as i32).saturating_neg());
    io::Error::from_raw_os_error(code)
}

/// A `struct inet_diag_msg`: family, state, timer, retransmits, then the id, then five numbers of which the inode is last.
fn tcp_row(message: &[u8]) -> Option<Row> {
    let port = u16::from_be_bytes(message.get(4..6)?.try_into().ok()?);
    let ip = match c_int::from(*message.first()?) {
        libc::AF_INET => IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(message.get(8..12)?).ok()?)),
        _ => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(message.get(8..24)?).ok()?)),
    };
    Some(Row { address: SocketAddr::new(ip, port), inode: number(message, 68)?.into() })
}

/// Asks the Unix socket with this inode to show something, and picks it out.
fn unix_attribute(inode: u64, show: u32, kind: u16) -> io::Result<Vec<u8>> {
    let mut request = vec![libc::AF_UNIX as u8, 0, 0, 0];
    for number in [u32::MAX, inode as u32, show, u32::MAX, u32::MAX] {
        request.extend(number.to_ne_bytes());
    }
    let messages = ask(&request, NLM_F_REQUEST)?;
    let found = messages.first().and_then(|message| attribute(message, kind));
    found.map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// An attribute behind a `struct unix_diag_msg`.
fn attribute(message: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut rest = message.get(16..)?;
    loop {
        let length = usize::from(u16::from_ne_bytes(rest.get(..2)?.try_into().ok()?));
        let kind = u16::from_ne_bytes(rest.get(2..4)?.try_into().ok()?);
        if kind == wanted {
            return rest.get(4..length);
        }
        rest = rest.get(length.max(4).next_multiple_of(4)..)?;
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}
