//! Metrics and health: numbers that Prometheus takes, and answers for whoever watches over the master.
#![cfg(all(target_os = "linux", feature = "program"))]

mod support;

use std::io::Write;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use support::{Gate, LIMIT, Master, Setup};

/// What promtool says of these metrics: nothing, if they are well.
fn check(metrics: &str) -> (bool, String) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is there: `apt-get install prometheus`");
    promtool.stdin.take().expect("it is piped").write_all(metrics.as_bytes()).expect("it reads");
    let output = promtool.wait_with_output().expect("it ends");
    let told = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&told).into_owned())
}

/// The value of a sample.
fn value(metrics: &str, sample: &str) -> Option<f64> {
    let line = metrics.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok())
}

fn over_tcp(address: &str, path: &str) -> (String, String) {
    let url = format!("http://{address}{path}");
    let limit = LIMIT.as_secs().to_string();
    let arguments = ["--silent", "--max-time", &limit, "--write-out", "%{http_code}", &url];
    let output = Command::new("curl").args(arguments).output().expect("curl is there: `apt-get install curl`");
    let text = String::from_utf8(output.stdout).expect("text");
    let (body, status) = text.split_at(text.len().saturating_sub(3));
    (status.to_owned(), body.to_owned())
}

#[test]
fn promtool_finds_nothing_to_complain_about() {
    let master = Setup::tcp().brisk().workers(2).start();
    master.release(2, "crash");
    master.hup();
    master.wait_until_given_up();
    master.release(3, "");
    master.reload();
    let metrics = master.curl_text("/metrics", &[]);
    assert_eq!(check(&metrics), (true, String::new()), "{metrics}");
    assert_eq!(value(&metrics, r#"heirloom_reloads_total{outcome="promoted"}"#), Some(2.0));
    assert_eq!(value(&metrics, r#"heirloom_reloads_total{outcome="rejected"}"#), Some(1.0));
    assert_eq!(value(&metrics, "heirloom_reload_duration_seconds_count"), Some(2.0));
    assert_eq!(value(&metrics, "heirloom_serving_generation"), Some(3.0));
    assert_eq!(value(&metrics, r#"heirloom_generation_workers{generation="3",state="ready"}"#), Some(2.0));
    assert_eq!(value(&metrics, r#"heirloom_listener_overflows_total{listener="http"}"#), Some(0.0));
    assert!(value(&metrics, "process_resident_memory_bytes").is_some_and(|bytes| bytes > 0.0));
}

#[test]
fn every_metric_is_in_the_reference_and_the_other_way_round() {
    let reference = include_str!("../docs/metrics.md");
    let master = Setup::tcp().brisk().start();
    let metrics = master.curl_text("/metrics", &[]);
    let told: Vec<&str> = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    for name in &told {
        assert!(reference.contains(&format!("`{name}`")), "{name} is not in docs/metrics.md");
    }
    let rows = reference.lines().filter(|line| line.starts_with("| `heirloom_"));
    let listed: Vec<&str> = rows.filter_map(|line| line.split('`').nth(1)).collect();
    // The workers of these tests do not say how many they hold.
    let is_silent = |name: &&&str| !told.contains(name) && **name != "heirloom_generation_connections";
    let silent: Vec<&&str> = listed.iter().filter(is_silent).collect();
    assert!(!listed.is_empty() && silent.is_empty(), "{silent:?} are told by nobody");
}

#[test]
fn what_is_gone_has_no_number() {
    let master = Setup::tcp().brisk().start();
    master.reload();
    master.wait_until_gone(heirloom::supervision::GenerationId(1));
    let metrics = master.curl_text("/metrics", &[]);
    assert!(!metrics.contains(r#"generation="1""#), "{metrics}");
    assert!(metrics.contains(r#"generation="2""#));
}

#[test]
fn whoever_knows_open_metrics_gets_them() {
    let master = Setup::tcp().brisk().start();
    let accept = ["--include", "--header", "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5"];
    let metrics = master.curl_text("/metrics", &accept);
    assert!(metrics.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"), "{metrics}");
    assert!(metrics.contains("# TYPE heirloom_reloads counter\n") && metrics.ends_with("# EOF\n"), "{metrics}");
    assert!(metrics.contains("# UNIT heirloom_reload_duration_seconds seconds\n"), "{metrics}");
}

#[test]
fn health_is_told_truly() {
    let setup = Setup::tcp().brisk().conduct("wait");
    let gate = Gate::in_directory(setup.place.path());
    let master = setup.launch();
    master.wait_for_notice("a worker", |notice| {
        matches!(notice, heirloom::supervision::Notice::Started { .. }).then_some(())
    });
    let health = |master: &Master| ["/livez", "/readyz", "/startupz"].map(|path| master.curl_status(path, &[]));
    assert_eq!(health(&master), ["200", "503", "503"]);
    assert_eq!(master.curl_text("/readyz", &[]), "no generation serves\n");
    let _open = gate.open();
    master.wait_for_promotion();
    assert_eq!(health(&master), ["200", "200", "200"]);
    master.release(2, "crash");
    master.hup();
    master.wait_until_given_up();
    assert_eq!(health(&master), ["200", "200", "200"], "the old one serves");
}

#[test]
fn over_tcp_there_are_numbers_and_health_and_nothing_else() {
    let master = Setup::tcp().brisk().option("--metrics", "127.0.0.1:0").start();
    let port = listening_ports(&master).expect("it listens");
    let address = format!("127.0.0.1:{port}");
    let (status, metrics) = over_tcp(&address, "/metrics");
    assert_eq!((status.as_str(), value(&metrics, "heirloom_serving_generation")), ("200", Some(1.0)));
    assert_eq!(over_tcp(&address, "/readyz"), ("200".into(), "ok\n".into()));
    for path in ["/v1/status", "/v1/reload", "/v1/openapi.json", "/"] {
        assert_eq!(over_tcp(&address, path).0, "404", "{path}");
    }
    master.signal(Signal::SIGTERM);
    assert_eq!(master.wait().code(), Some(0));
}

#[test]
fn an_address_that_is_taken_is_told_at_the_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("it listens").to_string();
    let output = Setup::tcp().brisk().option("--metrics", &address).command("json").output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains(&format!("cannot tell metrics on {address}")), "{told}");
}

/// The port on which the master listens besides its listener.
fn listening_ports(master: &Master) -> Option<u16> {
    let own = master.address_of("http").port();
    let inodes = support::descriptors_of(master.pid());
    let table = std::fs::read_to_string("/proc/net/tcp").expect("it is there");
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let port = u16::from_str_radix(fields[1].split_once(':')?.1, 16).ok()?;
        let is_ours = inodes.contains(&format!("socket:[{}]", fields[9]));
        (fields[3] == "0A" && is_ours && port != own).then_some(port)
    })
}
