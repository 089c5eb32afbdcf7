//! The OpenAPI description, held against the real thing: schemathesis asks a throw-away master whatever the description
//! allows, and much that it does not.
#![cfg(all(target_os = "linux", feature = "program"))]

mod support;

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use heirloom::control::model::{EventsQuery, Promote, Told, Wait};
use heirloom::control::{AskError, Client};
use heirloom::master::What;
use heirloom::supervision::Notice;
use support::{LIMIT, Master, Setup};

/// An address at which the control socket is reached: schemathesis knows no Unix sockets.
fn relay(master: &Master) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let (address, socket) = (listener.local_addr().expect("it listens"), master.socket());
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            if let Ok(server) = UnixStream::connect(&socket) {
                pass(client, server);
            }
        }
    });
    address
}

/// Copies both ways, each in a thread that ends with its side.
fn pass(client: TcpStream, server: UnixStream) {
    let (mut from_client, mut to_server) = (client.try_clone().expect("a copy"), server.try_clone().expect("a copy"));
    thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server); // whoever ends it, it is over
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let (mut from_server, mut to_client) = (server, client);
    thread::spawn(move || {
        let _ = io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
    });
}

fn schemathesis(master: &Master, arguments: &[&str]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program: PathBuf = root.join("target/schemathesis/bin/schemathesis");
    assert!(program.exists(), "first: tests/servers/install");
    let output = Command::new(program)
        .current_dir(master.setup.place.path())
        .arg("--config-file")
        .arg(root.join("tests/servers/schemathesis.toml"))
        .args(["--no-color", "run"])
        .arg(root.join("docs/openapi.json"))
        .args(["--url", &format!("http://{}", relay(master)), "--seed", "1", "--max-examples", "20", "--no-shrink"])
        .args(["--phases", "examples,coverage,fuzzing", "--suppress-health-check", "all", "--warnings", "off"])
        .args(["--generation-database", "none", "--request-timeout", "60"])
        .args(arguments)
        .output()
        .expect("it starts");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
}

/// Somebody who promotes whatever waits for that, until the master ends: whoever asks for a reload is answered.
fn promote_whatever_waits(master: &Master) {
    let socket = master.socket();
    let promote = async move {
        let client = Client::connect(socket, LIMIT).await?;
        let mut events = client.events(&EventsQuery { follow: true, ..EventsQuery::default() }).await?;
        while let Some(told) = events.next().await? {
            if let Told::Report(report) = told
                && let What::Rules(Notice::Held { .. } | Notice::Sharing { .. }) = report.what
            {
                client.promote(&Promote { wait: Wait::None, ..Promote::default() }).await?;
            }
        }
        Ok::<(), AskError>(())
    };
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let _ = runtime.block_on(promote); // the master has ended
    });
}

#[test]
fn whatever_the_description_allows_is_answered_as_it_says() {
    let master = Setup::tcp().brisk().start();
    promote_whatever_waits(&master);
    // These two do what they are asked: no workers by the thousand, and no end before the end.
    schemathesis(&master, &["--exclude-path-regex", "^/v1/(stop|scale)$"]);
    assert_eq!(master.curl_json("/v1/status", &[])["state"], "serving");
}

#[test]
fn whatever_it_does_not_allow_is_refused_and_does_nothing() {
    let master = Setup::tcp().brisk().start();
    schemathesis(&master, &["--include-path-regex", "^/v1/(stop|scale)$", "--mode", "negative"]);
    let status = master.curl_json("/v1/status", &[]);
    assert_eq!((status["state"].as_str(), status["generations"][0]["total"].as_u64()), (Some("serving"), Some(1)));
}
