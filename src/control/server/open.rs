//! Opening the control socket at the first place where that is possible.

use std::io;
use std::path::{Path, PathBuf};

use crate::control::Places;
use crate::sys::control::{ControlSocket, make_directory};
use crate::sys::lanes;

/// A control socket that is open, and that nobody answers yet.
pub struct Server {
    pub(super) socket: ControlSocket,
    pub(super) path: PathBuf,
    pub(super) group: Option<u32>,
}

/// Why there is no control socket.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another master has it.
    #[error("the control socket {} belongs to a running master{}", path.display(), pid.map(|pid| format!(", pid {pid}")).unwrap_or_default())]
    InUse {
        /// The socket.
        path: PathBuf,
        /// Whose it is, where we may see that.
        pid: Option<u32>,
    },
    /// It cannot be where somebody wants it.
    #[error("cannot open the control socket {}: {why}", path.display())]
    Unusable {
        /// The socket.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// There is no place for it.
    #[error("there is no place for a control socket ({why})")]
    Nowhere {
        /// Why not there, for each place.
        why: String,
    },
}

impl OpenError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            OpenError::InUse { .. } => "give this master a --name or a --socket of its own",
            OpenError::Unusable { .. } => "name another one with --socket",
            OpenError::Nowhere { .. } => "name one with --socket, or set XDG_RUNTIME_DIR",
        }
    }
}

impl Server {
    /// Opens the socket at the first place where that is possible, for this user and root, and for a group if one is named.
    ///
    /// # Errors
    /// When another master has it, or it can be at none of the places.
    pub fn open(places: &Places, group: Option<u32>) -> Result<Server, OpenError> {
        let mut reasons = Vec::new();
        for path in &places.paths {
            if !places.named
                && let Err(error) = prepare(path)
            {
                reasons.push(format!("{}: {error}", path.display()));
                continue;
            }
            match ControlSocket::open(path, group) {
                Ok(socket) => return Ok(Server { socket, path: path.clone(), group }),
                Err(lanes::OpenError::InUse { holder, .. }) => {
                    let pid = holder.map(|holder| holder.pid.cast_unsigned());
                    return Err(OpenError::InUse { path: path.clone(), pid });
                }
                Err(error) if places.named => {
                    return Err(OpenError::Unusable { path: path.clone(), why: in_short(&error) });
                }
                Err(error) => reasons.push(format!("{}: {}", path.display(), in_short(&error))),
            }
        }
        Err(OpenError::Nowhere { why: reasons.join("; ") })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The directory below /run or the user's own is made if it can be.
fn prepare(path: &Path) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    match directory.is_dir() {
        true => Ok(()),
        false => make_directory(directory, 0o755),
    }
}

fn in_short(error: &lanes::OpenError) -> String {
    use lanes::OpenError as Cause;
    match error {
        Cause::NotASocket { kind, .. } => format!("it is {kind}, not a socket"),
        Cause::TooLong { length, most, .. } => format!("the path has {length} bytes, {most} are possible"),
        Cause::NoParent { .. } => "its directory does not exist".into(),
        Cause::NotWritable { .. } => "its directory is not writable".into(),
        Cause::Call { doing, source, .. } => format!("{doing}: {source}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn named(path: &Path) -> Places {
        Places { paths: vec![path.to_owned()], named: true }
    }

    #[test]
    fn it_is_for_its_owner_alone_and_goes_with_the_server() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("web.sock");
        let server = Server::open(&named(&path), None).expect("it opens");
        assert_eq!(path.metadata().expect("it is there").permissions().mode() & 0o777, 0o600);
        drop(server);
        assert!(!path.exists());
    }

    #[test]
    fn a_stale_one_is_replaced_and_one_in_use_is_refused_with_the_pid() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("web.sock");
        drop(UnixListener::bind(&path).expect("a socket that nobody listens on any more"));
        let _server = Server::open(&named(&path), None).expect("it opens");
        let error = Server::open(&named(&path), None).expect_err("it is in use").to_string();
        assert!(error.ends_with(&format!("belongs to a running master, pid {}", std::process::id())), "{error}");
    }

    #[test]
    fn a_file_is_never_replaced() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("notes");
        std::fs::write(&path, "mine").expect("a file");
        let error = Server::open(&named(&path), None).expect_err("it is a file").to_string();
        assert!(error.ends_with("notes: it is a file, not a socket"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).expect("it is there"), "mine");
    }

    #[test]
    fn the_next_place_is_tried_when_nobody_named_one() {
        let place = tempfile::tempdir().expect("a directory");
        let paths = vec![place.path().join("no/such/web.sock"), place.path().join("own/web.sock")];
        let server = Server::open(&Places { paths: paths.clone(), named: false }, None).expect("it opens");
        assert_eq!(server.path(), paths[1]);
        let nowhere = Places { paths: vec![paths[0].clone()], named: false };
        let error = Server::open(&nowhere, None).expect_err("there is no such directory");
        assert!(matches!(error, OpenError::Nowhere { .. }), "{error}");
    }
}
