//! What a command line means to Node: whether it is one, where our preload goes, and what cannot be a worker.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// How Node is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// By its name: our arguments are its arguments.
    Directly,
    /// By a script's first line: our arguments are the script's.
    ByScript,
}

/// Options of Node's whose value is an argument of its own.
const WITH_VALUE: [&str; 10] = [
    "-r",
    "--require",
    "--import",
    "--loader",
    "--experimental-loader",
    "-C",
    "--conditions",
    "--env-file",
    "--inspect-port",
    "--title",
];
/// Options that open a port for a debugger, and say which.
const INSPECT: [&str; 4] = ["--inspect", "--inspect-brk", "--inspect-wait", "--inspect-port"];
/// Programs that start the script as another process.
const WRAPPERS: [(&str, &str); 8] = [
    ("npm", "npm"),
    ("npm-cli.js", "npm"),
    ("npx", "npx"),
    ("npx-cli.js", "npx"),
    ("yarn", "yarn"),
    ("yarn.js", "yarn"),
    ("pnpm", "pnpm"),
    ("pnpm.cjs", "pnpm"),
];

/// Where the preload is, and how it is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Preload<'a>(pub(crate) &'a Path);

impl Start {
    /// Whether a program is Node, or a script for it, by its path and its first bytes.
    pub(crate) fn recognised(program: &Path, beginning: &[u8]) -> Option<Start> {
        if is_node(program.file_name()?) {
            return Some(Start::Directly);
        }
        let first_line = beginning.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
        let mut words = first_line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
        let interpreter = words.find(|word| !word.ends_with(b"/env") && *word != b"-S")?;
        let name = Path::new(OsStr::from_bytes(interpreter)).file_name()?;
        is_node(name).then_some(Start::ByScript)
    }

    /// The options that are Node's own, and what comes behind them: the script, and what belongs to it.
    fn split(self, arguments: &[OsString]) -> (&[OsString], &[OsString]) {
        let rest = arguments.get(1..).unwrap_or_default();
        if self == Start::ByScript {
            return (&[], arguments);
        }
        let mut at = 0;
        while let Some(argument) = rest.get(at).filter(|argument| argument.as_bytes().starts_with(b"-")) {
            at += 1 + usize::from(WITH_VALUE.iter().any(|option| argument == option));
        }
        rest.split_at(at.min(rest.len()))
    }

    /// Why these arguments cannot be those of several workers.
    pub(crate) fn fault(self, arguments: &[OsString], node_options: Option<&OsStr>) -> Option<String> {
        let options = self.split(arguments).0.iter().map(|option| option.to_string_lossy().into_owned());
        let others = node_options.map(|options| options.to_string_lossy().into_owned()).unwrap_or_default();
        let all: Vec<String> = options.chain(others.split_whitespace().map(str::to_owned)).collect();
        let (at, option) = all.iter().enumerate().find_map(|(at, option)| {
            let name = option.split('=').next().unwrap_or_default();
            INSPECT.contains(&name).then_some((at, name))
        })?;
        let joined = all[at].split_once('=').map(|(_, value)| value);
        let value = joined.or_else(|| all.get(at + 1).filter(|_| option == "--inspect-port").map(String::as_str));
        let port = value.map(|value| value.rsplit(':').next().unwrap_or_default());
        let any = "any port will do with --inspect=0, and each worker writes which it has";
        (port != Some("0")).then(|| format!("{} names a port that only one worker can have: {any}", all[at]))
    }

    /// What takes the worker's channel for itself and never listens, if that is what these arguments start; and what is
    /// to be run instead, given what a script of this name is in `package.json`.
    pub(crate) fn wrapper(
        self,
        program: &Path,
        arguments: &[OsString],
        script: impl Fn(&str) -> Option<String>,
    ) -> Option<String> {
        let (options, rest) = self.split(arguments);
        let has = |wanted: &[&str]| {
            options.iter().any(|option| {
                let option = option.to_string_lossy();
                wanted.iter().any(|wanted| option == *wanted || option.starts_with(&format!("{wanted}=")))
            })
        };
        if has(&["--watch", "--watch-path"]) {
            return Some(
                "node --watch runs the script in another process, which does not hear us: leave --watch out".into(),
            );
        }
        if has(&["-e", "--eval", "-p", "--print", "-pe"]) {
            return Some("node -e never hears the answer when it wants to listen: put the code into a file".into());
        }
        let named = |path: &OsStr| Path::new(path).file_name().and_then(wrapper_named);
        let of_program = program.file_name().and_then(wrapper_named).filter(|_| self == Start::ByScript);
        let name = of_program.or_else(|| rest.first().and_then(|script| named(script)))?;
        Some(instead_of(name, rest.get(1..).unwrap_or_default(), script))
    }
}

fn is_node(name: &OsStr) -> bool {
    ["node", "nodejs"].iter().any(|node| name == *node)
}

