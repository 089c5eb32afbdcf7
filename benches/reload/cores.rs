//! Which core does what: the servers have one and the load has another, so that neither waits for the other's turn. With the
//! two of them on all cores, where the system happens to put them decides more than what is compared, and so does how it
//! shares the processor, by session say (sched(7), "The autogroup feature").

use anyhow::Context;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

const THIS_THREAD: Pid = Pid::from_raw(0);

/// The cores of this thread are shared out until this is dropped.
pub(crate) struct Cores {
    all: CpuSet,
    servers: CpuSet,
    load: CpuSet,
}

impl Cores {
    pub(crate) fn share_out() -> anyhow::Result<Cores> {
        let all = sched_getaffinity(THIS_THREAD)?;
        let mut usable = (0..CpuSet::count()).filter(|&core| all.is_set(core) == Ok(true));
        let mut next = || {
            let mut core = CpuSet::new();
            core.set(usable.next().context("two cores are needed")?)?;
            anyhow::Ok(core)
        };
        Ok(Cores { load: next()?, servers: next()?, all })
    }

    /// What is started from now on is a server.
    pub(crate) fn for_servers(&self) -> nix::Result<()> {
        sched_setaffinity(THIS_THREAD, &self.servers)
    }

    /// What is started from now on is the load.
    pub(crate) fn for_load(&self) -> nix::Result<()> {
        sched_setaffinity(THIS_THREAD, &self.load)
    }
}

impl Drop for Cores {
    fn drop(&mut self) {
        let _ = sched_setaffinity(THIS_THREAD, &self.all); // they were allowed before
    }
}
