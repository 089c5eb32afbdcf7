//! Looking at one file: whether it is there, whether it is whole, what is in it.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use xxhash_rust::xxh3::Xxh3;

use super::ledger::{Identity, Kind, Print, Sight};
use crate::sys::storage;

/// What changed less long ago may change once more without its numbers telling: clocks of file systems tick that slowly.
const TICK: Duration = Duration::from_millis(100);
/// A member of a directory that is larger is not read: its size and its time must do.
const LARGE: u64 = 32 << 20;
/// So much is read at once.
const PIECE: usize = 1 << 16;

/// Looks at a file; reads it only if it is not what is known already.
pub(super) fn at(path: &Path, kind: Kind, known: Option<&Print>) -> Sight {
    let Ok(metadata) = fs::metadata(path) else { return Sight::Gone };
    if !metadata.is_file() {
        return Sight::Gone;
    }
    let is_program = kind == Kind::Program;
    if is_program && (metadata.permissions().mode() & 0o111 == 0 || metadata.len() == 0) {
        return Sight::Unfinished;
    }
    let identity = Identity::of(&metadata);
    if let Some(known) = known.filter(|known| known.identity.as_ref() == Some(&identity)) {
        return Sight::Whole(known.clone());
    }
    match open(path) {
        Ok(file) if storage::is_being_written(&file) == Some(true) => Sight::Unfinished,
        Ok(file) => read(file, kind),
        // It can be executed without being read.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Sight::Whole(by_numbers(&metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Sight::Gone,
        Err(_) => Sight::Unfinished,
    }
}

/// A file's numbers, if it is there: cheap, for whoever polls.
pub(super) fn numbers(path: &Path) -> Option<Identity> {
    Some(Identity::of(&fs::metadata(path).ok()?))
}

fn open(path: &Path) -> io::Result<File> {
    let flags = nix::fcntl::OFlag::O_NONBLOCK.bits(); // a pipe may have taken its place
    File::options().read(true).custom_flags(flags).open(path)
}

fn read(mut file: File, kind: Kind) -> Sight {
    let Ok(before) = file.metadata() else { return Sight::Unfinished };
    if !before.is_file() {
        return Sight::Gone;
    }
    if kind == Kind::Member && before.len() > LARGE {
        return Sight::Whole(by_numbers(&before));
    }
    let Ok(hash) = hash(&mut file) else { return Sight::Unfinished };
    match file.metadata().map(|after| Identity::of(&after)) {
        Ok(after) if after.size == before.len() && after.modified == Identity::of(&before).modified => {
            Sight::Whole(Print { size: after.size, hash, identity: trusted(&before, after) })
        }
        _ => Sight::Unfinished,
    }
}

/// Its numbers, if they cannot stay the same when it changes once more.
fn trusted(metadata: &Metadata, identity: Identity) -> Option<Identity> {
    let age = SystemTime::now().duration_since(metadata.modified().ok()?).ok()?;
    (age > TICK).then_some(identity)
}

fn by_numbers(metadata: &Metadata) -> Print {
    let identity = Identity::of(metadata);
    let (seconds, fraction) = identity.modified;
    let hash = (u128::from(identity.size) << 64) ^ (u128::from(seconds as u64) << 30) ^ u128::from(fraction as u64);
    Print { size: identity.size, hash, identity: Some(identity) }
}

fn hash(file: &mut File) -> io::Result<u128> {
    let mut hash = Xxh3::new();
    let length = file.metadata()?.len();
    let mut buffer = vec![0; usize::try_from(length + 1).map_or(PIECE, |length| length.min(PIECE))];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hash.digest128()),
            Ok(length) => hash.update(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

impl Identity {
    fn of(metadata: &Metadata) -> Identity {
        Identity {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}
