//! A real browser, asked over its debugging pipe: JSON objects with a NUL behind each (Chrome DevTools Protocol).

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use serde_json::{Value, json};

/// A browser may take its time.
const LIMIT: Duration = Duration::from_secs(120);

/// One with one page.
pub(crate) struct Browser {
    _place: tempfile::TempDir,
    child: Child,
    ask: File,
    told: Receiver<Value>,
    latest: u64,
    session: Value,
    /// When the page was loaded that was waited for last.
    page: String,
}

impl Browser {
    pub(crate) fn open(address: &str) -> Browser {
        let place = tempfile::tempdir().expect("a directory");
        let pipes = ["to", "from"].map(|name| place.path().join(name));
        pipes.iter().for_each(|pipe| mkfifo(pipe, Mode::S_IRWXU).expect("a pipe"));
        // No sandbox: root cannot have one. No shared memory: a container may have little.
        let script = "exec chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
                      --remote-debugging-pipe --user-data-dir=profile 3<to 4>from";
        let mut command = Command::new("sh");
        command.args(["-c", script]).current_dir(place.path()).env("HOME", place.path()).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("it starts");
        // In the order in which the shell opens them.
        let ask = File::options().write(true).open(&pipes[0]).expect("a pipe");
        let told = listen(File::open(&pipes[1]).expect("a pipe"));
        let mut browser =
            Browser { _place: place, child, ask, told, latest: 0, session: Value::Null, page: String::new() };
        let target = browser.ask("Target.createTarget", json!({"url": "about:blank"}))["targetId"].clone();
        let session = browser.ask("Target.attachToTarget", json!({"targetId": target, "flatten": true}));
        browser.session = session["sessionId"].clone();
        browser.ask("Page.enable", json!({}));
        browser.ask("Page.navigate", json!({"url": address}));
        browser
    }

    /// What the next page says that is loaded.
    pub(crate) fn wait_for_a_page(&mut self) -> String {
        loop {
            while self.next()["method"] != "Page.loadEventFired" {}
            let expression = "performance.timeOrigin + ' ' + document.body.innerText";
            let said = self.ask("Runtime.evaluate", json!({"expression": expression}));
            let (since, text) = said["result"]["value"].as_str().and_then(|it| it.split_once(' ')).expect("two words");
            // The event may be of what was there before.
            if !text.is_empty() && self.page != since {
                self.page = since.to_owned();
                return text.trim().to_owned();
            }
        }
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.latest += 1;
        let mut question = json!({"id": self.latest, "method": method, "params": params});
        if !self.session.is_null() {
            question["sessionId"] = self.session.clone();
        }
        self.ask.write_all(format!("{question}\0").as_bytes()).expect("it listens");
        loop {
            let mut told = self.next();
            if told["id"] == self.latest {
                assert!(told["error"].is_null(), "{method}: {told}");
                return told["result"].take();
            }
        }
    }

    fn next(&self) -> Value {
        self.told.recv_timeout(LIMIT).expect("the browser says something")
    }
}

fn listen(pipe: File) -> Receiver<Value> {
    let (say, told) = mpsc::channel();
    thread::spawn(move || {
        for text in BufReader::new(pipe).split(0).map_while(Result::ok) {
            let Ok(told) = serde_json::from_slice(&text) else { continue };
            if say.send(told).is_err() {
                return;
            }
        }
    });
    told
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = killpg(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGKILL); // it may have ended by itself
        let _ = self.child.wait();
    }
}
