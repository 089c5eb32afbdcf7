//! What the flags of `run` and the config file say together, and telling why they make no sense.

use std::path::Path;

use crate::exit_code::ExitCode;
use crate::reading::ReadingError;
use crate::show;
use heirloom::config::{SettingsError, Source, Surroundings};

/// The config file, if there is one; what is wrong with it has been told.
pub(crate) fn source(flag: Option<&Path>) -> Result<(Option<Source>, Surroundings), ExitCode> {
    let around = Surroundings::of_this_process();
    let source = around.read(flag).map_err(|error| refused(error.into()))?;
    Ok((source, around))
}

/// Tells what is wrong with flags or file.
pub(crate) fn refused(error: ReadingError) -> ExitCode {
    match error {
        ReadingError::Read(error) => {
            show::error(&error.into(), None);
            ExitCode::BadConfig
        }
        ReadingError::Settings(SettingsError::Config(error)) => {
            show::mistakes(&error);
            ExitCode::BadConfig
        }
        ReadingError::Settings(misuse) => {
            let hint = misuse.hint();
            show::error(&misuse.into(), hint);
            ExitCode::Misuse
        }
    }
}
