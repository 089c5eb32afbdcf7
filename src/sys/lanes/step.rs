//! Single instructions of classic BPF. Knows no program.

/// Where the IP header is, for a program that sees what is behind the TCP header.
pub(super) const HEADER: u32 = libc::SKF_NET_OFF as u32;

/// An instruction that does not jump.
pub(super) fn statement(code: u32, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

/// Compares A with a number, and jumps over so many instructions.
pub(super) fn jump(comparison: u32, k: u32, if_so: u8, otherwise: u8) -> libc::sock_filter {
    libc::sock_filter { code: (libc::BPF_JMP | comparison | libc::BPF_K) as u16, jt: if_so, jf: otherwise, k }
}

/// A number of this size (BPF_B, BPF_H, BPF_W) at this offset of the IP header, to A.
pub(super) fn load(size: u32, offset: u32) -> libc::sock_filter {
    statement(libc::BPF_LD | size | libc::BPF_ABS, HEADER.wrapping_add(offset))
}

/// A with a number.
pub(super) fn with(operation: u32, k: u32) -> libc::sock_filter {
    statement(libc::BPF_ALU | operation | libc::BPF_K, k)
}

/// A with X.
pub(super) fn with_x(operation: u32) -> libc::sock_filter {
    statement(libc::BPF_ALU | operation | libc::BPF_X, 0)
}

/// X becomes A.
pub(super) fn to_x() -> libc::sock_filter {
    statement(libc::BPF_MISC | libc::BPF_TAX, 0)
}
