//! Checks: one round of them for a generation, over connections that lead to it and to nobody else. Owns the rounds and
//! hooks that are under way; must not know what follows from how they end.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{PipeReader, PipeWriter};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};

use super::lookups::Found;
use super::machine::Master;
use super::output::{LastLines, Lines};
use super::private::PrivateStream;
use super::programs::locate;
use super::release::Release;
use super::wording::{in_full, shown_within};
use crate::dialects::Filling;
use crate::errands::{Errand, Fault, Scenery};
use crate::health::{Checks, HttpCheck};
use crate::protocol::environment;
use crate::supervision::{Event, GenerationId, Notice, Origin};

/// Of what a check's command wrote last, more is not told.
const MOST_OF_A_LINE: usize = 400;

/// What is done beside the loop, and ends when this goes.
#[derive(Debug, Default)]
pub(super) struct Errands {
    pub(super) rounds: BTreeMap<GenerationId, Round>,
    /// A hook is ended when its pipe is closed.
    pub(super) hooks: BTreeMap<u64, PipeWriter>,
    pub(super) latest: u64,
    /// Who asked for which generation, for hooks to be told.
    pub(super) origins: BTreeMap<GenerationId, Origin>,
}

/// A round that is under way.
#[derive(Debug)]
pub(super) struct Round {
    task: AbortHandle,
    /// Closed with this, which ends the command.
    _command: Option<PipeWriter>,
}

/// A request, and where it goes.
struct Asked {
    check: HttpCheck,
    way: PrivateStream,
    /// What its failure begins with.
    place: String,
}

impl Drop for Round {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Master {
    /// Begins a round of checks.
    pub(super) fn check(&mut self, generation: GenerationId) {
        match self.begin_round(generation) {
            Ok(Some(round)) => drop(self.errands.rounds.insert(generation, round)),
            Ok(None) => self.feed(Event::Checked { generation, failure: None }),
            Err(why) => self.feed(Event::Checked { generation, failure: Some(why) }),
        }
    }

    /// A round has come to its end.
    pub(super) fn round_ended(&mut self, generation: GenerationId, failure: Option<String>) {
        self.errands.rounds.remove(&generation);
        if self.supervisor.rising() != Some(generation) {
            self.close_doors(generation); // they were open for the command
        }
        self.reap_strangers(); // while a command ran, they may have had to wait behind it
        self.feed(Event::Checked { generation, failure });
    }

    /// What a notice means for the rounds: nobody asks a generation that leaves.
    pub(super) fn mind_rounds(&mut self, notice: &Notice) {
        if let Notice::GivenUp { generation, .. } | Notice::Draining { generation, .. } | Notice::Gone { generation } =
            notice
        {
            self.errands.rounds.remove(generation);
        }
    }

    fn begin_round(&mut self, generation: GenerationId) -> Result<Option<Round>, String> {
        let release = self.releases.get(&generation).cloned();
        let Some((release, checks)) = release.as_ref().and_then(|it| Some((it, it.health.as_ref()?))) else {
            return Ok(None);
        };
        let asked = self.requests_to(generation, checks)?;
        let (ends_it, command) = match &checks.command {
            Some(command) => Some(self.begin_command(generation, release, command, checks.timeout)?).unzip(),
            None => (None, None),
        };
        let round = round(asked, command, checks.timeout);
        let to = self.lookups.sender();
        let task = tokio::spawn(async move {
            let failure = round.await;
            let _ = to.send(Found::Checked { generation, failure }); // a master that is gone wants to know nothing
        });
        Ok(Some(Round { task: task.abort_handle(), _command: ends_it }))
    }

    /// A connection for each request to each listener that it is about; none where there is no private way.
    fn requests_to(&mut self, generation: GenerationId, checks: &Checks) -> Result<Vec<Asked>, String> {
        let several = self.listeners.iter().filter(|(_, listener)| listener.is_for(generation)).count() > 1;
        let mut asked = Vec::new();
        for check in &checks.requests {
            for way in self.private_streams(generation)? {
                if check.concerns(&way.listener) {
                    let slot = way.slot.map(|slot| format!("slot {slot}: ")).unwrap_or_default();
                    let listener = if several { format!("{}: ", way.listener) } else { String::new() };
                    asked.push(Asked { check: check.clone(), way, place: listener + &slot });
                }
            }
        }
        Ok(asked)
    }

