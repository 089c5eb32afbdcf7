//! Generations and their workers as a table.

use std::path::Path;

use anstyle::{AnsiColor, Style};

use super::table::{Column, Table};
use super::words::{age, bar, bytes, cpu};
use heirloom::control::model::{Generation, GenerationState, Origin, Release, Worker, WorkerState};

const COLUMNS: [Column; 11] = [
    Column::Right("GEN"),
    Column::Left("STATE"),
    Column::Right("SHARE"),
    Column::Right("READY"),
    Column::Right("AGE"),
    Column::Right("CONNS"),
    Column::Right("CPU"),
    Column::Right("RSS"),
    Column::Left("NEXT"),
    Column::Left("CAUSE"),
    Column::Left("RELEASE"),
];

/// How wide a share is drawn.
const WIDTH: usize = 10;

/// How shares are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shares {
    /// Somebody has all of it: not at all.
    Whole,
    Numbers,
    Bars,
}

/// The newest first; with `workers`, a row for each of theirs below. On a terminal, shares are drawn.
pub(super) fn table(generations: &[Generation], workers: bool, terminal: bool) -> Table {
    let divided = generations.iter().any(|it| (1..100).contains(&it.share_percent));
    let shares = match (divided, terminal) {
        (false, _) => Shares::Whole,
        (true, false) => Shares::Numbers,
        (true, true) => Shares::Bars,
    };
    let mut table = Table::new(COLUMNS);
    for generation in generations {
        table.row(style(generation.state), row(generation, shares));
        for worker in generation.workers.iter().filter(|_| workers) {
            table.row(Style::new().dimmed(), worker_row(generation.id, worker));
        }
    }
    table
}

fn row(generation: &Generation, shares: Shares) -> [String; 11] {
    [
        generation.id.to_string(),
        word(generation.state).to_owned(),
        match shares {
            Shares::Whole => String::new(),
            Shares::Numbers => format!("{}%", generation.share_percent),
            Shares::Bars => format!("{} {:>3}%", bar(generation.share_percent, WIDTH), generation.share_percent),
        },
        format!("{}/{}", generation.ready, generation.total),
        age(generation.age_seconds),
        known(generation.connections),
        generation.cpu_seconds.map(cpu).unwrap_or_else(unknown),
        generation.rss_bytes.map(bytes).unwrap_or_else(unknown),
        what_comes(generation),
        origin(&generation.origin),
        generation.release.as_ref().map(release).unwrap_or_default(),
    ]
}

fn worker_row(generation: u32, worker: &Worker) -> [String; 11] {
    let Worker { slot, pid, state, requests, errors, restarts, status, .. } = worker;
    let told = [
        pid.map(|pid| format!("pid {pid}")),
        requests.map(|requests| format!("{requests} requests")),
        errors.filter(|errors| *errors > 0).map(|errors| format!("{errors} errors")),
        (*restarts > 0).then(|| format!("started again {restarts} times")),
    ];
    [
        format!("{generation}.{slot}"),
        worker_word(*state).to_owned(),
        String::new(),
        String::new(),
        worker.age_seconds.map(age).unwrap_or_default(),
        known(worker.connections),
        worker.cpu_seconds.map(cpu).unwrap_or_else(unknown),
        worker.rss_bytes.map(bytes).unwrap_or_else(unknown),
        String::new(),
        told.into_iter().flatten().collect::<Vec<_>>().join(", "),
        status.clone().unwrap_or_default(),
    ]
}

fn known(number: Option<u64>) -> String {
    number.map_or_else(unknown, |number| number.to_string())
}

/// Nobody says.
fn unknown() -> String {
    "?".into()
}

/// Who, and why.
pub(super) fn origin(origin: &Origin) -> String {
    match &origin.reason {
        Some(reason) => format!("{}: {reason}", origin.by),
        None => origin.by.clone(),
    }
}

/// What tells releases from each other: the program's path, or the command and where it runs.
pub(super) fn release(release: &Release) -> String {
    let Release { program, command, directory } = release;
    match program.starts_with(directory) && directory != Path::new("/") {
        true => program.display().to_string(),
        false => format!("{} in {}", command.join(" "), directory.display()),
    }
}

fn what_comes(generation: &Generation) -> String {
    let waits = generation.waits_for.as_ref().map(|what| format!("waits: {what}"));
    let end = match generation.state {
        GenerationState::Standby => Some("drained"),
        GenerationState::Draining | GenerationState::Sweeping => Some("killed"),
        GenerationState::Resolving
        | GenerationState::WaitingForLane
        | GenerationState::Starting
        | GenerationState::Checking
        | GenerationState::Steering => Some("given up"),
        GenerationState::Held => Some("promoted"),
        GenerationState::Sharing => Some("next step"),
        GenerationState::Serving | GenerationState::Unsteered | GenerationState::Settling => None,
    };
    let until = generation.until_seconds.and_then(|seconds| Some(format!("{} in {}", end?, age(seconds.ceil()))));
    let changed = (!generation.changed_on_disk.is_empty()).then(|| "changed on disk".to_owned());
    waits.into_iter().chain(until).chain(changed).collect::<Vec<_>>().join("; ")
}

/// What a state is called.
pub(super) fn word(state: GenerationState) -> &'static str {
    match state {
        GenerationState::Resolving => "resolving",
        GenerationState::WaitingForLane => "waiting",
        GenerationState::Starting => "starting",
        GenerationState::Checking => "checking",
        GenerationState::Held => "held",
        GenerationState::Sharing => "sharing",
        GenerationState::Steering => "steering",
        GenerationState::Serving => "serving",
        GenerationState::Unsteered => "unsteered",
        GenerationState::Settling => "settling",
        GenerationState::Standby => "standby",
        GenerationState::Draining => "draining",
        GenerationState::Sweeping => "sweeping",
    }
}

fn worker_word(state: WorkerState) -> &'static str {
    match state {
        WorkerState::Waiting => "waiting",
        WorkerState::Starting => "starting",
        WorkerState::Ready => "ready",
        WorkerState::LameDuck => "lame duck",
        WorkerState::Draining => "draining",
        WorkerState::Killed => "killed",
    }
}

fn style(state: GenerationState) -> Style {
    match state {
        GenerationState::Serving => Style::new().bold(),
        GenerationState::Resolving
        | GenerationState::WaitingForLane
        | GenerationState::Starting
        | GenerationState::Checking
        | GenerationState::Held
        | GenerationState::Sharing
        | GenerationState::Steering => AnsiColor::Cyan.on_default(),
        GenerationState::Unsteered => AnsiColor::Red.on_default(),
        GenerationState::Settling
        | GenerationState::Standby
        | GenerationState::Draining
        | GenerationState::Sweeping => Style::new(),
    }
}
