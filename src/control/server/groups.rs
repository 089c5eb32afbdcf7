//! A group by its name or its number.

use crate::sys::files;

/// There is no such group.
#[derive(Debug, thiserror::Error)]
#[error("there is no group `{0}` on this machine")]
pub struct UnknownGroup(String);

/// The number of a group. May ask a directory of users elsewhere, so it is for the time before anything runs.
///
/// # Errors
/// When there is no such group.
pub fn group(name: &str) -> Result<u32, UnknownGroup> {
    name.parse().ok().or_else(|| files::group_id(name)).ok_or_else(|| UnknownGroup(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_a_name_or_a_number() {
        assert_eq!(group("root").ok(), Some(0));
        assert_eq!(group("77").ok(), Some(77));
        let error = group("no-such-group").expect_err("it is not there").to_string();
        assert_eq!(error, "there is no group `no-such-group` on this machine");
    }
}
