//! The rules: which generation rises, serves, stands by, retires; which worker is replaced, and when.
//!
//! A pure state machine. [`Supervisor::handle`] takes what happened and the time, and says what to do. It knows no
//! clock, pid, descriptor or task, nor the protocol or the configuration file: `master` does the deeds and brings back
//! what became of them as further events. It is plain data: it can be frozen at any event and goes on the same.

mod action;
mod backoff;
mod crash;
mod event;
mod generation;
mod give_up;
mod ids;
mod leave;
mod newcomer;
mod notice;
mod plan;
mod proving;
mod rise;
mod rollback;
mod rolling;
mod rollout;
mod scale;
mod sharing;
mod steering;
mod stop;
mod supervisor;
mod uptime;
mod view;

#[cfg(test)]
mod stories;
#[cfg(test)]
mod storm;
#[cfg(test)]
mod story;

pub use action::{Action, Ending, Outcome, Share};
pub use event::{Command, Event, Exit, Origin};
pub use ids::{CohortId, GenerationId, RequestId, Slot, UnknownCohort, WorkerId};
pub use notice::{Notice, Reason, SharedBy};
pub use plan::{Coalescing, FirstStart, Plan, Policy};
pub use rollback::KEPT;
pub use rollout::{CanaryStep, ErrorBudget, Health, Rollout, Strategy, UnknownStrategy};
pub use supervisor::Supervisor;
pub use uptime::Uptime;
pub use view::{GenerationView, Stage, View, WorkerStage, WorkerView};
