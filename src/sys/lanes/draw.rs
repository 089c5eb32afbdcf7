//! The instructions that draw a number of 32 bits for a new connection: by chance, or always the same one for a client.
//! Knows no lanes, and not what is done with the number.

use super::step::{jump, load, statement, to_x, with, with_x};

/// Where the client's address is in each IP header.
pub(super) const SOURCE_IPV4: u32 = 12;
pub(super) const SOURCE_IPV6: u32 = 8;

/// Odd, so that different words stay different.
const FOLD: u32 = 0x9e37_79b1;
/// How MurmurHash3 mixes a word in its end: each bit of it moves half of the others.
const MIX: [(u32, Option<u32>); 3] = [(16, Some(0x85eb_ca6b)), (13, Some(0xc2b2_ae35)), (16, None)];

/// Another number for each connection.
pub(super) fn by_chance() -> Vec<libc::sock_filter> {
    let random = (libc::SKF_AD_OFF + libc::SKF_AD_RANDOM) as u32;
    vec![statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, random)]
}

/// The same number for each connection from an address. What comes over IPv4 to a socket for both families has an IPv4
/// header, so that a mapped address counts as what it maps.
pub(super) fn by_source(salt: u32) -> Vec<libc::sock_filter> {
    let ipv6 = folded_ipv6();
    let ipv4 = [load(libc::BPF_W, SOURCE_IPV4), statement(libc::BPF_JMP | libc::BPF_JA, ipv6.len() as u32)];
    let mut code = vec![load(libc::BPF_B, 0), with(libc::BPF_RSH, 4), jump(libc::BPF_JEQ, 4, 0, ipv4.len() as u8)];
    code.extend(ipv4);
    code.extend(ipv6);
    code.push(with(libc::BPF_XOR, salt));
    code.extend(MIX.into_iter().flat_map(mixed));
    code
}

/// Four words to one.
fn folded_ipv6() -> Vec<libc::sock_filter> {
    let mut code = vec![load(libc::BPF_W, SOURCE_IPV6)];
    for offset in (SOURCE_IPV6 + 4..SOURCE_IPV6 + 16).step_by(4) {
        code.extend([with(libc::BPF_MUL, FOLD), to_x(), load(libc::BPF_W, offset), with_x(libc::BPF_XOR)]);
    }
    code
}

/// `A ^= A >> shift`, then `A *= factor`.
fn mixed((shift, factor): (u32, Option<u32>)) -> Vec<libc::sock_filter> {
    let mut code = vec![to_x(), with(libc::BPF_RSH, shift), with_x(libc::BPF_XOR)];
    code.extend(factor.map(|factor| with(libc::BPF_MUL, factor)));
    code
}
