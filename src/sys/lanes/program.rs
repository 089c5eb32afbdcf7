//! The classic BPF program that picks a member of a SO_REUSEPORT group. Knows indices, not lanes.

use std::{
    net::{IpAddr, SocketAddr},
    os::fd::BorrowedFd,
};

use super::{
    answer, calls, draw,
    share::By,
    step::{HEADER, jump, load, statement},
};

/// The questions that are asked of a new connection, in order, before the last answer.
#[derive(Debug, Default)]
pub(super) struct Questions {
    code: Vec<libc::sock_filter>,
}

impl Questions {
    /// What comes from exactly this address and this port goes to the member with this index. The port alone would not
    /// do: a stranger elsewhere may have the same.
    pub(super) fn from(mut self, source: SocketAddr, index: usize) -> Questions {
        let checks = match source.ip().to_canonical() {
            IpAddr::V4(ip) => from_ipv4(ip.to_bits(), source.port()),
            IpAddr::V6(ip) => from_ipv6(ip.octets(), source.port()),
        };
        let length = checks.iter().map(|check| check.loads.len() + 1).sum::<usize>() + 1;
        let end = self.code.len() + length;
        for check in checks {
            self.code.extend(check.loads);
            let otherwise = (end - self.code.len() - 1) as u8;
            self.code.push(jump(libc::BPF_JEQ, check.wanted, 0, otherwise));
        }
        self.code.push(answer(index));
        self
    }

    /// What is left goes to the member with this index.
    pub(super) fn otherwise(mut self, index: usize) -> Program {
        self.code.push(answer(index));
        Program { code: self.code }
    }

    /// What is left is divided: a number of 32 bits is drawn, and the first member gets those who are below the number
    /// beside it, the next those of the others that are below its own, and so on.
    pub(super) fn divide(mut self, by: By, parts: &[(usize, u32)], last: usize) -> Program {
        self.code.extend(match by {
            By::Chance => draw::by_chance(),
            By::Source { salt } => draw::by_source(salt),
        });
        for (index, below) in parts {
            self.code.push(jump(libc::BPF_JGE, *below, 1, 0));
            self.code.push(answer(*index));
        }
        self.otherwise(last)
    }
}

/// A complete program.
///
/// # Invariants
/// It ends with an answer, whatever was asked before.
#[derive(Debug)]
pub(super) struct Program {
    code: Vec<libc::sock_filter>,
}

impl Program {
    /// Begins a program that has asked nothing yet.
    pub(super) fn ask() -> Questions {
        Questions::default()
    }

    /// Its answer, if it asks nothing.
    pub(super) fn only_answer(&self) -> Option<usize> {
        match self.code[..] {
            [only] => Some(only.k as usize),
            _ => None,
        }
    }

    /// Puts the program in force for the whole group of this socket, at once.
    pub(super) fn attach(mut self, fd: BorrowedFd<'_>) -> nix::Result<()> {
        if self.only_answer().is_some_and(|only| answer::attach(fd, only).is_some()) {
            return Ok(());
        }
        calls::attach(fd, &mut self.code)
    }

    #[cfg(test)]
    pub(super) fn code(&self) -> &[libc::sock_filter] {
        &self.code
    }
}

/// A number that is loaded, and what it must be.
struct Check {
    loads: Vec<libc::sock_filter>,
    wanted: u32,
}

/// A number of this size (BPF_B, BPF_H, BPF_W) at this offset of the IP header.
fn at(size: u32, offset: u32, wanted: u32) -> Check {
    Check { loads: vec![load(size, offset)], wanted }
}

/// The first four bits, by which a dual-stack socket tells its two kinds of packets apart.
fn version(wanted: u32) -> Check {
    let mut check = at(libc::BPF_B, 0, wanted);
    check.loads.push(statement(libc::BPF_ALU | libc::BPF_RSH | libc::BPF_K, 4));
    check
}

/// IPv4: the TCP header is behind as many words as the low half of the first byte says.
fn from_ipv4(ip: u32, port: u16) -> Vec<Check> {
    let length_to_x = statement(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, HEADER);
    let port_at_x = statement(libc::BPF_LD | libc::BPF_H | libc::BPF_IND, HEADER);
    let port = Check { loads: vec![length_to_x, port_at_x], wanted: port.into() };
    vec![version(4), at(libc::BPF_W, draw::SOURCE_IPV4, ip), port]
}

/// IPv6: a connection of ours has no extension headers, so TCP follows at once.
fn from_ipv6(ip: [u8; 16], port: u16) -> Vec<Check> {
    const NEXT_HEADER: u32 = 6;
    const BEHIND: u32 = 40;
    let words = ip.as_chunks::<4>().0.iter().zip((draw::SOURCE_IPV6..).step_by(4));
    let mut checks = vec![version(6)];
    checks.extend(words.map(|(word, offset)| at(libc::BPF_W, offset, u32::from_be_bytes(*word))));
    checks.push(at(libc::BPF_B, NEXT_HEADER, libc::IPPROTO_TCP as u32));
    checks.push(at(libc::BPF_H, BEHIND, port.into()));
    checks
}

fn answer(index: usize) -> libc::sock_filter {
    statement(libc::BPF_RET | libc::BPF_K, index as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_that_is_denied_leads_to_the_next_and_never_beyond_the_end() {
        for source in ["127.0.0.1:80", "[::1]:80", "[::ffff:127.0.0.1]:80"] {
            let program = Program::ask().from(source.parse().unwrap(), 1).otherwise(2);
            let last = program.code.len() - 1;
            let jumps = program.code.iter().enumerate().filter(|(_, step)| step.jf != 0);
            let targets: Vec<usize> = jumps.map(|(place, step)| place + 1 + usize::from(step.jf)).collect();
            assert!(!targets.is_empty() && targets.iter().all(|target| *target == last), "{source}: {targets:?}");
            assert_eq!((program.code[last - 1].k, program.code[last].k), (1, 2));
        }
    }
}
