//! Questions to the kernel's NETLINK_SOCK_DIAG: the TCP sockets of a port, the queue of a Unix socket. Only bytes in and
//! out; every descriptor lives for one question.

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
    let mut request = vec![libc::AF_UNIX as u8, 0, 0, 0];
    for number in [u32::MAX, inode as u32, UDIAG_SHOW_RQLEN, u32::MAX, u32::MAX] {
        request.extend(number.to_ne_bytes());
    }
    let messages = ask(&request, NLM_F_REQUEST)?;
    let queue = messages.first().and_then(|message| unix_attribute(message));
    queue.ok_or_else(|| io::ErrorKind::InvalidData.into())
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

/// The UNIX_DIAG_RQLEN attribute behind a `struct unix_diag_msg`.
fn unix_attribute(message: &[u8]) -> Option<Queue> {
    const UNIX_DIAG_RQLEN: u16 = 4;
    let mut rest = message.get(16..)?;
    loop {
        let length = usize::from(u16::from_ne_bytes(rest.get(..2)?.try_into().ok()?));
        let kind = u16::from_ne_bytes(rest.get(2..4)?.try_into().ok()?);
        if kind == UNIX_DIAG_RQLEN {
            return Some(Queue { waiting: number(rest, 4)?, limit: number(rest, 8)? });
        }
        rest = rest.get(length.max(4).next_multiple_of(4)..)?;
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}
