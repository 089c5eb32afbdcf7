//! A control group of its own for the whole measurement. Outside of one, Linux shares the processor by session (sched(7),
//! "The autogroup feature"): each worker of heirloom leads a session, while a server that is started beside it shares the
//! one that the load is in.

use std::path::{Path, PathBuf};
use std::{fs, io, process};

/// In it until it is dropped.
pub(crate) struct OwnGroup {
    directory: PathBuf,
    root: PathBuf,
}

impl OwnGroup {
    /// Takes this process there, and with it all that it starts; root may.
    pub(crate) fn enter() -> io::Result<OwnGroup> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "no control groups for the processor");
        let root = fs::read_to_string("/proc/mounts")?.lines().find_map(processor_groups).ok_or_else(missing)?;
        let control = root.join("cgroup.subtree_control");
        if control.exists() {
            fs::write(control, "+cpu")?;
        }
        let group = OwnGroup { directory: root.join(format!("heirloom-bench-{}", process::id())), root };
        fs::create_dir(&group.directory)?;
        move_to(&group.directory)?;
        Ok(group)
    }
}

impl Drop for OwnGroup {
    fn drop(&mut self) {
        let _ = move_to(&self.root).and_then(|()| fs::remove_dir(&self.directory)); // an empty group costs nothing
    }
}

fn move_to(group: &Path) -> io::Result<()> {
    fs::write(group.join("cgroup.procs"), "0")
}

/// Where this mount point is, if it has groups that share the processor: those of version 1 or 2.
fn processor_groups(mount: &str) -> Option<PathBuf> {
    let [_, point, kind, options, ..] = mount.split(' ').collect::<Vec<_>>()[..] else { return None };
    let point = PathBuf::from(point);
    let has_them = match kind {
        "cgroup" => options.split(',').any(|option| option == "cpu"),
        "cgroup2" => fs::read_to_string(point.join("cgroup.controllers"))
            .is_ok_and(|controllers| controllers.split_whitespace().any(|controller| controller == "cpu")),
        _ => false,
    };
    has_them.then_some(point)
}
