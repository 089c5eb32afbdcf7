//! Starting a worker: its scene, its channel, its pipes.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use super::channel::Channel;
use super::machine::Master;
use super::output::{LastLines, Outlet};
use super::processes::Process;
use super::release::Release;
use super::report::Stream;
use super::token::Token;
use crate::protocol::environment::{self, ChannelName};
use crate::supervision::{Event, Exit, GenerationId, Slot, WorkerId};
use crate::sys::launch::{self, Executable, Launched, Outlets, Scene};
use crate::sys::poller::Interest;
use crate::sys::{files, passing};

/// Where a launched worker finds its channel, and where one that is started directly does.
const CHANNEL_OF_LAUNCHED: u16 = 3;
const CHANNEL_OF_DIRECT: u16 = 0;

/// The ends of the pipes that we read from.
type Pipes = Option<[OwnedFd; 2]>;

impl Master {
    /// Starts a worker; when that fails, the worker has ended already.
    pub(super) fn spawn(&mut self, worker: WorkerId, generation: GenerationId, slot: Slot) {
        match self.try_to_spawn(worker, generation, slot) {
            Ok(launched_directly) => {
                if launched_directly {
                    self.feed(Event::Started { worker });
                }
            }
            Err(why) => self.feed(Event::Exited { worker, exit: Exit::NotStarted(why) }),
        }
    }

    fn try_to_spawn(&mut self, worker: WorkerId, generation: GenerationId, slot: Slot) -> Result<bool, String> {
        let release = self.releases.get(&generation).ok_or("its release is gone")?.clone();
        let fault = |what: &str, error: io::Error| format!("cannot {what}: {error}");
        let (ours, theirs) = passing::pair().map_err(|error| fault("make a channel", error))?;
        passing::set_nonblocking(ours.as_fd(), true).map_err(|error| fault("make a channel", error))?;
        let (outlets, pipes) = self.outlets().map_err(|error| fault("make a pipe", error))?;
        let scene = self.scene(&release, worker, generation, slot, &theirs)?;
        let (held, _) = release.pinned();
        let launched = match self.behaviour.launcher {
            true => launch::start_through_launcher(&scene, held, &[theirs.as_fd()], outlets),
            false => launch::start_directly(&scene, held, theirs, outlets),
        };
        let launched = launched.map_err(|error| fault(&format!("execute {}", release.program.display()), error))?;
        let directly = launched.launcher.is_none();
        self.keep(worker, generation, slot, launched, ours, pipes).map_err(|error| fault("watch it", error))?;
        Ok(directly)
    }

    fn outlets(&self) -> io::Result<(Outlets, Pipes)> {
        if !self.behaviour.capture {
            return Ok((Outlets::Inherited, None));
        }
        let (output, theirs) = files::pipe()?;
        let (error, their_error) = files::pipe()?;
        Ok((Outlets::Pipes { output: theirs, error: their_error }, Some([output, error])))
    }

    fn scene(
        &self,
        release: &Release,
        worker: WorkerId,
        generation: GenerationId,
        slot: Slot,
        channel: &OwnedFd,
    ) -> Result<Scene, String> {
        let (_, still_the_same) = release.pinned();
        let executable = match still_the_same || !release.is_elf() {
            true => Executable::Path(release.program.clone()),
            false => Executable::Held,
        };
        let fd = if self.behaviour.launcher { CHANNEL_OF_LAUNCHED } else { CHANNEL_OF_DIRECT };
        let inode = passing::inode(channel.as_fd()).map_err(|error| format!("cannot name the channel: {error}"))?;
        let mut environment = release.environment.clone();
        for (name, value) in [
            (environment::CHANNEL, ChannelName { fd, inode }.to_string()),
            (environment::WORKER, worker.to_string()),
            (environment::GENERATION, generation.to_string()),
            (environment::SLOT, slot.to_string()),
        ] {
            environment.insert(name.into(), value.into());
        }
        Ok(Scene {
            executable,
            arguments: release.arguments.clone(),
            environment: environment.into_iter().collect(),
            directory: release.directory.clone(),
            descriptor_limit: self.behaviour.descriptor_limit,
        })
    }

    fn keep(
        &mut self,
        worker: WorkerId,
        generation: GenerationId,
        slot: Slot,
        launched: Launched,
        channel: OwnedFd,
        pipes: Pipes,
    ) -> io::Result<()> {
        let Launched { pid, process: handle, launcher } = launched;
        let watch = |fd: &OwnedFd, token: Token| self.poller.add(fd.as_fd(), token.number(), Interest::Read);
        let watched = watch(&handle, Token::Process(worker))
            .and_then(|()| watch(&channel, Token::Channel(worker)))
            .and_then(|()| launcher.as_ref().map_or(Ok(()), |fd| watch(fd, Token::Launcher(worker))));
        for (stream, pipe) in [Stream::Output, Stream::Error].into_iter().zip(pipes.into_iter().flatten()) {
            watch(&pipe, Token::Output(worker, stream))?;
            self.processes.outlets.insert((worker, stream), Outlet::new(generation, slot, pipe));
        }
        let process = Process {
            generation,
            slot,
            pid,
            handle,
            channel: Some(Channel::new(channel)),
            launcher,
            launch_error: None,
            declines_connections: false,
            last_lines: LastLines::default(),
        };
        self.processes.all.insert(worker, process);
        watched
    }
}
