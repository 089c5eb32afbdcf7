//! Starting a worker: its scene, its channel, its pipes.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use nix::sys::signal::Signal;

use super::channel::Channel;
use super::handing::{Handing, Seat};
use super::machine::Master;
use super::node::NodeWorker;
use super::output::{LastLines, Outlet};
use super::processes::Process;
use super::release::Release;
use super::report::{Deed, Stream};
use super::token::Token;
use crate::dialects::{Dialect, Watch};
use crate::supervision::{CohortId, Event, Exit, GenerationId, Slot, WorkerId};
use crate::sys::launch::{self, Executable, Launched, Launcher, Outlets, Scene, World};
use crate::sys::poller::Interest;
use crate::sys::{files, terminal};

/// The ends of the pipes that we read from.
type Pipes = Option<[OwnedFd; 2]>;

impl Master {
    /// Starts a worker; when that fails, the worker has ended already.
    pub(super) fn spawn(&mut self, worker: WorkerId, cohort: CohortId, slot: Slot) {
        match self.try_to_spawn(Seat { worker, cohort, slot }) {
            Ok(()) => {}
            Err(why) => self.feed(Event::Exited { worker, exit: Exit::NotStarted(why) }),
        }
    }

    fn try_to_spawn(&mut self, seat: Seat) -> Result<(), String> {
        let release = self.releases.get(&seat.cohort.generation).ok_or("its release is gone")?.clone();
        self.report_changes(seat.cohort.generation, &release);
        let mut handing = self.handing(seat, &release)?;
        let (outlets, pipes) =
            self.outlets(handing.foreground).map_err(|error| format!("cannot make a pipe: {error}"))?;
        let launched = self.launch(&release, &mut handing, outlets);
        let launched = launched.map_err(|error| format!("cannot execute {}: {error}", release.program.display()))?;
        let directly = launched.launcher.is_none();
        self.keep(seat, &release, launched, handing, pipes).map_err(|error| format!("cannot watch it: {error}"))?;
        if directly {
            self.feed(Event::Started { worker: seat.worker });
        }
        Ok(())
    }

    /// Says once a generation that what it was started from is not there any more.
    fn report_changes(&mut self, generation: GenerationId, release: &Release) {
        let changes = release.changes();
        if !changes.is_empty() && self.changed.insert(generation) {
            for what in changes {
                self.report(Deed::Changed { generation, what });
            }
        }
    }

    fn launch(&mut self, release: &Arc<Release>, handing: &mut Handing, outlets: Outlets) -> io::Result<Launched> {
        let held = release.held();
        let executable = match release.is_elf() {
            true => Executable::Held { known_as: release.program.clone() },
            false => Executable::Path(release.program.clone()),
        };
        let (ours, theirs) = handing.channel.take().unzip();
        handing.our_end = ours;
        let mut scene = Scene {
            executable,
            arguments: std::mem::take(&mut handing.arguments),
            environment: std::mem::take(&mut handing.environment).into_iter().collect(),
            directory: release.directory.clone(),
            descriptors: 0,
            pid_variables: std::mem::take(&mut handing.pid_variables),
            descriptor_limit: self.behaviour.descriptor_limit,
            foreground: handing.foreground,
            world: release.world.clone(),
            credentials: release.credentials.clone(),
        };
        match (self.behaviour.launcher, theirs) {
            (true, theirs) => {
                let descriptors: Vec<BorrowedFd<'_>> = handing
                    .handles
                    .iter()
                    .map(|handle| handle.as_fd())
                    .chain(theirs.as_ref().map(AsFd::as_fd))
                    .collect();
                scene.descriptors = descriptors.len();
                self.give_scene(&scene, held, &descriptors, &outlets)
            }
            (false, _) if release.dialect == Dialect::Node => {
                Err(io::Error::other("without a launcher, a worker cannot speak Node's protocol"))
            }
            (false, _) if release.world != World::default() => Err(io::Error::other(
                "without a launcher, a worker cannot have another user, other limits or priorities",
            )),
            (false, Some(input)) => launch::start_directly(&scene, held, input, outlets),
            (false, None) => Err(io::Error::other("without a launcher, a program must speak the query protocol")),
        }
    }

