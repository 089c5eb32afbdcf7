//! What stands above everything: the address, what is run, built and watched, and how to change it.

use std::fmt::Write as _;
use std::path::Path;

use super::wishes::Wishes;

/// What a person should know first.
pub(super) struct Header<'a> {
    pub(super) wishes: &'a Wishes,
    pub(super) directory: &'a Path,
    /// Name and address of each.
    pub(super) listening: &'a [(String, String)],
    pub(super) pages: Option<&'a str>,
    pub(super) keys: bool,
    pub(super) stdin: bool,
}

impl Header<'_> {
    pub(super) fn text(&self) -> String {
        let mut text = String::from("heirloom dev");
        for (_, address) in self.listening {
            let _ = write!(text, "  {}", as_a_link(address));
        }
        let mut row = |name: &str, what: &str, how: &str| {
            let _ = write!(text, "\n  {name:<9} {what}");
            if !how.is_empty() {
                let _ = write!(text, "   ({how})");
            }
        };
        let command: Vec<_> = self.wishes.recipe.command.iter().map(|word| word.to_string_lossy()).collect();
        row("runs", &command.join(" "), "");
        match &self.wishes.build {
            Some(build) => row("builds", &build.to_string_lossy(), "--build CMD, '' for nothing"),
            None => row("builds", "nothing", "--build CMD"),
        }
        row("watches", &self.watched(), "--watch, --ext, --ignore, .heirloomignore");
        if let Some(tag) = self.pages {
            row("pages", tag, "paste it into your page");
        }
        match (self.keys, self.stdin) {
            (true, _) => row("keys", "r reload   b build   c clear   l log   q quit", ""),
            (false, true) => row("terminal", "it is the program's", "Ctrl-C goes to it, too"),
            (false, false) => {}
        }
        text
    }

    fn watched(&self) -> String {
        let tree = &self.wishes.tree;
        let shown = |root: &std::path::PathBuf| match root.strip_prefix(self.directory) {
            Ok(own) if own == Path::new("") => ".".to_owned(),
            Ok(below) => below.display().to_string(),
            Err(_) => root.display().to_string(),
        };
        let roots: Vec<String> = tree.roots.iter().map(shown).collect();
        let kind = self.wishes.kind.map(|kind| format!(", a {} project", kind.name())).unwrap_or_default();
        let what = match tree.extensions.as_slice() {
            [] => "all files".to_owned(),
            [first @ .., last] if first.len() < 4 => first.iter().chain([last]).cloned().collect::<Vec<_>>().join(" "),
            [first, second, third, rest @ ..] => format!("{first} {second} {third} and {} more", rest.len()),
            few => few.join(" "),
        };
        format!("{}{kind}: {what}, but not what git ignores", roots.join(" "))
    }
}

/// `http://` before a TCP address; nobody can ask `[::]`.
fn as_a_link(address: &str) -> String {
    match address.parse::<std::net::SocketAddr>() {
        Ok(address) if address.ip().is_unspecified() => {
            format!("http://localhost:{} (on all interfaces)", address.port())
        }
        Ok(address) => format!("http://{address}"),
        Err(_) if address.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("http://localhost:{address} (on all interfaces)")
        }
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_link_that_can_be_followed() {
        assert_eq!(as_a_link("127.0.0.1:8000"), "http://127.0.0.1:8000");
        assert_eq!(as_a_link("[::1]:8000"), "http://[::1]:8000");
        assert_eq!(as_a_link("0.0.0.0:8000"), "http://localhost:8000 (on all interfaces)");
        assert_eq!(as_a_link("8000"), "http://localhost:8000 (on all interfaces)");
        assert_eq!(as_a_link("unix:/tmp/web"), "unix:/tmp/web");
    }
}
