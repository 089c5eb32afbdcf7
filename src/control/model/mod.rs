//! What goes over the control socket under `/v1`, as JSON: plain values, snake_case, times in RFC 3339, durations in
//! seconds. Fields may be added, and readers must ignore what they do not know.

mod command;
mod event;
mod history;
mod listener;
mod problem;
mod rollout;
mod status;
mod time;

pub use command::{Abort, Answer, Outcome, Pause, Promote, Reload, Resume, Rollback, Scale, Stop, Strategy, Wait};
pub use event::{EventsQuery, LogsQuery, Missed, Told};
pub use history::{Attempt, AttemptOutcome, History};
pub use listener::{Holder, Lane, LaneState, Listener, Share, Sockets, Stranger, Way};
pub use problem::Problem;
pub use rollout::{Door, Rollout, SharedBy, Step};
pub use status::{
    Generation, GenerationState, MasterState, Origin, ReadyBy, Release, Reloads, Status, Worker, WorkerState,
};
pub use time::Time;
