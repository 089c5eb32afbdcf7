//! The notify sockets of `sd_notify`: the one that a worker tells its state to, and the way to the master's own supervisor.
//!
//! Owns the datagrams, who sent them and what came beside them. It must not know what a datagram says.

use std::ffi::OsStr;
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, bind, recvmsg, sendto, setsockopt, socket, sockopt::PassCred,
};
use nix::unistd::{Pid, getsid};

use super::beside::{Beside, space};

/// The most bytes of one datagram that are looked at, as with systemd.
const LONGEST: usize = 4096;

/// As many descriptors as there is room for beside one datagram; the kernel closes the others.
const ROOM: usize = 64;

/// How much of a hint gets into a name.
const HINT: usize = 32;

/// What came over a notify socket.
#[derive(Debug)]
pub(crate) struct Datagram {
    /// What was said, as far as it fits into 4096 bytes.
    pub(crate) bytes: Vec<u8>,
    /// Who said it, by the kernel's word; 0 for a process that our pid namespace does not show.
    pub(crate) pid: i32,
    /// What came beside it, close-on-exec. Closing them is the answer to a barrier.
    pub(crate) descriptors: Vec<OwnedFd>,
    /// The datagram, or its descriptors, did not fit: some are lost.
    pub(crate) truncated: bool,
}

/// A socket with an abstract name that cannot be guessed. The name can be read in /proc/net/unix, so who sends must be
/// checked all the same.
#[derive(Debug)]
pub(crate) struct NotifySocket {
    fd: OwnedFd,
    name: String,
}

impl NotifySocket {
    /// Opens one; the hint is a part of its name, for whoever looks at `ss -x`.
    pub(crate) fn new(name_hint: &str) -> io::Result<NotifySocket> {
        let is_plain = |letter: &char| letter.is_ascii_alphanumeric() || "-_.".contains(*letter);
        let hint: String = name_hint.chars().filter(is_plain).take(HINT).collect();
        let name = format!("heirloom/notify/{hint}/{:032x}", random()?);
        let fd = datagram_socket()?;
        setsockopt(&fd, PassCred, &true)?;
        bind(fd.as_raw_fd(), &UnixAddr::new_abstract(name.as_bytes())?)?;
        Ok(NotifySocket { fd, name })
    }

    /// What NOTIFY_SOCKET must say.
    pub(crate) fn name(&self) -> String {
        format!("@{}", self.name)
    }

