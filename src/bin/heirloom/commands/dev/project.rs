//! What a project of each kind is made of, by the files that are there. Pure but for that look.

use std::path::Path;

/// A kind of project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Rust,
    Node,
    Python,
    Go,
    Ruby,
}

/// What tells a kind, in the order in which we look: many projects have a package.json for their pages.
const SIGNS: [(&str, Kind); 11] = [
    ("Cargo.toml", Kind::Rust),
    ("go.mod", Kind::Go),
    ("pyproject.toml", Kind::Python),
    ("requirements.txt", Kind::Python),
    ("setup.py", Kind::Python),
    ("Pipfile", Kind::Python),
    ("manage.py", Kind::Python),
    ("Gemfile", Kind::Ruby),
    ("config.ru", Kind::Ruby),
    ("package.json", Kind::Node),
    ("deno.json", Kind::Node),
];

/// What pages, queries and settings are written in, whatever the program is written in.
const ANYWHERE: [&str; 21] = [
    "html", "htm", "css", "scss", "js", "mjs", "ts", "sql", "graphql", "proto", "toml", "yaml", "yml", "ini", "jinja",
    "j2", "tera", "hbs", "mustache", "tmpl", "liquid",
];

/// What tools make, in any project.
const MADE: [&str; 17] = [
    "target/",
    "node_modules/",
    "__pycache__/",
    ".venv/",
    "venv/",
    ".tox/",
    ".mypy_cache/",
    ".pytest_cache/",
    ".ruff_cache/",
    "*.egg-info/",
    ".bundle/",
    ".next/",
    ".nuxt/",
    ".svelte-kit/",
    ".parcel-cache/",
    "coverage/",
    ".git/",
];

impl Kind {
    /// The kind of the project in this directory, if it is one that we know.
    pub(super) fn of(directory: &Path) -> Option<Kind> {
        SIGNS.iter().find(|(sign, _)| directory.join(sign).exists()).map(|(_, kind)| *kind)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Rust => "Rust",
            Kind::Node => "Node",
            Kind::Python => "Python",
            Kind::Go => "Go",
            Kind::Ruby => "Ruby",
        }
    }

    fn own_extensions(self) -> &'static [&'static str] {
        match self {
            Kind::Rust => &["rs"],
            Kind::Node => &["cjs", "jsx", "mts", "cts", "tsx", "json", "vue", "svelte", "astro"],
            Kind::Python => &["py", "pyi", "cfg"],
            Kind::Go => &["go", "mod", "sum", "gohtml", "templ"],
            Kind::Ruby => &["rb", "ru", "rake", "erb", "haml", "slim", "jbuilder"],
        }
    }

    fn made_by_its_tools(self) -> &'static [&'static str] {
        match self {
            Kind::Rust | Kind::Python | Kind::Go => &[],
            Kind::Node => &["dist/", "build/"],
            Kind::Ruby => &["/log/", "/tmp/", "/vendor/bundle/"],
        }
    }
}

/// The extensions of what counts; none: all files.
pub(super) fn extensions(kind: Option<Kind>) -> Vec<String> {
    let own = kind.map(Kind::own_extensions).unwrap_or_default();
    let all = own.iter().chain(ANYWHERE.iter().filter(|_| kind.is_some()));
    all.map(|extension| (*extension).to_owned()).collect()
}

/// What does not count, as patterns of `.gitignore`.
pub(super) fn ignored(kind: Option<Kind>) -> Vec<String> {
    let its = kind.map(Kind::made_by_its_tools).unwrap_or_default();
    MADE.iter().chain(its).map(|pattern| (*pattern).to_owned()).collect()
}

/// How Cargo makes the program, if it is one in its target directory.
pub(super) fn build(kind: Option<Kind>, program: &Path) -> Option<String> {
    let parts: Vec<&str> = program.iter().filter_map(|part| part.to_str()).filter(|part| *part != ".").collect();
    let ["target", profile, rest @ ..] = parts.as_slice() else { return None };
    let profile = match *profile {
        "debug" => String::new(),
        "release" => " --release".into(),
        other => format!(" --profile {other}"),
    };
    let what = match rest {
        [name] => format!("--bin {name}"),
        ["examples", name] => format!("--example {name}"),
        _ => return None,
    };
    (kind == Some(Kind::Rust)).then(|| format!("cargo build{profile} {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_known_by_its_files() {
        let place = tempfile::tempdir().expect("a directory");
        assert_eq!(Kind::of(place.path()), None);
        for (sign, kind) in [("package.json", Kind::Node), ("Gemfile", Kind::Ruby), ("Cargo.toml", Kind::Rust)] {
            std::fs::write(place.path().join(sign), "").expect("a file");
            assert_eq!(Kind::of(place.path()), Some(kind));
        }
    }

    #[test]
    fn cargo_makes_what_is_in_its_target_directory() {
        let build = |program: &str| build(Some(Kind::Rust), Path::new(program));
        assert_eq!(build("./target/debug/web").as_deref(), Some("cargo build --bin web"));
        assert_eq!(build("target/release/web").as_deref(), Some("cargo build --release --bin web"));
        assert_eq!(build("target/fast/web").as_deref(), Some("cargo build --profile fast --bin web"));
        assert_eq!(build("target/debug/examples/web").as_deref(), Some("cargo build --example web"));
        assert_eq!(build("./web"), None);
        assert_eq!(super::build(Some(Kind::Go), Path::new("target/debug/web")), None);
    }

    #[test]
    fn of_a_project_that_nobody_knows_all_files_count_but_for_what_tools_make() {
        assert_eq!(extensions(None), [] as [String; 0]);
        assert!(ignored(None).contains(&"node_modules/".to_owned()));
        assert!(extensions(Some(Kind::Rust)).contains(&"rs".to_owned()));
    }
}
