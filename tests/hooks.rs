//! The promise: what a release wants to be run before and after a reload is run, is told about it, and is ended in time.
#![cfg(all(target_os = "linux", feature = "program"))]

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs;

use heirloom::errands::Hook;
use heirloom::master::Deed;
use heirloom::supervision::{GenerationId, Reason};
use support::{Master, Setup, descriptors_of, get, zombies_of};

/// The worker of these tests, with this in `[hooks]`.
fn with_hooks(hooks: &str) -> Setup {
    let setup = Setup::tcp().brisk();
    fs::write(setup.path("hooks.toml"), format!("[hooks]\n{hooks}\n")).expect("a file");
    setup.option("--config", "hooks.toml")
}

/// A hook that runs a script.
fn hook(name: &str, script: &str) -> String {
    format!("{name} = [\"sh\", \"-c\", {script:?}]\n")
}

/// How the next hook of this kind has ended: none if all is well.
fn end_of(master: &Master, wanted: Hook) -> Option<String> {
    master.wait_for_deed("a hook's end", |deed| match deed {
        Deed::HookEnded { hook, failure, .. } if *hook == wanted => Some(failure.clone()),
        _ => None,
    })
}

/// What a hook found in its environment.
fn variables(master: &Master, file: &str) -> BTreeMap<String, String> {
    let text = fs::read_to_string(master.path(file)).expect("the hook has written it");
    text.lines().filter_map(|line| line.split_once('=')).map(|(name, value)| (name.into(), value.into())).collect()
}

#[test]
fn hooks_are_told_about_the_reload() {
    let setup = with_hooks(&(hook("pre_reload", "env > before; pwd") + &hook("post_reload", "env > after")));
    let master = setup.start();
    assert!(!master.path("before").exists() && !master.path("after").exists(), "the first start is no reload");
    master.hup();
    assert_eq!(end_of(&master, Hook::PreReload), None);
    assert_eq!(master.wait_for_promotion().0, GenerationId(2));
    assert_eq!(end_of(&master, Hook::PostReload), None);
    let before = variables(&master, "before");
    for (name, value) in
        [("HEIRLOOM_HOOK", "pre_reload"), ("HEIRLOOM_GENERATION", "2"), ("HEIRLOOM_PREVIOUS", "1"), ("RELEASE", "1")]
            .into_iter()
            .chain([("HEIRLOOM_NAME", "heirloom")])
    {
        assert_eq!(before.get(name).map(String::as_str), Some(value), "{before:#?}");
    }
    assert!(before["HEIRLOOM_ORIGIN"].starts_with("SIGHUP"), "{before:#?}");
    assert!(!before.contains_key("HEIRLOOM_OUTCOME"), "{before:#?}");
    let after = variables(&master, "after");
    assert_eq!((after["HEIRLOOM_HOOK"].as_str(), after["HEIRLOOM_OUTCOME"].as_str()), ("post_reload", "promoted"));
    let place = master.path("").canonicalize().expect("it is there").display().to_string();
    let told = |deed: &Deed| matches!(deed, Deed::HookLine { hook: Hook::PreReload, line, .. } if *line == place);
    assert!(master.deeds().iter().any(told), "it wrote where it is: {place}");
}

#[test]
fn a_reload_whose_hook_fails_is_refused_with_its_last_lines() {
    let refuse = "echo one; echo two >&2; exit 7";
    let master = with_hooks(&(hook("pre_reload", refuse) + &hook("on_failure", "env > failed"))).start();
    master.hup();
    let (generation, reason, lines) = master.wait_until_given_up();
    assert_eq!(generation, GenerationId(2));
    assert!(matches!(reason, Reason::Unresolved { .. }), "{reason:?}");
    assert_eq!(reason.to_string(), "the hook pre_reload exited with status 7");
    assert_eq!(lines, ["one", "two"]);
    assert_eq!(end_of(&master, Hook::OnFailure), None);
    let failed = variables(&master, "failed");
    assert_eq!((failed["HEIRLOOM_OUTCOME"].as_str(), failed["HEIRLOOM_GENERATION"].as_str()), ("given_up", "2"));
    assert_eq!(failed["HEIRLOOM_REASON"], "the hook pre_reload exited with status 7");
    assert_eq!(get(&master.target(), "/").0.generation, 1);
}

