//! All settings of the file in one table: what each is, its default, and what it is for. The schema, the sample and
//! `config show` are made of it; the parser has its own list, and a test holds the two together.

/// What a setting's value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A list of texts, the first not empty.
    Command,
    /// An address, or a table of them.
    Listen,
    /// A number from 1, or `"auto"`.
    Workers,
    Text,
    Path,
    /// A table of texts.
    Variables,
    Lanes,
    Time,
    /// A time that is not zero.
    Grace,
    Dialect,
    StopSignal,
    Mode,
    Boolean,
    Address,
    /// A table of its own settings.
    Table(&'static [Setting]),
    /// A path, or a table with more of a request.
    Request,
    /// An HTTP status, a range of them, or a list of those.
    Statuses,
    /// A text, or a list of texts.
    Names,
    Strategy,
    /// A list of shares with their times.
    Steps,
    Percentage,
    /// A user or a group: a name or a number.
    Who,
    Integer {
        least: i64,
        most: i64,
    },
    /// True, false, or a list of names.
    Inherit,
    /// A table of limits by name.
    Limits,
    /// A list of paths.
    Paths,
    /// A time, `"auto"`, or false.
    Poll,
}

/// A setting, as people are told about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) key: &'static str,
    /// What sets it on the command line.
    pub(super) flag: Option<&'static str>,
    pub(super) kind: Kind,
    pub(super) about: &'static str,
}

const fn setting(key: &'static str, flag: &'static str, kind: Kind, about: &'static str) -> Setting {
    Setting { key, flag: Some(flag), kind, about }
}

const fn within(key: &'static str, kind: Kind, about: &'static str) -> Setting {
    Setting { key, flag: None, kind, about }
}

/// The settings, in the order of the reference in the docs.
pub(super) const REFERENCE: [Setting; 26] = [
    setting("command", "the command line", Kind::Command, "The program and its arguments; no shell reads them."),
    setting("listen", "--listen", Kind::Listen, "The address to listen on, or a table of addresses by name."),
    setting("workers", "--workers", Kind::Workers, "How many workers a generation has; \"auto\" is one for each CPU."),
    setting("name", "--name", Kind::Text, "What the master is called."),
    setting("directory", "--directory", Kind::Path, "Where the program runs; symlinks are followed at each reload."),
    setting("env_file", "--env-file", Kind::Path, "A file of NAME=VALUE lines for the workers."),
    within("environment", Kind::Variables, "Variables for the workers."),
    setting("pid_file", "--pid-file", Kind::Path, "A file for the master's PID, which no second master can have."),
    setting("socket", "--socket", Kind::Path, "The control socket, by which `heirloom reload` and the rest ask."),
    setting("control_group", "--control-group", Kind::Text, "A group whose members may use the control socket."),
    setting(
        "metrics",
        "--metrics",
        Kind::Address,
        "Where metrics and health are told over HTTP; a port is on 127.0.0.1.",
    ),
    setting("lanes", "--lanes", Kind::Lanes, "How many generations can live at once; 1: all share one socket."),
    setting("settle", "--settle", Kind::Time, "At least so long after a promotion, before anything is drained."),
    setting("warm", "--warm", Kind::Time, "How long the previous generation stands by, ready to serve again."),
    setting("linger", "--linger", Kind::Time, "How long an old generation leaves idle connections open."),
    setting("ready_grace", "--ready-grace", Kind::Grace, "A generation that is not ready by then is given up."),
    setting("drain_grace", "--drain-grace", Kind::Time, "A worker that has not finished by then is killed."),
    setting("dialect", "--dialect", Kind::Dialect, "How the program is given its sockets."),
    setting("stop_signal", "--stop-signal", Kind::StopSignal, "What asks a worker to finish."),
    setting("watchdog", "--watchdog", Kind::Time, "A worker that notifies is replaced if it is silent for so long."),
    within("node", Kind::Table(&OF_NODE), "What is done with a Node program."),
    within("health", Kind::Table(&OF_HEALTH), "What a generation has to stand before clients may reach it, and after."),
    within("rollout", Kind::Table(&OF_A_ROLLOUT), "How new connections come to a newcomer that has proved itself."),
    within("hooks", Kind::Table(&OF_HOOKS), "What is run before and after a reload."),
    within("watch", Kind::Table(&OF_A_WATCH), "Which files cause a reload when they change."),
    within("process", Kind::Table(&OF_A_PROCESS), "Whose rights workers have, and how the system treats them."),
];

/// What a listener's own table may hold.
pub(super) const OF_A_LISTENER: [Setting; 4] = [
    within("address", Kind::Address, "Where it listens; it must be there."),
    within("lanes", Kind::Lanes, "As the setting of that name, for this listener."),
    within("blocking", Kind::Boolean, "Whether `accept` waits."),
    within("mode", Kind::Mode, "Who may connect to a Unix socket's path, in octal."),
];

