//! The classic BPF program that picks a member of a SO_REUSEPORT group. Knows indices, not lanes.

use std::os::fd::BorrowedFd;

use super::calls;

/// The questions that are asked of a new connection, in order, before the last answer.
#[derive(Debug, Default)]
pub(super) struct Questions {
    code: Vec<libc::sock_filter>,
}

impl Questions {
    /// What is left goes to the member with this index.
    pub(super) fn otherwise(mut self, index: usize) -> Program {
        self.code.push(statement(libc::BPF_RET | libc::BPF_K, index as u32));
        Program { code: self.code }
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

    /// Puts the program in force for the whole group of this socket, at once.
    pub(super) fn attach(mut self, fd: BorrowedFd<'_>) -> nix::Result<()> {
        calls::attach(fd, &mut self.code)
    }
}

/// An instruction that does not jump.
fn statement(code: u32, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: 0, jf: 0, k }
}
