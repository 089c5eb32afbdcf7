//! Keys that are pressed on the controlling terminal, one by one; or that terminal lent to a worker. Either way it is given
//! back as it was. What a key means is not known here.

use std::collections::VecDeque;
use std::io;

use futures_util::StreamExt;
use signal_hook::consts::signal::SIGCONT;
use signal_hook_tokio::Signals;

use crate::sys::keyboard::Keyboard;
use crate::sys::terminal::Held;

/// The keys of the controlling terminal, which is as it was when this is dropped, also by a panic.
pub struct Keys {
    keyboard: Keyboard,
    /// Whoever stopped us (Ctrl-Z) has set the terminal to his liking meanwhile.
    continued: Signals,
    typed: VecDeque<char>,
}

/// The terminal cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot have the terminal")]
pub struct KeysError(#[from] io::Error);

impl Keys {
    /// From now on, keys come as they are pressed. None when there is no terminal, or we are not in its foreground. Must be
    /// called within a Tokio runtime.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn take() -> Result<Option<Keys>, KeysError> {
        let Some(keyboard) = Keyboard::take()? else { return Ok(None) };
        Ok(Some(Keys { keyboard, continued: Signals::new([SIGCONT])?, typed: VecDeque::new() }))
    }

    /// The next key; none when the terminal is gone. Cancel-safe.
    pub async fn next(&mut self) -> Option<char> {
        loop {
            if let Some(key) = self.typed.pop_front() {
                return Some(key);
            }
            let mut buffer = [0; 64];
            tokio::select! {
                read = self.keyboard.read(&mut buffer) => match read {
                    Ok(0) => return None,
                    Ok(count) => self.typed.extend(String::from_utf8_lossy(&buffer[..count]).chars()),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => return None,
                },
                _ = self.continued.next() => {
                    let _ = self.keyboard.key_by_key(); // a terminal that is gone says so when it is read
                }
            }
        }
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("typed", &self.typed).finish_non_exhaustive()
    }
}

/// The controlling terminal, lent to a worker, which is in its foreground; ours again when this is dropped.
#[derive(Debug)]
pub struct Lent(Held);

impl Lent {
    /// None when there is no terminal, or it is not ours to lend.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn new() -> Result<Option<Lent>, KeysError> {
        Ok(Held::take()?.map(Lent))
    }

    /// Puts this worker into the foreground: it leads a group of its own.
    pub fn to(&self, pid: u32) {
        // One that has ended needs no terminal.
        let _ = self.0.give_to(nix::unistd::Pid::from_raw(pid.cast_signed()));
    }
}
