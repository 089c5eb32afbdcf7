//! Programs that give one answer, whoever asks: loaded once, and shared by all groups of all listeners.
//!
//! The kernel compiles a program of a group's own anew each time that it is put in force, which takes ten microseconds;
//! a shared one takes one. Loading it needs CAP_BPF: where we have not, or are in a sandbox that may kill for asking,
//! each group gets its own as before.

#![allow(unsafe_code, reason = "bpf has no safe interface")]

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Mutex;

use nix::errno::Errno;

use super::calls;

const PROG_LOAD: libc::c_int = 5;
const SOCKET_FILTER: u32 = 1;
/// The capabilities, by their numbers, of which one is enough.
const CAP_SYS_ADMIN: u32 = 21;
const CAP_BPF: u32 = 39;

/// What was loaded, by its answer; none where we may not.
static LOADED: Mutex<Option<BTreeMap<usize, OwnedFd>>> = Mutex::new(Some(BTreeMap::new()));

/// `r0 = answer; exit`.
#[repr(C)]
struct Instruction {
    code: u8,
    registers: u8,
    offset: i16,
    immediate: i32,
}

/// The beginning of `bpf_attr` as BPF_PROG_LOAD reads it (bpf(2)).
#[repr(C)]
struct Load {
    kind: u32,
    count: u32,
    instructions: u64,
    license: u64,
    log: [u32; 4],
    kernel_version: u32,
    flags: u32,
}

/// Puts a shared program in force for the group of this socket; `None` if there is none, and nothing has changed.
pub(super) fn attach(fd: BorrowedFd<'_>, answer: usize) -> Option<()> {
    let mut loaded = LOADED.lock().ok()?;
    let programs = loaded.as_mut()?;
    if let Some(program) = programs.get(&answer) {
        return put_in_force(fd, program.as_fd()).ok();
    }
    if programs.is_empty() && !is_allowed(&fs::read_to_string("/proc/self/status").unwrap_or_default()) {
        *loaded = None;
        return None;
    }
    match load(answer) {
        Ok(program) => {
            let done = put_in_force(fd, program.as_fd()).ok();
            programs.insert(answer, program);
            done
        }
        Err(_) => {
            *loaded = None;
            None
        }
    }
}

fn put_in_force(fd: BorrowedFd<'_>, program: BorrowedFd<'_>) -> nix::Result<()> {
    calls::set_number(fd, libc::SOL_SOCKET, libc::SO_ATTACH_REUSEPORT_EBPF, program.as_raw_fd())
}

/// Whether /proc's word on a process lets it ask: it has the right, and no filter on its system calls.
fn is_allowed(status: &str) -> bool {
    let value = |name: &str| Some(status.lines().find_map(|line| line.strip_prefix(name))?.trim());
    let rights = value("CapEff:").and_then(|text| u64::from_str_radix(text, 16).ok()).unwrap_or_default();
    let may = |right: u32| rights & (1 << right) != 0;
    value("Seccomp:") == Some("0") && (may(CAP_BPF) || may(CAP_SYS_ADMIN))
}

fn load(answer: usize) -> nix::Result<OwnedFd> {
    let immediate = i32::try_from(answer).map_err(|_| Errno::ERANGE)?;
    let program = [
        Instruction { code: 0xb7, registers: 0, offset: 0, immediate }, // BPF_ALU64 | BPF_MOV | BPF_K
        Instruction { code: 0x95, registers: 0, offset: 0, immediate: 0 }, // BPF_JMP | BPF_EXIT
    ];
    let license = c"MIT";
    let attributes = Load {
        kind: SOCKET_FILTER,
        count: program.len() as u32,
        instructions: program.as_ptr().expose_provenance() as u64,
        license: license.as_ptr().expose_provenance() as u64,
        log: [0; 4],
        kernel_version: 0,
        flags: 0,
    };
    // SAFETY: the attributes, the instructions and the licence outlive the call; the kernel copies them.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, PROG_LOAD, &raw const attributes, size_of::<Load>()) };
    let fd = Errno::result(fd)?;
    // SAFETY: the descriptor is fresh, close-on-exec, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_or_is_filtered_does_not_ask() {
        assert!(is_allowed("CapEff:\t000001ffffffffff\nSeccomp:\t0\n"));
        assert!(is_allowed("CapEff:\t0000008000000000\nSeccomp:\t0\n"), "CAP_BPF alone");
        assert!(!is_allowed("CapEff:\t0000000000000000\nSeccomp:\t0\n"));
        assert!(!is_allowed("CapEff:\t000001ffffffffff\nSeccomp:\t2\n"));
        assert!(!is_allowed(""));
    }

    #[test]
    fn a_program_is_loaded_where_we_may() {
        let allowed = is_allowed(&fs::read_to_string("/proc/self/status").expect("/proc is mounted"));
        assert_eq!(load(3).is_ok(), allowed);
    }
}
