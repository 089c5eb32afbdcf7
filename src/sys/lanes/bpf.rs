//! The three things that we ask bpf(2) for: a program, a map of one number, and to change that number.
//!
//! It needs CAP_BPF, and whoever is in a sandbox may be killed for asking: see [`is_allowed`].

#![allow(unsafe_code, reason = "bpf has no safe interface")]

use std::fs;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

const MAP_CREATE: libc::c_int = 0;
const MAP_UPDATE_ELEM: libc::c_int = 2;
const PROG_LOAD: libc::c_int = 5;
const ARRAY: u32 = 2;
const SOCKET_FILTER: u32 = 1;
/// In a load of 64 bits: the number is a map's descriptor, and what is loaded is where its first value stands.
const MAP_VALUE: u8 = 2;
/// The capabilities, by their numbers, of which one is enough.
const CAP_SYS_ADMIN: u32 = 21;
const CAP_BPF: u32 = 39;

/// One instruction.
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

/// As BPF_MAP_CREATE reads it.
#[repr(C)]
struct Create {
    kind: u32,
    key_size: u32,
    value_size: u32,
    most: u32,
    flags: u32,
}

/// As BPF_MAP_UPDATE_ELEM reads it.
#[repr(C)]
struct Update {
    map: u32,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// Whether this process may ask.
pub(super) fn is_allowed() -> bool {
    allows(&fs::read_to_string("/proc/self/status").unwrap_or_default())
}

/// Whether /proc's word on a process lets it ask: it has the right, and no filter on its system calls.
fn allows(status: &str) -> bool {
    let value = |name: &str| Some(status.lines().find_map(|line| line.strip_prefix(name))?.trim());
    let rights = value("CapEff:").and_then(|text| u64::from_str_radix(text, 16).ok()).unwrap_or_default();
    let may = |right: u32| rights & (1 << right) != 0;
    value("Seccomp:") == Some("0") && (may(CAP_BPF) || may(CAP_SYS_ADMIN))
}

/// A program that answers with this number, whoever asks: `r0 = answer; exit`.
pub(super) fn constant(answer: usize) -> nix::Result<OwnedFd> {
    let immediate = i32::try_from(answer).map_err(|_| Errno::ERANGE)?;
    load(&[
        Instruction { code: 0xb7, registers: 0, offset: 0, immediate }, // BPF_ALU64 | BPF_MOV | BPF_K
        EXIT,
    ])
}

/// A program that answers with what stands in a map of one number: `r1 = its place; r0 = *r1; exit`.
pub(super) fn variable(map: BorrowedFd<'_>) -> nix::Result<OwnedFd> {
    load(&[
        Instruction { code: 0x18, registers: MAP_VALUE << 4 | 1, offset: 0, immediate: map.as_raw_fd() }, // BPF_LD | BPF_DW
        Instruction { code: 0, registers: 0, offset: 0, immediate: 0 }, // its second half
        Instruction { code: 0x61, registers: 1 << 4, offset: 0, immediate: 0 }, // BPF_LDX | BPF_MEM | BPF_W
        EXIT,
    ])
}

const EXIT: Instruction = Instruction { code: 0x95, registers: 0, offset: 0, immediate: 0 };

fn load(program: &[Instruction]) -> nix::Result<OwnedFd> {
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
    fresh(fd)
}

/// A map of one number, which is 0.
pub(super) fn map() -> nix::Result<OwnedFd> {
    let attributes = Create { kind: ARRAY, key_size: 4, value_size: 4, most: 1, flags: 0 };
    // SAFETY: the attributes outlive the call, and there is nothing else in them.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, MAP_CREATE, &raw const attributes, size_of::<Create>()) };
    fresh(fd)
}

/// Changes the number of a map, for all who read it.
pub(super) fn set(map: BorrowedFd<'_>, value: u32) -> nix::Result<()> {
    let key = 0_u32;
    let attributes = Update {
        map: map.as_raw_fd().cast_unsigned(),
        padding: 0,
        key: (&raw const key).expose_provenance() as u64,
        value: (&raw const value).expose_provenance() as u64,
        flags: 0,
    };
    // SAFETY: the attributes, the key and the value outlive the call, and have the sizes that the map was made with.
    let done = unsafe { libc::syscall(libc::SYS_bpf, MAP_UPDATE_ELEM, &raw const attributes, size_of::<Update>()) };
    Errno::result(done).map(drop)
}

fn fresh(fd: libc::c_long) -> nix::Result<OwnedFd> {
    let fd = Errno::result(fd)?;
    // SAFETY: the descriptor is fresh, close-on-exec, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn who_may_not_or_is_filtered_does_not_ask() {
        assert!(allows("CapEff:\t000001ffffffffff\nSeccomp:\t0\n"));
        assert!(allows("CapEff:\t0000008000000000\nSeccomp:\t0\n"), "CAP_BPF alone");
        assert!(!allows("CapEff:\t0000000000000000\nSeccomp:\t0\n"));
        assert!(!allows("CapEff:\t000001ffffffffff\nSeccomp:\t2\n"));
        assert!(!allows(""));
    }

    #[test]
    fn programs_are_loaded_where_we_may() {
        assert_eq!(constant(3).is_ok(), is_allowed());
        let variable = map().and_then(|map| set(map.as_fd(), 3).and_then(|()| variable(map.as_fd())));
        assert_eq!(variable.is_ok(), is_allowed());
    }
}
