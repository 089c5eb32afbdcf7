//! The master, on a thread of its own: neither a slow terminal nor the story may hold it up.
//! It must not know what is asked of it, or when.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::runtime;

use super::release::Place;
use super::scenario::{ORIGIN, READY_GRACE};
use super::server::ADDRESS;
use heirloom::Master;
use heirloom::master::{Declaration, Dialect, Handle, Notices, Recipe, Report};
use heirloom::protocol::Address;
use heirloom::supervision::{Command, Ending, Origin, Plan};
use heirloom::triggers::Signals;

/// How many workers a generation has.
pub(super) const WORKERS: u32 = 2;
const LANES: usize = 4;

/// A master that runs.
#[derive(Debug)]
pub(super) struct Embedded {
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// What it tells; ends with it.
    pub(super) reports: mpsc::Receiver<Report>,
    master: Handle,
    runtime: runtime::Handle,
    thread: JoinHandle<anyhow::Result<Ending>>,
}

/// What there is once it listens.
struct Listening {
    address: SocketAddr,
    master: Handle,
    runtime: runtime::Handle,
}

impl Embedded {
    /// Opens the listener and starts the first generation.
    pub(super) fn start(place: &Place) -> anyhow::Result<Embedded> {
        let recipe = recipe(place)?;
        let (send_listening, listening) = mpsc::channel();
        let (send_report, reports) = mpsc::channel();
        let runtime = runtime::Builder::new_current_thread().enable_all().build().context("cannot start a runtime")?;
        let thread = thread::Builder::new()
            .name("master".into())
            .spawn(move || runtime.block_on(run(recipe, send_listening, send_report)))
            .context("cannot start a thread")?;
        match listening.recv() {
            Ok(Listening { address, master, runtime }) => Ok(Embedded { address, reports, master, runtime, thread }),
            Err(_) => Err(join(thread).err().unwrap_or_else(|| anyhow!("the master has ended"))),
        }
    }

    /// Asks for a new generation.
    pub(super) fn reload(&self) {
        self.ask(Command::RELOAD);
    }

    /// Asks it to end.
    pub(super) fn stop(&self, fast: bool) {
        self.ask(Command::Stop { fast });
    }

    /// Waits until it has ended.
    pub(super) fn join(self) -> anyhow::Result<Ending> {
        join(self.thread)
    }

    fn ask(&self, command: Command) {
        let master = self.master.clone();
        // The notices tell the outcome.
        self.runtime.spawn(async move { master.ask(command, Origin::new(ORIGIN)).await });
    }
}

async fn run(
    recipe: Recipe,
    listening: mpsc::Sender<Listening>,
    reports: mpsc::Sender<Report>,
) -> anyhow::Result<Ending> {
    let signals = Signals::take()?;
    let address: Address = ADDRESS.parse().context("the demo's address")?;
    let declaration = Declaration { name: "http".into(), address, lanes: LANES, blocking: false, mode: None };
    let mut master =
        Master::builder().recipe(recipe).listen(declaration).launcher(true).capture_output(true).build()?;
    let telling = tokio::spawn(tell(master.notices(), reports));
    let open = master.listening();
    let (_, address) = open.first().context("the master does not listen")?;
    let address = address.parse().context("the listener's address")?;
    let asking = tokio::spawn(signals.ask(master.handle()));
    // An error means that nobody waits any more; then nobody stops it either.
    listening.send(Listening { address, master: master.handle(), runtime: runtime::Handle::current() })?;
    let ending = master.run().await;
    asking.abort();
    telling.await.context("nobody tells what happens")?;
    Ok(ending?)
}

async fn tell(mut notices: Notices, reports: mpsc::Sender<Report>) {
    while let Some(report) = notices.next().await {
        // Whoever listened may have left.
        let _ = reports.send(report);
    }
}

/// Short graces, so that all of it can be seen in a few seconds.
fn recipe(place: &Place) -> anyhow::Result<Recipe> {
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let plan = Plan {
        workers: WORKERS,
        settle: Duration::from_secs(1),
        warm: Duration::from_millis(1500),
        linger: Duration::from_secs(1),
        ready_grace: READY_GRACE,
        drain_grace: Duration::from_secs(2),
        ..Plan::default()
    };
    let command = [program.into_os_string(), "demo-server".into()];
    Ok(Recipe { env_file: Some(place.path()), plan, dialect: Dialect::Query, ..Recipe::new(command) })
}

fn join(thread: JoinHandle<anyhow::Result<Ending>>) -> anyhow::Result<Ending> {
    thread.join().map_err(|_| anyhow!("the master's thread has panicked"))?
}
