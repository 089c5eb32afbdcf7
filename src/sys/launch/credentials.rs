//! Whose rights a worker has: finding a user and his groups, and becoming him.

use std::ffi::{CString, OsString};
use std::io;

use nix::unistd::{Gid, Uid, User, setgid, setgroups, setuid};
use serde::{Deserialize, Serialize};

use super::World;

/// A user as the kernel knows him.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Credentials {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<u32>,
    /// USER, LOGNAME, HOME and SHELL, if there is an entry for him.
    pub(crate) variables: Vec<(String, OsString)>,
}

/// Why a worker cannot run as somebody.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// There is no such user.
    #[error("there is no user {0}")]
    NoUser(String),
    /// There is no such group.
    #[error("there is no group {0}")]
    NoGroup(String),
    /// Only root may become somebody else.
    #[error("workers cannot run as {0}: heirloom itself has to be started as root for that")]
    NotRoot(String),
    /// The user database cannot be read.
    #[error("cannot look up {0}")]
    Lookup(String, #[source] io::Error),
}

impl World {
    /// Finds user and group; none if neither is named. May block: the database may be somewhere else.
    pub(crate) fn credentials(&self) -> Result<Option<Credentials>, CredentialsError> {
        if self.user.is_none() && self.group.is_none() {
            return Ok(None);
        }
        let myself = nix::unistd::geteuid();
        let (uid, entry) = match &self.user {
            Some(name) => user(name)?,
            None => (myself, None),
        };
        let gid = match (&self.group, &entry) {
            (Some(name), _) => group(name)?,
            (None, Some(entry)) => entry.gid,
            (None, None) => Gid::from_raw(uid.as_raw()),
        };
        if !myself.is_root() && (uid, gid) != (myself, nix::unistd::getegid()) {
            let who = self.user.iter().chain(&self.group).map(String::as_str).collect::<Vec<_>>().join(":");
            return Err(CredentialsError::NotRoot(who));
        }
        let groups = match &entry {
            Some(entry) => groups_of(entry, gid)?,
            None => vec![gid.as_raw()],
        };
        let variables = entry.map(variables).unwrap_or_default();
        Ok(Some(Credentials { uid: uid.as_raw(), gid: gid.as_raw(), groups, variables }))
    }
}

impl Credentials {
    /// Gives this process their rights, and no others.
    pub(super) fn enter(&self) -> nix::Result<()> {
        let Credentials { uid, gid, groups, .. } = self;
        if nix::unistd::geteuid().is_root() {
            let groups: Vec<Gid> = groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
            setgroups(&groups)?;
        }
        setgid(Gid::from_raw(*gid))?;
        setuid(Uid::from_raw(*uid))
    }
}

fn user(name: &str) -> Result<(Uid, Option<User>), CredentialsError> {
    let lookup = |error: nix::Error| CredentialsError::Lookup(format!("the user {name}"), error.into());
    match name.parse().map(Uid::from_raw) {
        Ok(uid) => Ok((uid, User::from_uid(uid).map_err(lookup)?)),
        Err(_) => match User::from_name(name).map_err(lookup)? {
            Some(entry) => Ok((entry.uid, Some(entry))),
            None => Err(CredentialsError::NoUser(name.to_owned())),
        },
    }
}

fn group(name: &str) -> Result<Gid, CredentialsError> {
    let lookup = |error: nix::Error| CredentialsError::Lookup(format!("the group {name}"), error.into());
    match name.parse().map(Gid::from_raw) {
        Ok(gid) => Ok(gid),
        Err(_) => match nix::unistd::Group::from_name(name).map_err(lookup)? {
            Some(entry) => Ok(entry.gid),
            None => Err(CredentialsError::NoGroup(name.to_owned())),
        },
    }
}

fn groups_of(entry: &User, gid: Gid) -> Result<Vec<u32>, CredentialsError> {
    let lookup = |error: io::Error| CredentialsError::Lookup(format!("the groups of {}", entry.name), error);
    let name = CString::new(entry.name.as_bytes()).map_err(|error| lookup(error.into()))?;
    let groups = nix::unistd::getgrouplist(&name, gid).map_err(|error| lookup(error.into()))?;
    Ok(groups.into_iter().map(Gid::as_raw).collect())
}

fn variables(entry: User) -> Vec<(String, OsString)> {
    let home = entry.dir.into_os_string();
    let shell = entry.shell.into_os_string();
    let name = OsString::from(entry.name);
    let variables = [("USER", name.clone()), ("LOGNAME", name), ("HOME", home), ("SHELL", shell)];
    variables.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_exist_is_named() {
        let world = |user: &str, group: Option<&str>| World {
            user: Some(user.into()),
            group: group.map(Into::into),
            ..World::default()
        };
        let error = |world: World| world.credentials().expect_err("nobody").to_string();
        assert_eq!(error(world("nobody-of-that-name", None)), "there is no user nobody-of-that-name");
        assert_eq!(error(world("root", Some("no-such-group"))), "there is no group no-such-group");
        assert_eq!(World::default().credentials().expect("nobody is named"), None);
    }

    #[test]
    fn a_user_comes_with_his_groups_and_his_home() {
        let world = World { user: Some("root".into()), ..World::default() };
        let Ok(Some(root)) = world.credentials() else { return assert!(!nix::unistd::geteuid().is_root()) };
        assert_eq!((root.uid, root.gid), (0, 0));
        assert!(root.groups.contains(&0));
        assert!(root.variables.contains(&("HOME".into(), "/root".into())), "{root:?}");
    }
}
