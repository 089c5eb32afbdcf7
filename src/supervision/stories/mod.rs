//! The specification: what an operator sees when things go well, and when they do not. A file for each part of a
//! generation's life; the names are sentences to agree with.

mod crashing;
mod failing;
mod going_back;
mod held;
mod leaving;
mod proving;
mod reloading;
mod rising;
mod rolling;
mod rolling_back;
mod scaling;
mod sharing;
mod stopping;
mod viewing;
mod waiting;