#[test]
fn what_a_hook_changes_counts_for_the_release_that_comes() {
    let master = with_hooks(&hook("pre_reload", "printf 'RELEASE=of-the-hook\\nCONDUCT=\\n' > env")).start();
    master.reload();
    assert_eq!(get(&master.target(), "/").0.release, "of-the-hook");
}

#[test]
fn a_newcomer_that_is_given_up_is_told_to_its_own_hook() {
    let master = with_hooks(&hook("on_failure", "env > failed; exit 4")).start();
    master.release(2, "crash");
    master.hup();
    assert_eq!(master.wait_until_given_up().0, GenerationId(2));
    assert_eq!(end_of(&master, Hook::OnFailure).as_deref(), Some("exited with status 4"));
    assert!(variables(&master, "failed")["HEIRLOOM_REASON"].contains("exited with status 9"));
}

#[test]
fn a_hook_that_takes_too_long_is_killed_with_all_that_it_has_started() {
    let script = "trap '' TERM; setsid sleep 1000 & sleep 1000 & sleep 1000; sleep 1000";
    let master = with_hooks(&(hook("pre_reload", script) + "timeout = \"200ms\"\n")).start();
    master.hup();
    let (_, reason, _) = master.wait_until_given_up();
    assert_eq!(reason.to_string(), "the hook pre_reload took longer than 200ms and was killed");
    assert_eq!(master.finish().code(), Some(0)); // and nothing of it is left
}

#[test]
fn a_master_that_is_told_to_stop_waits_for_no_hook() {
    for name in ["pre_reload", "post_reload"] {
        let master = with_hooks(&hook(name, "echo begun > begun; sleep 1000")).start();
        nix::unistd::mkfifo(&master.path("begun"), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        master.hup();
        assert_eq!(fs::read_to_string(master.path("begun")).expect("the hook writes it"), "begun\n");
        assert_eq!(master.finish().code(), Some(0));
    }
}

#[test]
fn a_reload_that_is_aborted_ends_its_hook() {
    let hooks = hook("pre_reload", "echo begun > begun; sleep 1000") + &hook("on_failure", "env > failed");
    let master = with_hooks(&hooks).start();
    nix::unistd::mkfifo(&master.path("begun"), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    master.hup();
    assert_eq!(fs::read_to_string(master.path("begun")).expect("the hook writes it"), "begun\n");
    let aborted = std::process::Command::new(&master.setup.heirloom)
        .args(["abort", "--socket"])
        .arg(master.socket())
        .output()
        .expect("it starts");
    assert!(aborted.status.success(), "{}", String::from_utf8_lossy(&aborted.stderr));
    assert!(matches!(master.wait_until_given_up().1, Reason::Aborted { .. }));
    assert_eq!(end_of(&master, Hook::OnFailure), None);
    assert!(variables(&master, "failed")["HEIRLOOM_REASON"].starts_with("aborted"));
    assert_eq!(master.finish().code(), Some(0));
}

#[test]
fn hooks_leave_neither_zombies_nor_descriptors() {
    let hooks = hook("pre_reload", "sleep 0 & true") + &hook("post_reload", "true");
    let master = with_hooks(&hooks).start();
    let mut open = Vec::new();
    // The releases of the last generations stay open, so that one can go back to them: after some reloads, these are all.
    for generation in 2..14 {
        assert_eq!(master.reload(), GenerationId(generation));
        assert_eq!(end_of(&master, Hook::PostReload), None);
        master.wait_until_gone(GenerationId(generation - 1));
        open.push(descriptors_of(master.pid()).len());
    }
    assert!(open[11] <= open[7], "descriptors of the master: {open:?}");
    assert_eq!(zombies_of(master.pid()), [] as [u32; 0]);
}
