//! The folders are the architecture: who may import whom, where `unsafe` may be, how long a file may be.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each layer, and the layers that it may use besides itself.
const MAY_USE: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("sys", &[]),
    ("supervision", &[]),
    ("load", &[]),
    ("health", &[]),
    ("errands", &["sys"]),
    ("dialects", &["protocol"]),
    ("worker", &["protocol", "sys"]),
    ("http", &["protocol", "sys", "worker"]),
    ("config", &["dialects", "errands", "health", "protocol", "supervision", "sys"]),
    ("master", &["config", "dialects", "errands", "health", "protocol", "supervision", "sys"]),
    ("observe", &["config", "master", "protocol", "supervision", "sys"]),
    ("triggers", &["master", "supervision", "sys"]),
    ("control", &["master", "observe", "supervision", "sys"]),
    // What a crate shows is put together here.
    ("lib", &["load", "master", "worker"]),
    // The program sees what any user of the library sees.
    ("bin", &[]),
];

/// What a layer must not know, whatever it is called there.
const MUST_NOT_KNOW: &[(&str, &[&str])] = &[
    (
        "supervision",
        &["std::time::Instant", "SystemTime", "std::os::fd", "std::fs", "std::net", "tokio", "nix", "libc"],
    ),
    ("protocol", &["tokio", "nix", "libc", "std::os::fd", "std::fs"]),
    ("dialects", &["tokio", "libc", "std::os::fd", "std::time::Instant", "SystemTime"]),
];

const MOST_LINES: usize = 300;

/// One file of ours, without its tests and its comments.
struct Source {
    path: PathBuf,
    layer: String,
    code: String,
    lines: usize,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("it is there").flatten() {
        match entry.path() {
            path if path.is_dir() => files_below(&path, found),
            path if path.extension().is_some_and(|extension| extension == "rs") => found.push(path),
            _ => {}
        }
    }
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    files_below(&root().join("src"), &mut found);
    let mut modules_of_tests = Vec::new();
    for path in &found {
        let text = fs::read_to_string(path).expect("it is text");
        modules_of_tests.extend(modules_only_for_tests(path, &text));
    }
    let is_test = |path: &PathBuf| {
        let below = path.strip_prefix(root()).expect("it is ours");
        below.iter().any(|part| part == "tests" || part == "tests.rs")
            || modules_of_tests.iter().any(|module| path.starts_with(module.with_extension("")) || path == module)
    };
    found.retain(|path| !is_test(path));
    found.sort();
    found.into_iter().map(Source::read).collect()
}

/// The files that are named by `mod x;` under `#[cfg(test)]`, or `#[cfg(all(test, …))]`.
fn modules_only_for_tests(path: &Path, text: &str) -> Vec<PathBuf> {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let directory = match stem {
        "mod" | "lib" | "main" => path.parent().expect("a file has a directory").to_owned(),
        _ => path.with_extension(""),
    };
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines
        .windows(2)
        .filter(|pair| pair[0].starts_with("#[cfg(") && mentions(pair[0], "test"))
        .filter_map(|pair| pair[1].strip_prefix("mod ")?.strip_suffix(';'))
        .map(|name| directory.join(name).with_extension("rs"))
        .collect()
}

impl Source {
    fn read(path: PathBuf) -> Source {
        let text = fs::read_to_string(&path).expect("it is text");
        let below = path.strip_prefix(root().join("src")).expect("it is below src").to_owned();
        let first = below.iter().next().and_then(|first| first.to_str()).expect("a name");
        let layer = first.trim_end_matches(".rs").to_owned();
        // Tests of a module stand at its end.
        let own: Vec<&str> = text.lines().take_while(|line| !is_start_of_tests(line)).collect();
        let code =
            own.iter().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect();
        Source { path: below, layer, code, lines: own.len() }
    }

    /// The modules of this crate that it names, in any way that Rust has for that.
    fn uses(&self) -> Vec<String> {
        let code = self.code.replace("pub(crate)", "").replace("pub(in crate", "");
        let mut found = Vec::new();
        for (at, _) in code.match_indices("crate::") {
            let is_whole = !code[..at].ends_with(|before: char| before.is_alphanumeric() || "_$:".contains(before));
            if is_whole {
                found.extend(names_at(&code[at + "crate::".len()..]));
            }
        }
        found
    }
}

fn is_start_of_tests(line: &str) -> bool {
    line.trim_start() == line && line.starts_with("mod tests {") || line.starts_with("#[cfg(test)]")
}

