//! How the program ends, for scripts.

/// An exit status with a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitCode {
    /// It has been done.
    Done = 0,
    /// It could not be done.
    Failed = 1,
    /// The command line asks for what cannot be.
    Misuse = 2,
    /// The config file has mistakes; systemd knows the number (EX_CONFIG, `RestartPreventExitStatus=78`).
    BadConfig = 78,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        (code as u8).into()
    }
}
