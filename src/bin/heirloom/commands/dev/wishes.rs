//! What the command line makes of a project: what is run, built and watched, and where it listens.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Dev;
use super::project::{self, Kind};
use crate::arguments::Listen;
use heirloom::config::{Listener, Wrong};
use heirloom::master::{Declaration, Recipe};
use heirloom::supervision::Plan;
use heirloom::triggers::watch::Tree;

/// The port of whoever names none.
const PORT: &str = "8000";
/// Generations come in quick succession, and each that leaves has a lane for a while.
const LANES: usize = 8;
/// Nobody waits for long when he has just saved a file.
const DRAIN_GRACE: Duration = Duration::from_secs(2);
/// A debugger may take its time.
const DEBUGGER: Duration = Duration::from_secs(24 * 60 * 60);

/// All that is wanted.
#[derive(Debug)]
pub(super) struct Wishes {
    pub(super) kind: Option<Kind>,
    pub(super) recipe: Recipe,
    pub(super) build: Option<OsString>,
    pub(super) tree: Tree,
}

impl Wishes {
    /// What `dev` asks for in the project in this directory. `port` is `$PORT`.
    pub(super) fn of(dev: &Dev, directory: &Path, port: Option<OsString>) -> Result<Wishes, Wrong> {
        let kind = Kind::of(directory);
        let program = Path::new(dev.command.first().map(OsString::as_os_str).unwrap_or_default());
        let build = match &dev.build {
            Some(none) if none.is_empty() => None,
            Some(command) => Some(command.clone()),
            None => project::build(kind, program).map(OsString::from),
        };
        let mut recipe = Recipe::new(&dev.command);
        recipe.listeners = listeners(&dev.listen, port.as_deref())?;
        recipe.plan = plan(dev.stdin);
        recipe.foreground = dev.stdin;
        recipe.environment.insert("HEIRLOOM_DEV".into(), "1".into());
        if let Some(first) = recipe.listeners.first().filter(|first| first.address.port().is_some()) {
            recipe.environment.insert("PORT".into(), format!("{{port:{}}}", first.name).into());
        }
        let mut tree = tree(dev, directory, kind);
        if build.is_none() && dev.watch.is_empty() && program.parent().is_some_and(|parent| parent != Path::new("")) {
            tree.roots.push(directory.join(program)); // somebody else makes it
        }
        Ok(Wishes { kind, recipe, build, tree })
    }
}

fn plan(debugger: bool) -> Plan {
    let usual = Plan::default();
    Plan {
        workers: 1,
        settle: Duration::ZERO,
        settle_most: Duration::from_secs(1),
        warm: Duration::ZERO,
        linger: Duration::ZERO,
        ready_grace: if debugger { DEBUGGER } else { usual.ready_grace },
        drain_grace: DRAIN_GRACE,
        ..usual
    }
}

fn tree(dev: &Dev, directory: &Path, kind: Option<Kind>) -> Tree {
    let roots: Vec<PathBuf> = match dev.watch.as_slice() {
        [] => [Some(directory.to_owned()), Some(directory.join(".env")).filter(|file| file.exists())]
            .into_iter()
            .flatten()
            .collect(),
        paths => paths.iter().map(|path| directory.join(path).components().collect()).collect(),
    };
    let extensions = match dev.ext.as_slice() {
        [] => project::extensions(kind),
        [all] if all == "*" => Vec::new(),
        some => some.iter().map(|extension| extension.trim_start_matches('.').to_owned()).collect(),
    };
    Tree { roots, extensions, ignore: project::ignored(kind).into_iter().chain(dev.ignore.clone()).collect() }
}

fn listeners(wanted: &[String], port: Option<&OsStr>) -> Result<Vec<Declaration>, Wrong> {
    let usual = port.and_then(OsStr::to_str).filter(|port| !port.is_empty()).unwrap_or(PORT);
    let one = || [format!("http={usual}")];
    let wanted: Vec<String> = if wanted.is_empty() { one().to_vec() } else { wanted.to_vec() };
    let count = wanted.len();
    wanted.into_iter().map(|text| listener(&text, count)).collect()
}

