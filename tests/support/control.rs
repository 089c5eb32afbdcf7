//! Asking a master over its control socket: with the client, and with curl as anybody would.

use std::path::PathBuf;
use std::process::{Command, Output};

use heirloom::control::{Answered, Client};
use serde_json::Value;

use super::{LIMIT, Master};

impl Master {
    pub(crate) fn socket(&self) -> PathBuf {
        self.path("control.sock")
    }

    /// Asks something with the client.
    pub(crate) fn ask<T>(&self, question: impl AsyncFnOnce(Client) -> Answered<T>) -> Answered<T> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let client = Client::connect(self.socket(), LIMIT).await?;
            question(client).await
        })
    }

    pub(crate) fn curl(&self, arguments: &[&str]) -> Output {
        let limit = LIMIT.as_secs().to_string();
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--max-time", &limit, "--unix-socket"]).arg(self.socket());
        command.args(arguments).output().expect("curl is there: `apt-get install curl`")
    }

    /// What curl gets from a path, with these further arguments.
    pub(crate) fn curl_text(&self, path: &str, arguments: &[&str]) -> String {
        let url = format!("http://heirloom{path}");
        let output = self.curl(&[arguments, &[url.as_str()]].concat());
        assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("it is text")
    }

    pub(crate) fn curl_json(&self, path: &str, arguments: &[&str]) -> Value {
        let text = self.curl_text(path, arguments);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error} in {text}"))
    }

    /// The HTTP status of a path.
    pub(crate) fn curl_status(&self, path: &str, arguments: &[&str]) -> String {
        self.curl_text(path, &[arguments, &["--output", "/dev/null", "--write-out", "%{http_code}"]].concat())
    }
}