/// `sys::…` is one name, `{sys, protocol::…}` are several.
fn names_at(rest: &str) -> Vec<String> {
    let name = |text: &str| text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = rest.strip_prefix('{') else { return vec![name(rest)] };
    let (mut depth, mut start, mut names) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(name(&group[start..at]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(name(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// Whether the text has this word, and not only a part of a longer one.
fn mentions(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| !text[..at].ends_with(part) && !text[at + word.len()..].starts_with(part))
}

fn complain(about: &str, complaints: &[String]) {
    assert!(complaints.is_empty(), "{about}:\n  {}", complaints.join("\n  "));
}

#[test]
fn every_layer_imports_only_what_stands_below_it() {
    let may_use: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    let mut complaints = Vec::new();
    for source in sources() {
        let Some(allowed) = may_use.get(source.layer.as_str()) else {
            complaints.push(format!("{} is in no known layer", source.path.display()));
            continue;
        };
        for used in source.uses() {
            let is_layer = may_use.contains_key(used.as_str());
            if is_layer && used != source.layer && !allowed.contains(&used.as_str()) {
                complaints.push(format!("{} uses {used}", source.path.display()));
            }
        }
    }
    // In the program, `crate::` is the program.
    complaints.retain(|complaint| !complaint.starts_with("bin"));
    complain("arrows point one way", &complaints);
}

#[test]
fn what_a_layer_must_not_know_is_not_named_there() {
    let mut complaints = Vec::new();
    for source in sources() {
        for (_, unknown) in MUST_NOT_KNOW.iter().filter(|(layer, _)| *layer == source.layer) {
            let known = unknown.iter().filter(|name| mentions(&source.code, name));
            complaints.extend(known.map(|name| format!("{} names {name}", source.path.display())));
        }
    }
    complain("a pure layer is pure", &complaints);
}

#[test]
fn unsafe_code_is_in_sys_and_says_why_it_is_safe() {
    let mut complaints = Vec::new();
    for source in sources() {
        let text = fs::read_to_string(root().join("src").join(&source.path)).expect("it is text");
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            let opens = ["unsafe {", "unsafe fn", "unsafe impl"].iter().any(|begin| line.contains(begin));
            if !opens {
                continue;
            }
            let place = format!("{}:{}", source.path.display(), number + 1);
            if source.layer != "sys" {
                complaints.push(format!("{place} is outside of sys"));
            }
            let said_before = lines[number.saturating_sub(6)..number].iter().any(|line| line.contains("// SAFETY:"));
            if !said_before {
                complaints.push(format!("{place} has no `// SAFETY:`"));
            }
        }
    }
    complain("`unsafe` is few and explained", &complaints);
}

#[test]
fn system_calls_are_in_sys() {
    let mut complaints = Vec::new();
    for source in sources().iter().filter(|source| source.layer != "sys") {
        if mentions(&source.code, "libc") && !source.code.contains("nix::libc") {
            complaints.push(format!("{} names libc", source.path.display()));
        }
    }
    complain("a system call outside of sys is a bug", &complaints);
}

#[test]
fn no_file_is_too_long() {
    let long = sources().into_iter().filter(|source| source.lines > MOST_LINES);
    let complaints: Vec<String> = long.map(|it| format!("{} has {} lines", it.path.display(), it.lines)).collect();
    complain(&format!("a file has {MOST_LINES} lines at most, without its tests"), &complaints);
}

#[test]
fn every_file_opens_with_what_it_owns() {
    let tells = |source: &Source| {
        let text = fs::read_to_string(root().join("src").join(&source.path)).expect("it is text");
        text.starts_with("//! ")
    };
    let silent: Vec<String> =
        sources().iter().filter(|source| !tells(source)).map(|source| source.path.display().to_string()).collect();
    complain("a module opens with `//!`", &silent);
}

#[test]
fn every_file_is_named_after_the_one_idea_that_it_holds() {
    let vague = ["util", "utils", "helper", "helpers", "common", "types", "misc", "manager", "handler"];
    let is_vague = |source: &Source| {
        source.path.iter().any(|part| vague.contains(&part.to_str().unwrap_or_default().trim_end_matches(".rs")))
    };
    let found: Vec<String> =
        sources().iter().filter(|source| is_vague(source)).map(|source| source.path.display().to_string()).collect();
    complain("a name says what it is", &found);
}

#[test]
fn mod_rs_holds_the_story_and_no_logic() {
    let mut complaints = Vec::new();
    for source in sources().iter().filter(|source| source.path.ends_with("mod.rs")) {
        let functions = source.code.lines().filter(|line| mentions(line, "fn")).count();
        if functions > 1 {
            complaints.push(format!("{} has {functions} functions", source.path.display()));
        }
    }
    complain("`mod.rs` is the module's story", &complaints);
}
