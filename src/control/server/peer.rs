//! Who asks: credentials that the kernel vouches for, and whether they are good enough.

use std::fs;
use std::os::fd::AsFd;

use tokio::net::UnixStream;

use crate::sys::peer;

/// Who is at the other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    uid: u32,
    /// None in another pid namespace.
    pid: Option<i32>,
    groups: Vec<u32>,
}

/// Who may ask, besides root.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowed {
    pub(super) uid: u32,
    pub(super) group: Option<u32>,
}

impl Peer {
    pub(super) fn of(stream: &UnixStream) -> std::io::Result<Peer> {
        let credentials = stream.peer_cred()?;
        let mut groups = peer::groups(stream.as_fd()).unwrap_or_default();
        groups.push(credentials.gid());
        Ok(Peer { uid: credentials.uid(), pid: credentials.pid().filter(|&pid| pid != 0), groups })
    }

    /// In words: "alice (uid 1000, pid 4711)".
    pub(super) fn described(&self) -> String {
        let name = user_name(&fs::read_to_string("/etc/passwd").unwrap_or_default(), self.uid);
        let pid = self.pid.map_or("in another pid namespace".into(), |pid| format!("pid {pid}"));
        match name {
            Some(name) => format!("{name} (uid {}, {pid})", self.uid),
            None => format!("uid {}, {pid}", self.uid),
        }
    }

    pub(super) fn uid(&self) -> u32 {
        self.uid
    }
}

impl Allowed {
    pub(super) fn includes(self, peer: &Peer) -> bool {
        peer.uid == 0 || peer.uid == self.uid || self.group.is_some_and(|group| peer.groups.contains(&group))
    }
}

/// Directories of users elsewhere may be slow to answer; what is in no file has a number.
fn user_name(passwd: &str, uid: u32) -> Option<String> {
    let line = passwd.lines().find(|line| line.split(':').nth(2).is_some_and(|id| id.parse() == Ok(uid)))?;
    line.split(':').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_the_same_user_and_a_group_may_ask_and_nobody_else() {
        let peer = |uid, groups: &[u32]| Peer { uid, pid: Some(1), groups: groups.to_vec() };
        let allowed = Allowed { uid: 1000, group: Some(50) };
        assert!([peer(0, &[]), peer(1000, &[]), peer(1001, &[7, 50])].iter().all(|peer| allowed.includes(peer)));
        assert!(!allowed.includes(&peer(1001, &[7])));
        assert!(!Allowed { group: None, ..allowed }.includes(&peer(1001, &[50])));
    }

    #[test]
    fn a_user_has_a_name_if_the_file_has_it() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n";
        assert_eq!(user_name(passwd, 1000).as_deref(), Some("alice"));
        assert_eq!(user_name(passwd, 100), None);
    }
}