fn wrapper_named(name: &OsStr) -> Option<&'static str> {
    WRAPPERS.iter().find(|(file, _)| name == *file).map(|(_, name)| *name)
}

fn instead_of(name: &str, arguments: &[OsString], script: impl Fn(&str) -> Option<String>) -> String {
    let words: Vec<String> = arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let what = format!("{name} runs the script in another process, which does not hear us: ");
    let wanted = words.iter().find(|word| !word.starts_with('-') && *word != "run" && *word != "run-script");
    let wanted = wanted.map_or("start", String::as_str);
    if name == "npx" {
        return format!("{what}run `node node_modules/.bin/{wanted}`");
    }
    match script(wanted) {
        Some(command) => format!("{what}run what `{wanted}` is in package.json, `{command}`"),
        None => format!("{what}run the script itself, `node server.js` say"),
    }
}

impl Preload<'_> {
    /// Puts it into what a worker is started with.
    pub(crate) fn put(self, start: Start, arguments: &mut Vec<OsString>, node_options: &mut OsString) {
        match start {
            Start::Directly => {
                let at = arguments.len().min(1);
                arguments.splice(at..at, ["--require".into(), self.0.as_os_str().to_owned()]);
            }
            Start::ByScript => {
                if !node_options.is_empty() {
                    node_options.push(" ");
                }
                node_options.push("--require=");
                node_options.push(self.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    fn start(program: &str, beginning: &str) -> Option<Start> {
        Start::recognised(Path::new(program), beginning.as_bytes())
    }

    #[test]
    fn node_is_known_by_its_name_and_a_script_by_its_first_line() {
        assert_eq!(start("/usr/bin/node", "\x7fELF"), Some(Start::Directly));
        for line in ["#!/usr/bin/env node\n", "#! /usr/local/bin/node --no-warnings\n", "#!/usr/bin/env -S node -r x\n"]
        {
            assert_eq!(start("/srv/app.js", line), Some(Start::ByScript), "{line}");
        }
        for line in ["", "#!", "#!/bin/sh\nnode", "const node = 1", "#!/usr/bin/env\n"] {
            assert_eq!(start("/srv/app", line), None, "{line}");
        }
    }

    #[test]
    fn a_port_for_a_debugger_that_only_one_worker_can_have_is_a_fault() {
        let fault = |line: &str, options: Option<&str>| Start::Directly.fault(&words(line), options.map(OsStr::new));
        for line in ["node --inspect a.js", "node --inspect=9229 a.js", "node -r x --inspect-brk=0.0.0.0:1 a.js"] {
            assert!(fault(line, None).is_some_and(|what| what.contains("--inspect=0")), "{line}");
        }
        for line in ["node a.js --inspect", "node --inspect=0 a.js", "node --inspect-port 0 a.js"] {
            assert_eq!(fault(line, None), None, "{line}");
        }
        assert!(fault("node a.js", Some("--trace-warnings --inspect")).is_some());
        assert!(Start::ByScript.fault(&words("a.js --inspect"), None).is_none());
    }

    #[test]
    fn what_starts_the_script_in_another_process_is_named_with_what_to_run_instead() {
        let script = |name: &str| (name == "start").then(|| "node bin/www".to_owned());
        let direct = |line: &str| Start::Directly.wrapper(Path::new("/usr/bin/node"), &words(line), script);
        assert_eq!(direct("node server.js --watch -e npm"), None);
        assert!(direct("node --watch server.js").is_some_and(|what| what.contains("leave --watch out")));
        assert!(direct("node --watch-path=. server.js").is_some());
        assert!(direct("node -e code").is_some_and(|what| what.contains("file")));
        assert!(direct("node /usr/lib/npm-cli.js start").is_some_and(|what| what.contains("`node bin/www`")));
        let by_script = |program: &str, line: &str| Start::ByScript.wrapper(Path::new(program), &words(line), script);
        assert_eq!(by_script("/srv/server.js", "./server.js start"), None);
        assert!(by_script("/x/npm-cli.js", "npm start").is_some_and(|what| what.contains("`node bin/www`")));
        assert!(by_script("/x/npm-cli.js", "npm run other").is_some_and(|what| what.contains("server.js")));
        assert!(by_script("/x/npx-cli.js", "npx next start").is_some_and(|what| what.contains(".bin/next")));
    }

    #[test]
    fn the_preload_goes_where_node_looks_for_it() {
        let (mut arguments, mut options) = (words("node --inspect=0 a.js"), OsString::new());
        Preload(Path::new("/p.cjs")).put(Start::Directly, &mut arguments, &mut options);
        assert_eq!((arguments, options), (words("node --require /p.cjs --inspect=0 a.js"), OsString::new()));
        let (mut arguments, mut options) = (words("./a.js"), OsString::from("--no-warnings"));
        Preload(Path::new("/p.cjs")).put(Start::ByScript, &mut arguments, &mut options);
        assert_eq!((arguments, options), (words("./a.js"), "--no-warnings --require=/p.cjs".into()));
    }
}
