//! Why a listener could not be opened, and what can be done about it.

use std::{io, path::PathBuf};

use super::{endpoint::Endpoint, holder::Holder};

/// A listener could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum OpenError {
    /// Somebody else listens there.
    #[error("cannot listen on {at}: {} listens there", holder.as_ref().map_or("somebody else".into(), Holder::to_string))]
    InUse { at: Endpoint, holder: Option<Holder> },
    /// The port needs a privilege.
    #[error("cannot listen on {at}: the port is a privileged one")]
    Privileged { at: Endpoint },
    /// The address is not one of this machine's.
    #[error("cannot listen on {at}: this machine has no such address")]
    NoSuchAddress { at: Endpoint },
    /// More lanes were asked for than there can be, or none.
    #[error("cannot listen on {at} with {lanes} lanes: there can be 1 to {most}")]
    LaneCount { at: Endpoint, lanes: usize, most: usize },
    /// The public path leads to something that is not a socket.
    #[error("cannot listen on {}: it is {kind}, not a socket", path.display())]
    NotASocket { path: PathBuf, kind: &'static str },
    /// The address of a Unix socket is too long for the kernel.
    #[error("cannot listen on {at}: the name has {length} bytes, {most} are possible")]
    TooLong { at: Endpoint, length: usize, most: usize },
    /// The directory of the public path is missing.
    #[error("cannot listen on {}: its directory does not exist", path.display())]
    NoParent { path: PathBuf },
    /// Nothing can be created in the directory of the public path.
    #[error("cannot listen on {}: its directory is not writable", path.display())]
    NotWritable { path: PathBuf, source: io::Error },
    /// The private directory beside the public path was made by somebody else, or is no directory.
    #[error("cannot keep lanes in {}: it is not a directory of ours", directory.display())]
    NotOurs { directory: PathBuf },
    /// Any other system call failed.
    #[error("cannot listen on {at}: {doing} failed")]
    Call { at: Endpoint, doing: &'static str, source: io::Error },
}

impl OpenError {
    /// What the one who is told can do.
    pub(crate) fn hint(&self) -> Option<String> {
        Some(match self {
            OpenError::InUse { holder: Some(Holder { pid, name }), .. } => {
                format!("stop {name} (pid {pid}), or listen elsewhere")
            }
            OpenError::InUse { at: Endpoint::Tcp { .. }, .. } => "`ss -ltnp`, as root, shows who listens".into(),
            OpenError::InUse { .. } => "`ss -lxp`, as root, shows who listens".into(),
            OpenError::Privileged { .. } => {
                "give the program CAP_NET_BIND_SERVICE, or lower net.ipv4.ip_unprivileged_port_start".into()
            }
            OpenError::NoSuchAddress { .. } => "`ip address` shows the addresses that there are".into(),
            OpenError::LaneCount { .. } => "the default of 4 is enough for most".into(),
            OpenError::NotASocket { .. } => "move it away, or listen elsewhere: only a dead socket is replaced".into(),
            OpenError::TooLong { .. } => "choose a shorter one".into(),
            OpenError::NoParent { path } => {
                let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty())?;
                format!("create {}", parent.display())
            }
            OpenError::NotWritable { .. } => "let this user write there, or choose another directory".into(),
            OpenError::NotOurs { directory } => format!("remove {}, or listen elsewhere", directory.display()),
            OpenError::Call { .. } => return None,
        })
    }
}

/// Makes any other failure of a system call an [`OpenError`].
pub(super) fn call<E: Into<io::Error>>(at: &Endpoint, doing: &'static str) -> impl FnOnce(E) -> OpenError {
    let at = at.clone();
    move |source| OpenError::Call { at, doing, source: source.into() }
}
