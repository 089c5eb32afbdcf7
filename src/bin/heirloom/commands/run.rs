//! `heirloom run`: a master in the foreground.

use anyhow::Context;

use crate::arguments::Run;
use crate::exit_code::ExitCode;
use crate::pid_file::PidFile;
use crate::show;
use heirloom::master::{Master, Recipe, StartError};
use heirloom::supervision::{Ending, Plan};
use heirloom::triggers::Signals;

/// Runs until it is asked to stop.
pub(crate) fn run(run: Run) -> ExitCode {
    match try_to_run(run) {
        Ok(Ending::Stopped) => ExitCode::Done,
        Ok(Ending::Failed(_)) => ExitCode::Failed,
        Err(error) => {
            show::error(&error, error.downcast_ref::<StartError>().and_then(StartError::hint).as_deref());
            ExitCode::Failed
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn try_to_run(run: Run) -> anyhow::Result<Ending> {
    let signals = Signals::take()?;
    let _pid_file = run.pid_file.as_deref().map(PidFile::take).transpose()?;
    let mut builder = Master::builder()
        .recipe(Recipe { env_file: run.env_file.clone(), plan: plan(&run), ..Recipe::new(&run.command) })
        .launcher(true)
        .capture_output(true)
        .adopt_orphans(true);
    for listen in run.listen {
        builder = builder.listen(listen.declaration(run.lanes));
    }
    let mut master = builder.lanes(run.lanes.into()).build()?;
    let shown = show::start(run.name, run.output, master.notices()).context("cannot start a thread")?;
    let ask = tokio::spawn(signals.ask(master.handle()));
    let ending = master.run().await;
    ask.abort();
    if shown.join().is_err() {
        anyhow::bail!("the thread that prints has panicked");
    }
    Ok(ending?)
}

fn plan(run: &Run) -> Plan {
    Plan {
        workers: run.workers.0,
        settle: run.settle,
        warm: run.warm,
        linger: run.linger,
        ready_grace: run.ready_grace,
        drain_grace: run.drain_grace,
        ..Plan::default()
    }
}
