//! Binding by itself: what a worker does that nobody supervises.
//!
//! It must not know a master, nor a runtime.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};

use crate::protocol::{Address, Host};

/// Whether `[::]` takes IPv4 connections too, unless the administrator says otherwise.
const IS_DUAL_STACK: bool = cfg!(any(target_os = "linux", target_os = "android", target_vendor = "apple"));

/// Opens a TCP listener.
pub(super) fn bind_tcp(address: &Address) -> io::Result<TcpListener> {
    match address {
        Address::Tcp { host: Host::Ip(ip), port } => TcpListener::bind((*ip, *port)),
        Address::Tcp { host: Host::Any, port } => bind_any(*port),
        Address::Unix(_) | Address::Abstract(_) => Err(io::ErrorKind::InvalidInput.into()),
    }
}

fn bind_any(port: u16) -> io::Result<TcpListener> {
    use io::ErrorKind::{AddrInUse, PermissionDenied};
    if IS_DUAL_STACK {
        match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)) {
            Err(error) if !matches!(error.kind(), AddrInUse | PermissionDenied) => {}
            bound => return bound,
        }
    }
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))
}

#[cfg(unix)]
pub(super) use unix::bind_unix;

#[cfg(unix)]
mod unix {
    use std::fs;
    use std::io;
    use std::os::unix::fs::FileTypeExt as _;
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::path::Path;

    use crate::protocol::Address;

    /// Opens a Unix listener, in the place of one that was left behind if need be.
    pub(in super::super) fn bind_unix(address: &Address) -> io::Result<UnixListener> {
        match address {
            Address::Unix(path) => match UnixListener::bind(path) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left_behind(path) => {
                    fs::remove_file(path)?;
                    UnixListener::bind(path)
                }
                bound => bound,
            },
            Address::Abstract(name) => bind_abstract(name),
            Address::Tcp { .. } => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// A socket at which nobody listens any more: its existence proves nothing, a refused connection does.
    fn is_left_behind(path: &Path) -> bool {
        let is_socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
        is_socket && UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn bind_abstract(name: &str) -> io::Result<UnixListener> {
        #[cfg(target_os = "android")]
        use std::os::android::net::SocketAddrExt as _;
        #[cfg(target_os = "linux")]
        use std::os::linux::net::SocketAddrExt as _;
        UnixListener::bind_addr(&std::os::unix::net::SocketAddr::from_abstract_name(name)?)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn bind_abstract(_: &str) -> io::Result<UnixListener> {
        Err(io::ErrorKind::Unsupported.into())
    }

    #[cfg(all(test, target_os = "linux"))]
    mod tests {
        use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, bind, socket};
        use std::os::fd::AsRawFd as _;

        use super::*;

        #[test]
        fn a_socket_that_was_left_behind_is_replaced() {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("socket");
            let deaf = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
            bind(deaf.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
            let _listener = bind_unix(&Address::Unix(path.clone())).unwrap();
            UnixStream::connect(&path).unwrap();
        }

        #[test]
        fn a_socket_that_somebody_listens_at_is_left_alone() {
            let directory = tempfile::tempdir().unwrap();
            let address = Address::Unix(directory.path().join("socket"));
            let _first = bind_unix(&address).unwrap();
            assert_eq!(bind_unix(&address).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        }

        #[test]
        fn a_file_that_is_no_socket_is_left_alone() {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("precious");
            fs::write(&path, "data").unwrap();
            assert_eq!(bind_unix(&Address::Unix(path.clone())).unwrap_err().kind(), io::ErrorKind::AddrInUse);
            assert_eq!(fs::read_to_string(&path).unwrap(), "data");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_port_is_open_for_ipv4() {
        let listener = bind_tcp(&Address::from(0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    }

    #[test]
    fn a_port_that_is_taken_is_told() {
        let first = bind_tcp(&"127.0.0.1:0".parse().unwrap()).unwrap();
        let address = Address::from(first.local_addr().unwrap());
        assert_eq!(bind_tcp(&address).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
