//! The specification: what an operator sees when things go well, and when they do not. A file for each part of a
//! generation's life; the names are sentences to agree with.

mod crashing;
mod leaving;
mod reloading;
mod rising;
mod rolling_back;
mod scaling;
mod stopping;
mod viewing;
mod waiting;