    /// The next datagram; `None` if there is none.
    pub(crate) fn receive(&self) -> io::Result<Option<Datagram>> {
        let mut bytes = vec![0; LONGEST];
        let mut beside = Beside::<{ space(ROOM) }>::new();
        let flags = MsgFlags::MSG_CMSG_CLOEXEC | MsgFlags::MSG_DONTWAIT;
        let (length, flags) = loop {
            let mut parts = [IoSliceMut::new(&mut bytes)];
            match recvmsg::<()>(self.fd.as_raw_fd(), &mut parts, Some(beside.for_kernel()), flags) {
                Ok(message) => break (message.bytes, message.flags),
                Err(Errno::EAGAIN) => return Ok(None),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        };
        bytes.truncate(length);
        let (descriptors, sender) = beside.into_parts();
        let truncated = flags.intersects(MsgFlags::MSG_TRUNC | MsgFlags::MSG_CTRUNC);
        Ok(Some(Datagram { bytes, pid: sender.map_or(0, |sender| sender.pid), descriptors, truncated }))
    }
}

impl AsFd for NotifySocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The way to whoever supervises us.
#[derive(Debug)]
pub(crate) struct Notifier {
    fd: OwnedFd,
    supervisor: UnixAddr,
}

impl Notifier {
    /// Takes what NOTIFY_SOCKET says: an absolute path, or `@` and an abstract name.
    pub(crate) fn from_environment_value(value: &OsStr) -> io::Result<Notifier> {
        let supervisor = match value.as_bytes() {
            [b'/', ..] => UnixAddr::new(Path::new(value))?,
            [b'@', name @ ..] if !name.is_empty() => UnixAddr::new_abstract(name)?,
            other => {
                let text = format!("NOTIFY_SOCKET is neither a path nor @name: {}", String::from_utf8_lossy(other));
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
        };
        Ok(Notifier { fd: datagram_socket()?, supervisor })
    }

    /// Sends one datagram at once, or fails with `WouldBlock`. Never raises SIGPIPE.
    pub(crate) fn send(&self, text: &str) -> io::Result<()> {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        loop {
            match sendto(self.fd.as_raw_fd(), text.as_bytes(), &self.supervisor, flags) {
                Ok(_) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

/// The session of a process, to see whether it is a worker's. An error if it has ended.
pub(crate) fn session_of(pid: i32) -> io::Result<i32> {
    match pid {
        // 0 would be ourselves, and is what the kernel calls a process that it cannot name.
        ..=0 => Err(Errno::ESRCH.into()),
        _ => Ok(getsid(Some(Pid::from_raw(pid)))?.as_raw()),
    }
}

fn datagram_socket() -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    socket(AddressFamily::Unix, SockType::Datagram, flags, None)
}

#[allow(unsafe_code)]
fn random() -> io::Result<u128> {
    let mut bytes = [0u8; 16];
    // SAFETY: `bytes` has that many writable bytes; so few are given at once or not at all.
    let given = Errno::result(unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) })?;
    if given as usize == bytes.len() { Ok(u128::from_ne_bytes(bytes)) } else { Err(Errno::EAGAIN.into()) }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, pipe};
    use std::os::fd::RawFd;
    use std::os::unix::net::UnixDatagram;
    use std::process::{Command, Stdio};

    use nix::fcntl::{FcntlArg, FdFlag, fcntl};
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use nix::sys::socket::{ControlMessage, sendmsg};

    use super::*;

    fn notifier(socket: &NotifySocket) -> Notifier {
        Notifier::from_environment_value(OsStr::new(&socket.name())).unwrap()
    }

    fn next(socket: &NotifySocket) -> Datagram {
        let mut watched = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
        assert_eq!(poll(&mut watched, PollTimeout::from(20_000_u16)), Ok(1));
        socket.receive().unwrap().unwrap()
    }

    fn send_with(socket: &NotifySocket, bytes: &[u8], descriptors: &[RawFd]) {
        let client = datagram_socket().unwrap();
        let address = UnixAddr::new_abstract(socket.name.as_bytes()).unwrap();
        let beside = [ControlMessage::ScmRights(descriptors)];
        sendmsg(client.as_raw_fd(), &[io::IoSlice::new(bytes)], &beside, MsgFlags::empty(), Some(&address)).unwrap();
    }

    fn assert_close_on_exec(fd: impl AsFd) {
        assert_eq!(fcntl(fd, FcntlArg::F_GETFD), Ok(FdFlag::FD_CLOEXEC.bits()));
    }

    #[test]
    fn a_datagram_says_who_sent_it() {
        let socket = NotifySocket::new("web-1.2").unwrap();
        assert!(socket.receive().unwrap().is_none());
        notifier(&socket).send("READY=1\nSTATUS=up").unwrap();
        notifier(&socket).send("").unwrap();
        let datagram = next(&socket);
        assert_eq!(datagram.bytes, b"READY=1\nSTATUS=up");
        assert_eq!(datagram.pid as u32, std::process::id());
        assert!(datagram.descriptors.is_empty() && !datagram.truncated);
        assert!(next(&socket).bytes.is_empty(), "an empty datagram is not the end");
        assert!(socket.receive().unwrap().is_none());
    }

    #[test]
    fn another_process_is_told_by_its_pid_and_its_session() {
        let socket = NotifySocket::new("").unwrap();
        let script = "import os, socket, sys\n\
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'READY=1', chr(0) + os.environ['NOTIFY_SOCKET'][1:])\n\
            sys.stdin.read()";
        let mut worker = Command::new("python3");
        worker.args(["-c", script]).env("NOTIFY_SOCKET", socket.name()).stdin(Stdio::piped());
        let Ok(mut worker) = worker.spawn() else { return };
        let datagram = next(&socket);
        assert_eq!((datagram.pid as u32, &datagram.bytes[..]), (worker.id(), &b"READY=1"[..]));
        assert_eq!(session_of(datagram.pid).unwrap(), session_of(std::process::id() as i32).unwrap());
        drop(worker.stdin.take());
        worker.wait().unwrap();
        assert_eq!(session_of(datagram.pid).unwrap_err().raw_os_error(), Some(libc::ESRCH));
        assert!(session_of(0).is_err() && session_of(-1).is_err());
    }

    #[test]
    fn the_name_is_a_hint_and_what_nobody_guesses() {
        let (one, other) = (NotifySocket::new("web 1/é\0@2").unwrap(), NotifySocket::new("web 1/é\0@2").unwrap());
        assert!(one.name().starts_with("@heirloom/notify/web12/"), "{}", one.name());
        assert_ne!(one.name(), other.name());
        NotifySocket::new(&"x".repeat(500)).unwrap();
        assert_close_on_exec(&one);
    }

    #[test]
    fn what_is_too_long_is_cut_off_and_told() {
        let socket = NotifySocket::new("long").unwrap();
        notifier(&socket).send(&"x".repeat(LONGEST)).unwrap();
        notifier(&socket).send(&"y".repeat(LONGEST + 1)).unwrap();
        assert!(!next(&socket).truncated);
        let datagram = next(&socket);
        assert_eq!((datagram.bytes, datagram.truncated), (vec![b'y'; LONGEST], true));
    }

    #[test]
    fn descriptors_come_along_and_closing_them_answers_a_barrier() {
        let socket = NotifySocket::new("fds").unwrap();
        let (mut reader, writer) = pipe().unwrap();
        send_with(&socket, b"BARRIER=1", &[writer.as_raw_fd()]);
        drop(writer);
        let datagram = next(&socket);
        assert_eq!(datagram.descriptors.len(), 1);
        assert_close_on_exec(&datagram.descriptors[0]);
        assert_eq!(datagram.pid as u32, std::process::id());
        drop(datagram);
        assert_eq!(reader.read_to_end(&mut Vec::new()).unwrap(), 0);
    }

    #[test]
    fn too_many_descriptors_are_told_and_none_leaks() {
        let socket = NotifySocket::new("many").unwrap();
        for (count, truncated) in [(ROOM, false), (ROOM + 1, true), (253, true)] {
            let (mut reader, writer) = pipe().unwrap();
            send_with(&socket, b"FDSTORE=1", &vec![writer.as_raw_fd(); count]);
            drop(writer);
            let datagram = next(&socket);
            assert_eq!(datagram.truncated, truncated);
            assert_eq!(datagram.pid as u32, std::process::id(), "who it was is told all the same");
            drop(datagram);
            assert_eq!(reader.read_to_end(&mut Vec::new()).unwrap(), 0);
        }
    }

    #[test]
    fn a_supervisor_is_told_at_its_path_or_its_abstract_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let supervisor = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier::from_environment_value(path.as_os_str()).unwrap();
        assert_close_on_exec(&notifier.fd);
        notifier.send("READY=1").unwrap();
        let mut bytes = [0; 16];
        assert_eq!(supervisor.recv(&mut bytes).unwrap(), 7);
        drop(supervisor);
        assert_eq!(notifier.send("READY=1").unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        std::fs::remove_file(&path).unwrap();
        let _next = UnixDatagram::bind(&path).unwrap();
        notifier.send("READY=1").unwrap();
    }

    #[test]
    fn a_supervisor_that_does_not_read_never_makes_us_wait() {
        let socket = NotifySocket::new("full").unwrap();
        let notifier = notifier(&socket);
        let full = (0..1_000_000).find_map(|_| notifier.send("WATCHDOG=1").err()).unwrap();
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn other_kinds_of_addresses_are_refused() {
        for value in ["", "@", "relative", "vsock:2:1234", &format!("/{}", "x".repeat(200))] {
            assert!(Notifier::from_environment_value(OsStr::new(value)).is_err(), "{value}");
        }
    }
}
