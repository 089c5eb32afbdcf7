//! Names for things. They are never reused within a master's life.

use std::fmt;

use serde::{Deserialize, Serialize};

/// All the workers that one reload started; numbered from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GenerationId(pub u32);

/// One process; the worker that replaces a crashed one has an id of its own. A pid is not an id: it is reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WorkerId(pub u64);

/// A numbered seat in a generation, from 0; the worker that replaces a crashed one takes over its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot(pub u32);

/// A command that was asked for, and whose one answer is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId(pub u64);

macro_rules! shown_as_its_number {
    ($($id:ty),*) => { $(
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )* };
}

shown_as_its_number!(GenerationId, WorkerId, Slot, RequestId);