/// A port alone is on the loopback: nobody else needs to see what is being worked on.
fn listener(text: &str, count: usize) -> Result<Declaration, Wrong> {
    let (name, address) = text.split_once('=').map_or((None, text), |(name, address)| (Some(name), address));
    let is_port = !address.is_empty() && address.bytes().all(|byte| byte.is_ascii_digit());
    let address = if is_port { format!("127.0.0.1:{address}") } else { address.to_owned() };
    let name = name.or((count == 1).then_some("http"));
    let text = name.map(|name| format!("{name}={address}")).unwrap_or(address);
    let Listener { name, address, blocking, mode, .. } = text.parse::<Listen>()?.listener();
    Ok(Declaration { name, address, lanes: LANES, blocking, mode })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::{Arguments, Verb};

    fn wishes(place: &Path, arguments: &[&str]) -> Wishes {
        match Arguments::parse_from(["heirloom", "dev"].iter().chain(arguments)).verb {
            Verb::Dev(dev) => Wishes::of(&dev, place, None).expect("it makes sense"),
            verb => panic!("{verb:?}"),
        }
    }

    fn addresses(arguments: &[&str]) -> Vec<String> {
        let wishes = wishes(Path::new("/nowhere"), arguments);
        wishes.recipe.listeners.iter().map(|it| format!("{}={}", it.name, it.address)).collect()
    }

    #[test]
    fn a_port_alone_is_on_the_loopback() {
        assert_eq!(addresses(&["--", "web"]), ["http=127.0.0.1:8000"]);
        assert_eq!(addresses(&["--listen", "3000", "--", "web"]), ["http=127.0.0.1:3000"]);
        assert_eq!(addresses(&["--listen", "0.0.0.0:3000", "--", "web"]), ["http=0.0.0.0:3000"]);
        let two = ["--listen", "a=3000", "--listen", "127.0.0.1:3001", "--", "web"];
        assert_eq!(addresses(&two), ["a=127.0.0.1:3000", "127.0.0.1:3001=127.0.0.1:3001"]);
    }

    #[test]
    fn the_environment_may_name_the_port() {
        let found = listeners(&[], Some(OsStr::new("4000"))).expect("a port");
        assert_eq!(found[0].address.to_string(), "127.0.0.1:4000");
    }

    #[test]
    fn a_rust_program_is_built_by_cargo_unless_told_otherwise() {
        let place = tempfile::tempdir().expect("a directory");
        std::fs::write(place.path().join("Cargo.toml"), "").expect("a file");
        let build = |arguments: &[&str]| {
            wishes(place.path(), arguments).build.map(|command| command.to_string_lossy().into_owned())
        };
        assert_eq!(build(&["--", "target/debug/web"]).as_deref(), Some("cargo build --bin web"));
        assert_eq!(build(&["--build", "make", "--", "target/debug/web"]).as_deref(), Some("make"));
        assert_eq!(build(&["--build", "", "--", "target/debug/web"]), None);
    }

    #[test]
    fn a_program_that_nobody_here_builds_is_watched_itself() {
        let roots = |arguments: &[&str]| wishes(Path::new("/nowhere"), arguments).tree.roots;
        assert_eq!(roots(&["--", "./web"]), [Path::new("/nowhere"), Path::new("/nowhere/web")]);
        assert_eq!(roots(&["--", "web"]), [Path::new("/nowhere")]);
        assert_eq!(roots(&["--build", "make", "--", "./web"]), [Path::new("/nowhere")]);
        assert_eq!(roots(&["--watch", "src", "--", "./web"]), [Path::new("/nowhere/src")]);
    }

    #[test]
    fn extensions_may_be_named_with_a_dot_or_be_all() {
        let extensions = |ext: &str| wishes(Path::new("/nowhere"), &["--ext", ext, "--", "web"]).tree.extensions;
        assert_eq!(extensions(".rs,py"), ["rs", "py"]);
        assert_eq!(extensions("*"), [] as [&str; 0]);
    }
}
