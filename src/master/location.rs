//! Where a recipe's program is, as the user wrote it: symlinks that lead there are not followed.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::programs::locate;
use super::recipe::Recipe;
use crate::sys::files::where_we_were_started;

impl Recipe {
    /// The path of the program's file, for whoever wants to know when another one is there; none if it is in none of the
    /// directories of PATH. Reads the file system.
    pub fn location(&self) -> Option<PathBuf> {
        let name = self.command.first()?;
        let directory = self.directory.clone().unwrap_or_else(where_we_were_started);
        if name.as_bytes().contains(&b'/') {
            return Some(directory.join(name));
        }
        let credentials = self.world.credentials().ok()?;
        let environment = self.resolve_environment(&directory, credentials.as_ref()).ok()?;
        locate(name, &directory, environment.get(OsStr::new("PATH"))).ok()
    }
}