    /// To the spare, if there is one and it has not ended unseen.
    fn give_scene(
        &mut self,
        scene: &Scene,
        held: &File,
        descriptors: &[BorrowedFd<'_>],
        outlets: &Outlets,
    ) -> io::Result<Launched> {
        let spare = self.take_spare();
        match spare.map(|spare| spare.give(scene, held, descriptors, outlets)) {
            Some(Ok(launched)) => Ok(launched),
            Some(Err(_)) | None => Launcher::start(self.starter.as_ref())?.give(scene, held, descriptors, outlets),
        }
    }

    fn outlets(&self, foreground: bool) -> io::Result<(Outlets, Pipes)> {
        if !self.behaviour.capture || foreground {
            return Ok((Outlets::Inherited, None));
        }
        let pair = || self.recipes.terminal.map_or_else(files::pipe, terminal::pair);
        let ((output, theirs), (error, their_error)) = (pair()?, pair()?);
        Ok((Outlets::Pipes { output: theirs, error: their_error }, Some([output, error])))
    }

    fn keep(
        &mut self,
        seat: Seat,
        release: &Release,
        launched: Launched,
        handing: Handing,
        pipes: Pipes,
    ) -> io::Result<()> {
        let Seat { worker, cohort, slot } = seat;
        let generation = cohort.generation;
        let proof = self.proof_of(cohort, slot, release.dialect);
        let (now, like) = (files::uptime(), self.experience.latest_start());
        let (channel, node) = match release.dialect {
            Dialect::Node => (None, handing.our_end.map(|ours| NodeWorker::new(ours, now, like))),
            Dialect::Auto | Dialect::Query | Dialect::Systemd => (handing.our_end.map(Channel::new), None),
        };
        let process = Process {
            generation,
            cohort,
            slot,
            pid: launched.pid,
            handle: Arc::new(launched.process),
            since: std::time::SystemTime::now(),
            status: Default::default(),
            channel,
            node,
            notify: handing.notify,
            inherited: handing.inherited,
            proof,
            probes: Vec::new(),
            next_look: std::time::Duration::ZERO,
            lacking: None,
            watch: Watch::new(release.watchdog),
            state: None,
            launcher: launched.launcher,
            launch_error: None,
            declined: 0,
            last_lines: LastLines::default(),
        };
        if let Err(error) = self.watch_process(worker, &process, &pipes) {
            process.signal(Signal::SIGKILL);
            return Err(error); // whoever reaps strangers reaps it
        }
        for (stream, pipe) in [Stream::Output, Stream::Error].into_iter().zip(pipes.into_iter().flatten()) {
            self.processes.outlets.insert((worker, stream), Outlet::new(generation, slot, pipe));
        }
        self.processes.all.insert(worker, process);
        self.unproved.insert(worker);
        Ok(())
    }

    fn watch_process(&self, worker: WorkerId, process: &Process, pipes: &Pipes) -> io::Result<()> {
        let node = process.node.as_ref().and_then(|node| node.socket().map(AsFd::as_fd));
        let channel = process.channel.as_ref().map(|channel| channel.socket.as_fd()).or(node);
        let notify = process.notify.as_ref().map(AsFd::as_fd);
        let launcher = process.launcher.as_ref().map(AsFd::as_fd);
        let mut watched = vec![
            (Some(process.handle.as_fd()), Token::Process(worker)),
            (channel, Token::Channel(worker)),
            (notify, Token::Notify(worker)),
            (launcher, Token::Launcher(worker)),
        ];
        for (stream, pipe) in [Stream::Output, Stream::Error].into_iter().zip(pipes.iter().flatten()) {
            watched.push((Some(pipe.as_fd()), Token::Output(worker, stream)));
        }
        watched
            .into_iter()
            .filter_map(|(fd, token)| Some((fd?, token)))
            .try_for_each(|(fd, token)| self.poller.add(fd, token.number(), Interest::Read))
    }
}