/// What the table `node` may hold.
pub(super) const OF_NODE: [Setting; 3] = [
    within("preload", Kind::Boolean, "Whether an old generation asks its keep-alive clients to leave."),
    within("wait_ready", Kind::Boolean, "Whether it is ready only when it sends 'ready'."),
    within("shutdown_message", Kind::Boolean, "Whether it is told to stop by the message 'shutdown'."),
];

/// What the table `health` may hold.
pub(super) const OF_HEALTH: [Setting; 8] = [
    setting("http", "--health-http", Kind::Request, "What to ask each listener for, alone."),
    within("https", Kind::Request, "The same with TLS; nobody checks the certificate."),
    within("command", Kind::Command, "A program that exits with 0 if all is well; HEIRLOOM_CHECK_ADDR is the way."),
    within("interval", Kind::Grace, "How long from one round of checks to the next."),
    within("timeout", Kind::Grace, "A round that takes longer has failed."),
    within("rise", Kind::Integer { least: 1, most: 1000 }, "So many good rounds in a row prove a newcomer."),
    within("fall", Kind::Integer { least: 1, most: 1000 }, "So many bad rounds in a row are too many."),
    within("min_healthy_time", Kind::Time, "For so long a newcomer has to be well before it serves."),
];

/// What a request's own table may hold.
pub(super) const OF_A_REQUEST: [Setting; 6] = [
    within("path", Kind::Text, "What is asked for."),
    within("host", Kind::Text, "What the Host field says."),
    within("headers", Kind::Variables, "Further fields."),
    within("status", Kind::Statuses, "The statuses that are good."),
    within("body", Kind::Text, "What the body must hold."),
    within("listener", Kind::Names, "The listeners that are asked."),
];

/// What the table `rollout` may hold.
pub(super) const OF_A_ROLLOUT: [Setting; 8] = [
    setting("strategy", "--strategy", Kind::Strategy, "\"all\", \"blue-green\", \"canary\" or \"rolling\"."),
    within("steps", Kind::Steps, "The shares of a canary, one after the other, and how long each lasts."),
    within("step_time", Kind::Grace, "How long a step lasts that does not say so itself."),
    within("auto_promote", Kind::Time, "After so long, a newcomer that waits for `heirloom promote` goes on without."),
    within("sticky", Kind::Boolean, "Whether a client stays with the generation that it met, by its address."),
    within("surge", Kind::Integer { least: 1, most: 1000 }, "How many workers more there may be in a rolling reload."),
    within("progress_deadline", Kind::Grace, "A newcomer that is not proven by then is given up."),
    within("error_budget", Kind::Percentage, "More errors than that among a newcomer's requests end it."),
];

/// What the table `hooks` may hold.
pub(super) const OF_HOOKS: [Setting; 4] = [
    within("pre_reload", Kind::Command, "Run before anything starts; if it fails, so does the reload."),
    within("post_reload", Kind::Command, "Run when the newcomer serves."),
    within("on_failure", Kind::Command, "Run when it was given up, or rolled back."),
    within("timeout", Kind::Grace, "A hook that takes longer is killed."),
];

/// What the table `watch` may hold.
pub(super) const OF_A_WATCH: [Setting; 5] = [
    setting("binary", "--watch-binary", Kind::Boolean, "The program's file, and what its symlinks lead to."),
    setting("paths", "--watch", Kind::Paths, "Files, and directories with all that is in them."),
    within("quiet", Kind::Grace, "For so long nothing must happen to them."),
    within("at_most_every", Kind::Time, "Not sooner after the last reload that they caused."),
    within("poll", Kind::Poll, "How often to look without a reason; \"auto\": where the file system tells nothing."),
];

/// What the table `process` may hold.
pub(super) const OF_A_PROCESS: [Setting; 8] = [
    setting("user", "--user", Kind::Who, "Workers have this user's rights, and are in his groups."),
    setting("group", "--group", Kind::Who, "Workers are in this group instead of their user's own."),
    setting("umask", "--umask", Kind::Mode, "What new files of workers may not be, in octal."),
    within("nice", Kind::Integer { least: -20, most: 19 }, "How much workers yield to others."),
    within("oom_score_adj", Kind::Integer { least: -1000, most: 1000 }, "How soon they die when memory runs out."),
    within("no_new_privs", Kind::Boolean, "Nothing that they execute can have more rights."),
    within("inherit_environment", Kind::Inherit, "Which variables of the master they find."),
    within("limits", Kind::Limits, "How much they may have of what (setrlimit(2))."),
];
