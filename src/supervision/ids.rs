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

/// Workers of a generation that share a lane, and come and go together. A generation is one cohort, number 0, unless it
/// is rolled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct CohortId {
    /// Whose it is.
    pub generation: GenerationId,
    /// Which of them: 0 for the only one, else counted from 1.
    pub number: u32,
}

impl CohortId {
    /// All of a generation.
    pub const fn whole(generation: GenerationId) -> CohortId {
        CohortId { generation, number: 0 }
    }
}

impl fmt::Display for CohortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            0 => self.generation.fmt(f),
            number => write!(f, "{}.{number}", self.generation),
        }
    }
}

impl From<CohortId> for String {
    fn from(cohort: CohortId) -> String {
        cohort.to_string()
    }
}

/// Not the name of a cohort.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a cohort is called like `3` or `3.1`")]
pub struct UnknownCohort;

impl TryFrom<String> for CohortId {
    type Error = UnknownCohort;

    fn try_from(name: String) -> Result<CohortId, UnknownCohort> {
        let (generation, number) = name.split_once('.').unwrap_or((&name, "0"));
        let parsed = |text: &str| text.parse::<u32>().map_err(|_| UnknownCohort);
        Ok(CohortId { generation: GenerationId(parsed(generation)?), number: parsed(number)? })
    }
}

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
