//! The log on standard error: lines for people, JSON lines, or entries of the journal. What happens and what goes wrong
//! inside take the same way.
//!
//! The journal is spoken to in its own protocol, with fields; where its socket cannot be reached, lines carry a priority
//! prefix instead (sd-daemon(3)), which it understands as well.

mod entry;
mod form;
mod inside;
mod journal;

pub(crate) use entry::{Entry, Level};
pub(crate) use form::LogForm;
pub(crate) use inside::{Log, start, start_plainly};
