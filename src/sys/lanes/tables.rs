//! The kernel's tables of TCP sockets: by sock_diag, or by /proc/net where that is missing (a module, in some kernels).

use std::{
    ffi::c_int,
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use super::sock_diag;

/// The states that are asked for, by the kernel's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// A handshake that the client has not completed.
    HalfOpen = 3,
    Listening = 10,
}

/// A TCP socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    /// Its own address.
    pub(super) address: SocketAddr,
    /// Its inode; 0 for what is not yet a socket.
    pub(super) inode: u64,
}

/// All TCP sockets of both families that have this local port and this state.
pub(super) fn tcp_rows(state: State, port: u16) -> io::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (family, table) in [(libc::AF_INET, "/proc/net/tcp"), (libc::AF_INET6, "/proc/net/tcp6")] {
        rows.extend(family_rows(family, table, state, port)?);
    }
    Ok(rows)
}

fn family_rows(family: c_int, table: &str, state: State, port: u16) -> io::Result<Vec<Row>> {
    if let Ok(rows) = sock_diag::tcp_rows(family, state, port) {
        return Ok(rows);
    }
    match fs::read_to_string(table) {
        Ok(text) => {
            Ok(text.lines().filter_map(|line| proc_row(line, state)).filter(|row| row.address.port() == port).collect())
        }
        // No table: the kernel does not have this family.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The inode of the connected socket with exactly these ends, of which `local` is its own; 0 while nobody has accepted it,
/// and when there is none.
pub(super) fn owner(local: SocketAddr, remote: SocketAddr) -> io::Result<u64> {
    if let Ok(inode) = sock_diag::tcp_owner(local, remote) {
        return Ok(inode);
    }
    Ok(proc_owner(local, remote))
}

fn proc_owner(local: SocketAddr, remote: SocketAddr) -> u64 {
    let canonical = |end: SocketAddr| (end.ip().to_canonical(), end.port());
    let wanted = (canonical(local), canonical(remote));
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| fs::read_to_string(table).unwrap_or_default());
    let mut ends = tables.iter().flat_map(|text| text.lines().filter_map(proc_ends));
    ends.find(|ends| (canonical(ends.0), canonical(ends.1)) == wanted).map_or(0, |ends| ends.2)
}

/// Both addresses and the inode of a line of /proc/net/tcp.
fn proc_ends(line: &str) -> Option<(SocketAddr, SocketAddr, u64)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    Some((proc_address(fields.get(1)?)?, proc_address(fields.get(2)?)?, fields.get(9)?.parse().ok()?))
}

/// A line of /proc/net/tcp: number, local and remote address, state, four fields, uid, timeout, inode.
fn proc_row(line: &str, state: State) -> Option<Row> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (local, inode) = (fields.get(1)?, fields.get(9)?);
    if u32::from_str_radix(fields.get(3)?, 16).ok()? != state as u32 {
        return None;
    }
    Some(Row { address: proc_address(local)?, inode: inode.parse().ok()? })
}

fn proc_address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    Some(SocketAddr::new(proc_ip(ip)?, u16::from_str_radix(port, 16).ok()?))
}

/// An address as words of 32 bits, each printed in the machine's own byte order.
fn proc_ip(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| Some(u32::from_str_radix(hex.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    match hex.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let bytes = [word(0)?, word(8)?, word(16)?, word(24)?].concat();
            Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn both_tables_tell_whether_a_connection_was_accepted() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (local, remote) = (client.peer_addr().unwrap(), client.local_addr().unwrap());
            let both = || (sock_diag::tcp_owner(local, remote).unwrap(), proc_owner(local, remote));
            assert_eq!(both(), (0, 0));
            let (accepted, _) = listener.accept().unwrap();
            let inode = nix::sys::stat::fstat(&accepted).unwrap().st_ino;
            assert_eq!(both(), (inode, inode));
            drop(accepted);
            assert_eq!(both(), (0, 0), "whoever closes it lets it go");
        }
    }

    #[test]
    fn both_tables_tell_the_same_of_a_listener() {
        for (address, family, table) in
            [("127.0.0.1:0", libc::AF_INET, "/proc/net/tcp"), ("[::1]:0", libc::AF_INET6, "/proc/net/tcp6")]
        {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let address = listener.local_addr().unwrap();
            let text = fs::read_to_string(table).unwrap();
            let rows: Vec<_> = text.lines().filter_map(|line| proc_row(line, State::Listening)).collect();
            let told = sock_diag::tcp_rows(family, State::Listening, address.port()).unwrap();
            assert_eq!(told.len(), 1);
            assert_eq!(told[0].address, address);
            assert!(rows.contains(&told[0]), "{told:?} is not in {table}");
        }
    }
}
