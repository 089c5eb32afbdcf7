//! The Python servers of these tests, and clients for them.

use std::path::{Path, PathBuf};
use std::process::Command;

use heirloom::load::Load;
use heirloom::master::{Deed, Evidence};

use crate::support::{LIMIT, Listening, Master, Setup, load};

const HINT: &str =
    "needs gunicorn and uvicorn: run tests/servers/install, or set HEIRLOOM_PYTHON to a python that has them";

/// A file of `tests/servers`.
pub(crate) fn file(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers").join(name).display().to_string()
}

/// A Python that has gunicorn and uvicorn.
pub(crate) fn python_with_servers() -> String {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers/bin/python");
    let named = std::env::var_os("HEIRLOOM_PYTHON").map(PathBuf::from);
    let mut candidates = named.into_iter().chain(["python3".into(), installed]);
    let has_them = |python: &PathBuf| {
        let imported = Command::new(python).args(["-c", "import gunicorn, uvicorn"]).output();
        imported.is_ok_and(|output| output.status.success())
    };
    candidates.find(has_them).expect(HINT).into_os_string().into_string().expect("its path is text")
}

/// A master with a listener `http` for a program that is not ours.
pub(crate) fn setup(program: &[&str]) -> Setup {
    setup_on(Listening::Tcp, program)
}

pub(crate) fn setup_on(listening: Listening, program: &[&str]) -> Setup {
    let mut setup = Setup::bare(listening).brisk().program(program);
    setup.listen(&format!("http={}", setup.address_to_ask_for()));
    setup
}

/// A master for a script of `tests/servers`.
pub(crate) fn script(name: &str, arguments: &[&str]) -> Setup {
    let file = file(name);
    setup(&[&["python3", file.as_str()], arguments].concat())
}

/// Five reloads under load, one connection for each request: nobody notices.
pub(crate) fn reload_five_times(master: &Master) {
    let load = load(master, 8);
    for _ in 0..5 {
        let generation = master.reload();
        let answered = load.tally().answered;
        load.wait_for(answered + 50, LIMIT).expect("it is served");
        assert!(generation.0 > 1);
    }
    assert_unnoticed(master, load, 6);
}

/// No request has failed, and so many generations have answered.
pub(crate) fn assert_unnoticed(master: &Master, load: Load, generations: u32) {
    let tally = load.stop();
    assert_eq!(tally.failures(), 0, "{tally}\n{}", master.log.text());
    let answered = |wanted: &u32| tally.by_answer.keys().any(|answer| answer.starts_with(&format!("{wanted}.")));
    assert_eq!((1..=generations).filter(answered).count() as u32, generations, "{tally}");
}

/// How each worker so far was found to be ready.
pub(crate) fn evidence(master: &Master) -> Vec<Evidence> {
    let proved = |deed: Deed| match deed {
        Deed::Proved { evidence, .. } => Some(evidence),
        _ => None,
    };
    master.deeds().into_iter().filter_map(proved).collect()
}

/// The next line of a worker that begins so; the rest of it.
pub(crate) fn wait_for_word(master: &Master, begins: &str) -> String {
    master.wait_for_deed(&format!("a line {begins:?}"), |deed| match deed {
        Deed::Line { line, .. } => Some(line.strip_prefix(begins)?.trim_start().to_owned()),
        _ => None,
    })
}

/// The next trouble.
pub(crate) fn wait_for_trouble(master: &Master) -> String {
    master.wait_for_deed("a hint", |deed| match deed {
        Deed::Trouble { what } => Some(what.clone()),
        _ => None,
    })
}
