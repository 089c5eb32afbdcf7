//! The harness of the stories: it plays the master, with no process and no clock.
//!
//! What the core orders becomes plain lines. What a master would do without a thought is answered at once, and well,
//! unless the story's world says otherwise.

mod harness;
mod lines;

pub(super) use harness::{Goes, Story, answer, cohort, generation, millis, seconds};
pub(super) use lines::line;