    fn begin_command(
        &mut self,
        generation: GenerationId,
        release: &Release,
        command: &[OsString],
        time: Duration,
    ) -> Result<(PipeWriter, oneshot::Receiver<Option<String>>), String> {
        let doors = self.open_doors(generation).map_err(|error| format!("there is no way for the command: {error}"))?;
        let (world, credentials) = (release.world.clone(), release.credentials.clone());
        let errand = Errand {
            program: PathBuf::new(), // found where it may take its time
            arguments: command.to_vec(),
            environment: self.environment_of_command(generation, release, &doors),
            directory: release.directory.clone(),
            scenery: Scenery { world, credentials, ..self.scenery() },
            time,
            grace: Duration::ZERO,
        };
        let (answer, answered) = oneshot::channel();
        let (cancelled, ends_it) = std::io::pipe().map_err(|error| format!("there is no pipe for it: {error}"))?;
        tokio::task::spawn_blocking(move || {
            let _ = answer.send(run_command(errand, &cancelled)); // the round may be over
        });
        Ok((ends_it, answered))
    }

    /// That of a worker, and the way to the newcomer.
    fn environment_of_command(
        &self,
        generation: GenerationId,
        release: &Release,
        doors: &[(String, SocketAddr)],
    ) -> BTreeMap<OsString, OsString> {
        let places = self.places(generation).into_iter().map(|(_, place)| place).collect();
        let filling = Filling { places, first_descriptor: 0, generation: generation.0, slot: 0 };
        let mut environment = release.environment.clone();
        for value in environment.values_mut() {
            *value = filling.fill(value).unwrap_or_else(|_| value.clone()); // a worker would not have started with it
        }
        environment.insert(environment::GENERATION.into(), generation.to_string().into());
        for (number, (listener, address)) in doors.iter().enumerate() {
            let of_its_own = variable_of(listener);
            let names = [Some("HEIRLOOM_CHECK_ADDR").filter(|_| number == 0), Some(of_its_own.as_str())];
            environment.extend(names.into_iter().flatten().map(|name| (name.into(), address.to_string().into())));
        }
        environment
    }
}

/// Runs it to its end; what went wrong, with its last line.
fn run_command(mut errand: Errand, cancelled: &PipeReader) -> Option<String> {
    let name = errand.arguments.first().cloned().unwrap_or_default();
    let (mut lines, mut kept) = (Lines::default(), LastLines::default());
    let ended = match locate(&name, &errand.directory, errand.environment.get(OsStr::new("PATH"))) {
        Ok(program) => {
            errand.program = program;
            let mut keep = |bytes: &[u8]| lines.split(bytes).iter().for_each(|line| kept.keep(line));
            errand.run(cancelled.as_fd(), &mut keep)
        }
        Err(error) => Err(Fault::NotStarted(in_full(&error))),
    };
    lines.rest().iter().for_each(|line| kept.keep(line));
    let fault = ended.err()?;
    let lines = kept.all();
    let last = lines.iter().rev().map(|line| line.trim()).find(|line| !line.is_empty());
    let said = last.map(|line| format!(": {}", shown_within(line, MOST_OF_A_LINE))).unwrap_or_default();
    Some(format!("{} {fault}{said}", name.to_string_lossy()))
}

/// `HEIRLOOM_CHECK_ADDR_HTTP` for the listener `http`.
fn variable_of(listener: &str) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("HEIRLOOM_CHECK_ADDR_{}", listener.chars().map(fit).collect::<String>())
}

/// Asks all at once, and says what is wrong with the first of those that are not well.
async fn round(
    asked: Vec<Asked>,
    command: Option<oneshot::Receiver<Option<String>>>,
    time: Duration,
) -> Option<String> {
    let mut asking = JoinSet::new();
    for (number, Asked { check, way, place }) in asked.into_iter().enumerate() {
        asking.spawn(async move {
            let late = || format!("GET {}: no answer within {}", check.path, humantime::format_duration(time));
            let answer = tokio::time::timeout(time, ask(way, &check)).await.unwrap_or_else(|_| Err(late()));
            (number, answer.err().map(|why| format!("{place}{why}")))
        });
    }
    let mut failures = BTreeMap::new();
    while let Some(answered) = asking.join_next().await {
        let (number, failure) = answered.unwrap_or_else(|error| (usize::MAX, Some(format!("not asked: {error}"))));
        failures.extend(failure.map(|failure| (number, failure)));
    }
    let command = match command {
        Some(command) => command.await.unwrap_or_else(|_| Some("the command was not run".into())),
        None => None,
    };
    let mut failures = failures.into_values().chain(command);
    let first = failures.next()?;
    match failures.count() {
        0 => Some(first),
        more => Some(format!("{first} (and {more} more)")),
    }
}

#[cfg(feature = "health")]
async fn ask(way: PrivateStream, check: &HttpCheck) -> Result<(), String> {
    crate::health::ask(way.connection, check).await
}

#[cfg(not(feature = "health"))]
async fn ask(_: PrivateStream, _: &HttpCheck) -> Result<(), String> {
    Err("this program was built without checks over HTTP".into())
}
