//! Whether a listener could be opened, without opening it: nobody can connect meanwhile.

use nix::{
    errno::Errno,
    sys::socket::UnixAddr,
    unistd::{AccessFlags, faccessat},
};

use super::{
    endpoint::Endpoint,
    error::{OpenError, call},
    public::{LONGEST, PublicPath, who_listens},
    tcp::Tcp,
};

/// Why a listener could not be opened there now, if so.
pub(crate) fn obstacle(at: &Endpoint) -> Option<OpenError> {
    match at {
        // Bound, and not listening: whoever connects meanwhile is told that nobody is there, as without us.
        Endpoint::Tcp { address, dual } => Tcp { address: *address, dual: *dual, blocking: false }.first().err(),
        Endpoint::Unix(path) => at_path(path).err(),
        Endpoint::Abstract(name) => abstract_name(at, name).err(),
    }
}

fn at_path(path: &std::path::Path) -> Result<(), OpenError> {
    let public = PublicPath::open(path)?;
    public.refuse_occupant()?;
    let flags = nix::fcntl::AtFlags::AT_EACCESS;
    faccessat(&public.parent, ".", AccessFlags::W_OK | AccessFlags::X_OK, flags)
        .map_err(|errno| public.refused("access", errno))
}

fn abstract_name(at: &Endpoint, name: &[u8]) -> Result<(), OpenError> {
    let too_long = OpenError::TooLong { at: at.clone(), length: name.len(), most: LONGEST };
    let address = UnixAddr::new_abstract(name).map_err(|_| too_long)?;
    match who_listens(&address) {
        Ok(None) | Err(Errno::ENOENT) => Ok(()),
        Ok(Some(holder)) => Err(OpenError::InUse { at: at.clone(), holder }),
        Err(errno) => Err(call(at, "connect")(errno)),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn an_address_is_free_until_somebody_listens_there() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let at = Endpoint::Tcp { address, dual: false };
        assert!(matches!(obstacle(&at), Some(OpenError::InUse { holder: Some(_), .. })));
        drop(listener);
        assert!(obstacle(&at).is_none() && obstacle(&at).is_none(), "looking takes nothing");
    }

    #[test]
    fn a_path_is_free_until_somebody_listens_there() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("app.sock");
        let at = Endpoint::Unix(path.clone());
        assert!(obstacle(&at).is_none() && !path.exists(), "looking creates nothing");
        let listener = UnixListener::bind(&path).expect("it is free");
        assert!(matches!(obstacle(&at), Some(OpenError::InUse { holder: Some(_), .. })));
        drop(listener);
        assert!(obstacle(&at).is_none(), "a dead socket can be replaced");
        let nowhere = Endpoint::Unix(place.path().join("nowhere/app.sock"));
        assert!(matches!(obstacle(&nowhere), Some(OpenError::NoParent { .. })));
    }

    #[test]
    fn an_abstract_name_is_free_until_somebody_has_it() {
        use std::os::linux::net::SocketAddrExt;
        let name = format!("heirloom-obstacle-{}", std::process::id());
        let at = Endpoint::Abstract(name.clone().into_bytes());
        assert!(obstacle(&at).is_none());
        let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).expect("a name");
        let _listener = UnixListener::bind_addr(&address).expect("it is free");
        assert!(matches!(obstacle(&at), Some(OpenError::InUse { .. })));
    }
}
