//! What a user would pick instead: how each is started, and how it is told to reload.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;

use crate::program::{self, HEIRLOOM};

/// A server that can be reloaded, somehow.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// What has to be there.
    pub(crate) needs: PathBuf,
    /// What is compared.
    pub(crate) what: &'static str,
    pub(crate) start: fn(&Stage) -> anyhow::Result<Command>,
    pub(crate) reload: Reload,
}

/// How a server is told to reload.
pub(crate) enum Reload {
    /// By a signal to its master.
    Signal(Signal),
    /// By a command.
    Command(fn(&Stage) -> Command),
    /// It is ended and started again.
    Restart,
}

/// Where it is to run.
pub(crate) struct Stage {
    pub(crate) place: PathBuf,
    pub(crate) port: u16,
}

impl Stage {
    /// A file of benches/peers with its blanks filled, in the place.
    fn filled(&self, name: &str, blanks: &[(&str, &str)]) -> anyhow::Result<PathBuf> {
        let mut text = fs::read_to_string(ours(name))?;
        let (place, port) = (self.place.display().to_string(), self.port.to_string());
        for (blank, value) in blanks.iter().copied().chain([("{place}", place.as_str()), ("{port}", port.as_str())]) {
            text = text.replace(blank, value);
        }
        let path = self.place.join(name);
        fs::write(&path, text)?;
        Ok(path)
    }

    fn heirloom(&self, workers: u32) -> Command {
        let mut command = Command::new(HEIRLOOM);
        let listen = format!("--listen=http=127.0.0.1:{}", self.port);
        command.args([
            "run",
            "--config",
            "/dev/null",
            "--warm",
            "0s",
            &listen,
            "--workers",
            &workers.to_string(),
            "--",
        ]);
        command
    }
}

/// All of them; heirloom with the same programs beside them.
pub(crate) fn all() -> Vec<Peer> {
    use Reload::{Command as By, Restart, Signal as On};
    use Signal::{SIGHUP, SIGUSR2};
    let peer = |name, needs: PathBuf, what, start, reload| Peer { name, needs, what, start, reload };
    vec![
        peer("heirloom", HEIRLOOM.into(), "examples/axum.rs, 2 workers, HUP", axum, On(SIGHUP)),
        peer("nginx", found("nginx"), "answers by itself, 2 workers, HUP", nginx, On(SIGHUP)),
        peer("HAProxy", found("haproxy"), "answers by itself, master-worker, USR2", haproxy, On(SIGUSR2)),
        peer(
            "HAProxy, tuned",
            found("haproxy"),
            "the same with `option idle-close-on-response`",
            haproxy_tuned,
            On(SIGUSR2),
        ),
        peer("gunicorn", gunicorn_path(), "a WSGI app, 2 gthread workers, HUP", gunicorn, On(SIGHUP)),
        peer(
            "heirloom + gunicorn",
            gunicorn_path(),
            "the same app, unmodified, 2 workers, HUP",
            gunicorn_under,
            On(SIGHUP),
        ),
        peer("PM2", pm2_path(), "a Node server, 2 in cluster mode, `pm2 reload`", pm2, By(pm2_reload)),
        peer("Node's cluster by hand", found("node"), "the same Node server, 2 workers, HUP", cluster, On(SIGHUP)),
        peer("Server::Starter", found("start_server"), "the same Node server, HUP", starter, On(SIGHUP)),
        peer("heirloom + Node", found("node"), "the same Node server, 2 workers, HUP", node_under, On(SIGHUP)),
        peer("naive restart", found("node"), "the same Node server, ended and started again", node, Restart),
    ]
}

/// A file of ours.
pub(crate) fn ours(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers").join(name)
}

fn installed(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target").join(path)
}

/// Where a program is, by PATH; a path that is not there otherwise.
pub(crate) fn found(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    places.map(|place| place.join(name)).find(|path| path.is_file()).unwrap_or_default()
}

fn axum(stage: &Stage) -> anyhow::Result<Command> {
    let mut command = stage.heirloom(2);
    command.arg(program::example()).arg("{addr:http}");
    Ok(command)
}

fn nginx(stage: &Stage) -> anyhow::Result<Command> {
    let mut command = Command::new(found("nginx"));
    command.arg("-p").arg(&stage.place).arg("-c").arg(stage.filled("nginx.conf", &[])?);
    Ok(command)
}

fn haproxy(stage: &Stage) -> anyhow::Result<Command> {
    haproxy_with(stage, "")
}

fn haproxy_tuned(stage: &Stage) -> anyhow::Result<Command> {
    haproxy_with(stage, "option idle-close-on-response")
}

fn haproxy_with(stage: &Stage, option: &str) -> anyhow::Result<Command> {
    let mut command = Command::new(found("haproxy"));
    command.arg("-W").arg("-f").arg(stage.filled("haproxy.cfg", &[("{option}", option)])?);
    Ok(command)
}

fn gunicorn_path() -> PathBuf {
    installed("servers/bin/gunicorn")
}

fn gunicorn_app(command: &mut Command, workers: &str) {
    command.current_dir(ours("")).env("PYTHONDONTWRITEBYTECODE", "1");
    command.args(["app:app", "-w", workers, "-k", "gthread", "--threads", "8", "--keep-alive", "30"]);
}

fn gunicorn(stage: &Stage) -> anyhow::Result<Command> {
    let mut command = Command::new(gunicorn_path());
    gunicorn_app(&mut command, "2");
    command.args(["-b", &format!("127.0.0.1:{}", stage.port)]);
    Ok(command)
}

fn gunicorn_under(stage: &Stage) -> anyhow::Result<Command> {
    let mut command = stage.heirloom(2);
    command.arg(gunicorn_path());
    gunicorn_app(&mut command, "1");
    Ok(command)
}

fn pm2_path() -> PathBuf {
    installed("peers/node_modules/.bin/pm2")
}

fn pm2(stage: &Stage) -> anyhow::Result<Command> {
    let mut command = pm2_command(stage);
    command.arg("start").arg(ours("server.js")).args(["-i", "2", "--no-daemon", "--wait-ready"]);
    command.env("PORT", stage.port.to_string());
    Ok(command)
}

fn pm2_reload(stage: &Stage) -> Command {
    let mut command = pm2_command(stage);
    command.args(["reload", "all"]);
    command
}

fn pm2_command(stage: &Stage) -> Command {
    let mut command = Command::new(pm2_path());
    command.env("PM2_HOME", &stage.place).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn cluster(stage: &Stage) -> anyhow::Result<Command> {
    let mut command = Command::new(found("node"));
    command.arg(ours("cluster.js")).env("PORT", stage.port.to_string());
    Ok(command)
}

fn node(stage: &Stage) -> anyhow::Result<Command> {
    let mut command = Command::new(found("node"));
    command.arg(ours("server.js")).env("PORT", stage.port.to_string());
    Ok(command)
}

fn node_under(stage: &Stage) -> anyhow::Result<Command> {
    let mut command = stage.heirloom(2);
    command.arg(found("node")).arg(ours("server.js")).env("PORT", stage.port.to_string());
    Ok(command)
}

fn starter(stage: &Stage) -> anyhow::Result<Command> {
    let mut command = Command::new(found("start_server"));
    command.arg(format!("--port=127.0.0.1:{}", stage.port)).arg("--").arg(found("node")).arg(ours("server.js"));
    Ok(command)
}
