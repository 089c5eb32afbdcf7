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
    /// The reload was rejected or rolled back: what served before serves.
    Rejected = 3,
    /// Nobody listens on the control socket.
    NoMaster = 4,
    /// It is still going on, but the time is over.
    StillGoing = 5,
    /// The config file has mistakes; systemd knows the number (EX_CONFIG, `RestartPreventExitStatus=78`).
    BadConfig = 78,
}

/// For the end of `--help` and the man page. A test holds the numbers against the enum.
pub(crate) const TABLE: &str = "\
Exit status:
   0  done
   1  failed
   2  the command line asks for what cannot be
   3  the reload was rejected or rolled back; what served before serves
   4  no master there
   5  still going on when the time was over
  78  the config file has mistakes";

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        (code as u8).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_knows_every_status() {
        use ExitCode::{BadConfig, Done, Failed, Misuse, NoMaster, Rejected, StillGoing};
        let told: Vec<u8> = TABLE.lines().skip(1).map(|line| line[..4].trim().parse().expect("a number")).collect();
        assert_eq!(told, [Done, Failed, Misuse, Rejected, NoMaster, StillGoing, BadConfig].map(|code| code as u8));
    }
}
