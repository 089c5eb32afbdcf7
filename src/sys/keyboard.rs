//! The keys of the controlling terminal, one by one, for a Tokio runtime to wait for.

#![allow(unsafe_code, reason = "Tokio wants to be told that a descriptor lives as long as it is watched")]

use std::io;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::terminal::Held;

/// The terminal's keys, until this is dropped.
#[derive(Debug)]
pub(crate) struct Keyboard(AsyncFd<Held>);

impl Keyboard {
    /// None when there is no terminal, or we are not in its foreground.
    pub(crate) fn take() -> io::Result<Option<Keyboard>> {
        let Some(held) = Held::take()? else { return Ok(None) };
        held.key_by_key()?;
        // SAFETY: `Held` owns its descriptor, never gives it away, and is not reached mutably inside `AsyncFd`.
        let keyboard = unsafe { AsyncFd::register_with_interest(held, Interest::READABLE)? };
        Ok(Some(Keyboard(keyboard)))
    }

    /// Somebody has set the terminal to his liking meanwhile.
    pub(crate) fn key_by_key(&self) -> io::Result<()> {
        self.0.get_ref().key_by_key()
    }

    /// What was typed; nothing when the terminal is gone. Cancel-safe.
    pub(crate) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.0.readable().await?;
            if let Ok(read) = ready.try_io(|terminal| terminal.get_ref().read(buffer)) {
                return read;
            }
        }
    }
}
