//! A process that a worker leaves behind, and that serves on the worker's handle as long as nobody ends it.

use std::os::fd::{AsFd, AsRawFd};
use std::process::{Command, Stdio};
use std::rc::Rc;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};

use crate::listeners::Listener;
use crate::{Failure, Myself, calls, serve};

/// Leaves a child with the handle; in a session of its own, if it is to be a `daemon`. Returns when it serves.
pub(crate) fn leave(listener: &Listener, daemon: bool) {
    let handle = listener.as_fd();
    fcntl(handle, FcntlArg::F_SETFD(FdFlag::empty())).expect("the handle is open");
    let kind = if matches!(listener, Listener::Tcp(_)) { "tcp" } else { "unix" };
    let program = std::env::current_exe().expect("a path");
    let mut command = match daemon {
        true => Command::new("setsid"),
        false => Command::new(&program),
    };
    if daemon {
        command.arg(&program);
    }
    let inherited = format!("{kind}:{}", handle.as_raw_fd());
    #[expect(clippy::zombie_processes, reason = "it is to outlive us")]
    let mut child =
        command.args(["--inherited", &inherited]).stdout(Stdio::piped()).spawn().expect("a child can be started");
    // Its first byte says that it serves; then it lives without us.
    let mut output = child.stdout.take().expect("it is piped");
    std::io::Read::read_exact(&mut output, &mut [0]).expect("the child says that it serves");
    fcntl(handle, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).expect("the handle is open");
}

/// The handle that a child was left with.
pub(crate) fn inherited(name: &str) -> Result<Listener, Failure> {
    let (kind, number) = name.split_once(':').ok_or("KIND:NUMBER")?;
    let handle = calls::left_by_our_parent(number.parse()?);
    Ok(match kind {
        "tcp" => Listener::Tcp(tokio::net::TcpListener::from_std(handle.into())?),
        _ => Listener::Unix(tokio::net::UnixListener::from_std(handle.into())?),
    })
}

/// Serves for ever; nobody can tell it to drain.
pub(crate) async fn serve(listener: Listener) -> Result<(), Failure> {
    let generation = std::env::var("HEIRLOOM_GENERATION").unwrap_or_default();
    let slot = std::env::var("HEIRLOOM_SLOT").unwrap_or_default();
    let name = format!("{generation}.{slot} {} child", std::process::id());
    let me = Rc::new(Myself { name, descriptors: Vec::new() });
    let listener = Rc::new(listener);
    println!("I serve");
    loop {
        let connection = listener.accept().await?;
        tokio::task::spawn_local(serve::answer(connection, listener.clone(), me.clone()));
    }
}
