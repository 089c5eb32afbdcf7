//! Where the control socket of a master is: one answer for the master that opens it and for whoever looks for it.
//!
//! Pure: it asks neither the file system nor the environment.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where services of the whole system have theirs.
const OF_THE_SYSTEM: &str = "/run/heirloom";

/// What the environment says about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// `$HEIRLOOM_SOCKET`: the socket itself.
    pub socket: Option<OsString>,
    /// `$RUNTIME_DIRECTORY`: what systemd made for the service; several are separated by colons.
    pub runtime_directory: Option<OsString>,
    /// `$XDG_RUNTIME_DIR`: the user's own.
    pub user_directory: Option<OsString>,
}

/// Where a control socket may be, the best place first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// At least one.
    pub paths: Vec<PathBuf>,
    /// Somebody named it, so that no other will do.
    pub named: bool,
}

impl Around {
    /// The environment of this process.
    pub fn this_process() -> Around {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Around {
            socket: variable("HEIRLOOM_SOCKET"),
            runtime_directory: variable("RUNTIME_DIRECTORY"),
            user_directory: variable("XDG_RUNTIME_DIR"),
        }
    }
}

impl Places {
    /// The places for a master of this name: the one that a flag or `$HEIRLOOM_SOCKET` names, else NAME.sock in
    /// `$RUNTIME_DIRECTORY`, /run/heirloom and `$XDG_RUNTIME_DIR/heirloom`.
    pub fn of(name: &str, flag: Option<&Path>, around: &Around) -> Places {
        let named = flag.map(Path::to_owned).or_else(|| Some(around.socket.clone()?.into()));
        if let Some(path) = named {
            return Places { paths: vec![path], named: true };
        }
        let file = file_name(name);
        let of_the_service = around.runtime_directory.as_ref().and_then(|directories| {
            let first = std::env::split_paths(directories).next()?;
            first.is_absolute().then_some(first)
        });
        let of_the_user = around.user_directory.as_ref().map(|directory| Path::new(directory).join("heirloom"));
        let directories = of_the_service.into_iter().chain([OF_THE_SYSTEM.into()]).chain(of_the_user);
        Places { paths: directories.map(|directory| directory.join(&file)).collect(), named: false }
    }
}

/// A name may hold anything that can be printed; what has a meaning in a path is written as %XX.
fn file_name(name: &str) -> String {
    let plain =
        |at: usize, byte: u8| byte.is_ascii_alphanumeric() || b"_-@+".contains(&byte) || (byte == b'.' && at > 0);
    let written = |(at, byte): (usize, u8)| match plain(at, byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    let name: String = name.bytes().enumerate().map(written).collect();
    format!("{name}.sock")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(flag: Option<&str>, around: &Around) -> (Vec<String>, bool) {
        let places = Places::of("web", flag.map(Path::new), around);
        (places.paths.iter().map(|path| path.display().to_string()).collect(), places.named)
    }

    fn everything() -> Around {
        Around {
            socket: Some("/tmp/of-the-environment".into()),
            runtime_directory: Some("/run/web:/run/other".into()),
            user_directory: Some("/run/user/1000".into()),
        }
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_both_win_over_the_rest() {
        let around = everything();
        assert_eq!(places(Some("/tmp/of-the-flag"), &around), (vec!["/tmp/of-the-flag".into()], true));
        assert_eq!(places(None, &around), (vec!["/tmp/of-the-environment".into()], true));
    }

    #[test]
    fn else_it_is_in_the_directory_of_the_service_of_the_system_or_of_the_user() {
        let around = Around { socket: None, ..everything() };
        let all = ["/run/web/web.sock", "/run/heirloom/web.sock", "/run/user/1000/heirloom/web.sock"];
        assert_eq!(places(None, &around), (all.map(String::from).to_vec(), false));
        assert_eq!(places(None, &Around::default()), (vec!["/run/heirloom/web.sock".into()], false));
    }

    #[test]
    fn a_name_cannot_lead_out_of_the_directory() {
        assert_eq!(file_name("../x y"), "%2E.%2Fx%20y.sock");
        assert_eq!(file_name("web-2.eu@1"), "web-2.eu@1.sock");
    }
}
