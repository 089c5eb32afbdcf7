//! Files as others see them: whether somebody still writes to one, and whether its file system tells what happens to it.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::statfs::statfs;

/// Missing in libc for some systems; the same number on all of ours.
const F_SETSIG: libc::c_int = 10;

/// File systems that others can change without a word to this machine, or to this mount.
const SILENT: [(i64, &str); 15] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "SMB"),
    (0xfe53_4d42, "SMB"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "FUSE"),
    (0x794c_7630, "overlayfs"),
    (0x00c3_6400, "Ceph"),
    (0x5346_414f, "AFS"),
    (0x7375_7245, "Coda"),
    (0x0bd0_0bd0, "Lustre"),
    (0x786f_4256, "vboxsf"),
    (0xbacb_acbc, "vmhgfs"),
    (0x9fa0, "proc"),
    (0x6265_6572, "sysfs"),
];

/// The name of the file system that has this path, if it may change without our being told.
pub(crate) fn silent(path: &Path) -> io::Result<Option<&'static str>> {
    #[allow(clippy::unnecessary_cast, reason = "its type is not the same on all machines")]
    let magic = statfs(path)?.filesystem_type().0 as i64;
    Ok(name_of_silent(magic))
}

fn name_of_silent(magic: i64) -> Option<&'static str> {
    // It is 32 bits wide, and comes with a sign on some machines.
    SILENT.iter().find(|(it, _)| *it == magic & 0xffff_ffff).map(|(_, name)| *name)
}

/// Whether somebody has the file open to write to it; none where we may not ask (it is another user's). A file that is
/// being written cannot be executed (ETXTBSY).
pub(crate) fn is_being_written(file: &File) -> Option<bool> {
    let fd = file.as_raw_fd();
    // Who opens the file to write while we have the lease makes the kernel send us this signal: one that does nothing.
    // SAFETY: `fd` is open as long as `file`, and the arguments are numbers.
    if unsafe { libc::fcntl(fd, F_SETSIG, Signal::SIGURG as libc::c_int) } == -1 {
        return None;
    }
    // SAFETY: as above.
    match Errno::result(unsafe { libc::fcntl(fd, libc::F_SETLEASE, libc::F_RDLCK) }) {
        Ok(_) => {
            // SAFETY: as above.
            let _ = unsafe { libc::fcntl(fd, libc::F_SETLEASE, libc::F_UNLCK) }; // closing gives it back as well
            Some(false)
        }
        Err(Errno::EAGAIN) => Some(true),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_being_written_until_its_last_writer_has_closed_it() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("file");
        let writer = File::create(&path).expect("a file");
        let other = writer.try_clone().expect("a copy");
        let reader = File::open(&path).expect("it is there");
        assert_eq!(is_being_written(&reader), Some(true));
        drop(writer);
        assert_eq!(is_being_written(&reader), Some(true));
        drop(other);
        assert_eq!(is_being_written(&reader), Some(false));
        File::options().append(true).open(&path).expect("nobody is kept from writing");
    }

    #[test]
    fn file_systems_are_known_by_their_number_with_and_without_a_sign() {
        assert_eq!(name_of_silent(0x6969), Some("NFS"));
        assert_eq!(name_of_silent(0xff53_4d42), Some("SMB"));
        assert_eq!(name_of_silent(i64::from(0xff53_4d42_u32 as i32)), Some("SMB"));
        assert_eq!(name_of_silent(0xef53), None);
    }
}
