//! Whose rights a worker has, and how the system treats it: what it finds when it looks at itself.
#![cfg(all(target_os = "linux", feature = "program"))]

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;

use heirloom::master::Deed;
use nix::unistd::geteuid;
use support::{Listening, Master, Setup};

/// A worker that says what it is, and ends.
const LOOK: &str = r#"
echo "uid $(id -u) gid $(id -g) groups $(id -G)"
echo "umask $(umask)"
echo "nice $(nice) session $([ ! -e /proc/self/autogroup ] || sed 's/.* //' /proc/self/autogroup)"
echo "nofile $(ulimit -Sn) $(ulimit -Hn) core $(ulimit -c)"
echo "oom $(cat /proc/self/oom_score_adj)"
grep NoNewPrivs /proc/self/status
env | grep -v -E '^(HEIRLOOM_|NOTIFY_SOCKET|_=|SHLVL)' | cut -d= -f1 | sort | tr '\n' ' '
exit 1
"#;

fn look(process: &str, flags: &[(&str, &str)]) -> (Master, Vec<String>) {
    let mut setup = Setup::bare(Listening::Tcp).option("--config", "web.toml").program(&["sh", "./look"]);
    for (flag, value) in flags {
        setup = setup.option(flag, *value);
    }
    fs::write(setup.path("look"), LOOK).expect("a file");
    fs::write(setup.path("web.toml"), format!("[process]\n{process}")).expect("a file");
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(setup.place.path(), everybody).expect("its mode");
    let master = setup.launch();
    master.wait_until_given_up();
    let line = |deed| match deed {
        Deed::Line { line, .. } => Some(line),
        _ => None,
    };
    let lines = master.deeds().into_iter().filter_map(line).collect();
    (master, lines)
}

/// The first generation fails, whatever it was.
fn end(master: Master) {
    assert_eq!(master.wait().code(), Some(1));
}

#[test]
fn a_worker_finds_the_limits_and_priorities_that_it_was_given() {
    let process = "umask = \"0027\"\nnice = 7\noom_score_adj = 321\nno_new_privs = true\n\
                   limits = { nofile = \"256:512\", core = 0 }\ninherit_environment = false\n";
    let (master, lines) = look(process, &[]);
    let nice = format!("nice 7 session {}", if Path::new("/proc/self/autogroup").exists() { "7" } else { "" });
    let expected = ["umask 0027", &nice, "nofile 256 512 core 0", "oom 321", "NoNewPrivs:\t1"];
    assert_eq!(lines[1..6], expected, "{lines:?}");
    assert_eq!(lines[6].split_whitespace().collect::<Vec<_>>(), ["CONDUCT", "PATH", "PWD", "RELEASE"], "{lines:?}");
    end(master);
}

#[test]
fn a_worker_runs_as_somebody_else_if_root_says_so() {
    if !geteuid().is_root() {
        let setup = Setup::bare(Listening::Tcp).option("--user", "root").program(&["sh", "-c", "exit 1"]);
        let output = setup.command("text").output().expect("it starts");
        let told = String::from_utf8_lossy(&output.stderr);
        return assert!(
            told.contains("workers cannot run as root: heirloom itself has to be started as root"),
            "{told}"
        );
    }
    let (master, lines) = look("user = 65534\ninherit_environment = [\"HEIRLOOM_TEST\"]\n", &[("--group", "12345")]);
    assert!(lines[0].starts_with("uid 65534 gid 12345 groups 12345"), "{lines:?}");
    let names = lines[6].split_whitespace().collect::<Vec<_>>();
    assert!(["HOME", "LOGNAME", "SHELL", "USER"].iter().all(|name| names.contains(name)), "{lines:?}");
    end(master);
}

#[test]
fn what_cannot_be_set_is_named() {
    let (master, _) = look("limits = { nofile = \"unlimited\" }\n", &[]);
    assert!(
        master.log.text().contains("cannot set the limit nofile: Operation not permitted"),
        "{}",
        master.log.text()
    );
    end(master);
    let setup = Setup::bare(Listening::Tcp).option("--user", "nobody-of-that-name").program(&["sh", "-c", "exit 1"]);
    let output = setup.command("text").output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("there is no user nobody-of-that-name"), "{told}");
}
