//! Steering all listeners: every one of them, or none. Most follow a dial, which is turned once for all of them.

use super::listener::Listener;
use super::listeners::{ListenerId, Listeners};
use super::shares::Shares;
use super::token::Token;
use crate::supervision::CohortId;
use crate::sys::poller::Readiness;

/// What a steer has come to before it is known to work.
#[derive(Default)]
struct Begun {
    /// Who was steered, and where to before.
    before: Vec<(ListenerId, Shares)>,
    /// Who will be when the dial is turned.
    followers: Vec<(ListenerId, Shares)>,
}

impl Listeners {
    /// Sends new connections to those who have a share: on every listener, or on none. What only some of them have taken
    /// is theirs.
    pub(super) fn steer(&mut self, shares: &Shares) -> Result<(), String> {
        shares.cohorts().try_for_each(|cohort| self.everything_is_taken(cohort))?;
        let nothing_shut = self.nothing_shut();
        let place = if nothing_shut { self.place_on_dial(shares) } else { None };
        let mut begun = Begun::default();
        let done = self.begin(shares, nothing_shut, place, &mut begun).and_then(|()| self.turn(place));
        if let Err(why) = done {
            for (id, former) in begun.before {
                self.all.get_mut(&id).expect("it is one of ours").steer_back(former);
            }
            return Err(why);
        }
        for (id, theirs) in begun.followers {
            let former = self.all.get_mut(&id).expect("it is one of ours").was_turned(theirs);
            begun.before.push((id, former));
        }
        self.stale = true;
        self.in_force = shares.only_generation().or(self.in_force);
        let rescues_already = std::mem::replace(&mut self.rescue, true);
        // To whom a listener is steered is nothing to be watched for, but whether it is steered at all.
        let first = begun.before.into_iter().filter(|(_, former)| former.is_empty()).map(|(id, _)| id);
        let changed = if rescues_already { first.collect() } else { self.ids() };
        changed.into_iter().for_each(|id| self.watch(id));
        Ok(())
    }

    /// Steers whom turning the dial there does not.
    fn begin(
        &mut self,
        shares: &Shares,
        nothing_shut: bool,
        place: Option<usize>,
        begun: &mut Begun,
    ) -> Result<(), String> {
        for (&id, listener) in &mut self.all {
            let theirs = shares.among(|cohort| listener.is_taken_by(cohort));
            let would_be_turned = place.is_some() && listener.lanes.follows();
            if would_be_turned && !theirs.is_empty() && listener.place_on_dial(&theirs) == place {
                begun.followers.push((id, theirs));
                continue;
            }
            // A query opened it for another generation: that keeps it.
            let theirs = match theirs.is_empty() {
                true if would_be_turned => listener.steered.clone(),
                true => continue,
                false => theirs,
            };
            begun.before.push((id, std::mem::take(&mut listener.steered)));
            match nothing_shut {
                true => listener.steer_apart(theirs)?,
                false => listener.steer(theirs)?,
            }
        }
        Ok(())
    }

    /// Where the dial would send those who follow it to the right lane; most of them have the same.
    fn place_on_dial(&self, shares: &Shares) -> Option<usize> {
        let mut followers = self.all.values().filter(|listener| listener.lanes.follows());
        followers.find_map(|it| it.place_on_dial(&shares.among(|cohort| it.is_taken_by(cohort))))
    }

    fn turn(&self, place: Option<usize>) -> Result<(), String> {
        let (Some(dial), Some(place)) = (&self.dial, place) else { return Ok(()) };
        dial.turn(place).map_err(|error| format!("cannot steer: {error}"))
    }

    /// After a steer, when it has been told: puts what steers in force anew, which a worker may have taken away, and lets
    /// everybody follow the dial who can.
    pub(super) fn renew(&mut self) {
        if !std::mem::take(&mut self.stale) || self.dial.is_none() {
            return;
        }
        if !self.all.values().any(|listener| listener.lanes.follows()) {
            let place = self.all.values().find_map(|listener| listener.place_on_dial(&listener.steered));
            if let Err(why) = self.turn(place) {
                tracing::debug!(why, "nobody follows the dial");
            }
        }
        for listener in self.all.values_mut() {
            if let Err(error) = listener.lanes.renew() {
                // It is shut, say, and will be mended.
                tracing::debug!(listener = listener.declaration.name, %error, "what steers it is not renewed");
            }
        }
    }

    /// Whether no socket was shut, as far as the poller sees all of them: it knows, where asking each takes half a
    /// microsecond.
    fn nothing_shut(&self) -> bool {
        let is_lane = |ready: &Readiness| matches!(Token::from_number(ready.token), Some(Token::Lane(..)));
        let waiting = self.poller.waiting().filter(|_| !self.blind);
        waiting.is_some_and(|waiting| !waiting.iter().any(|ready| ready.hangup && is_lane(ready)))
    }

    /// A declared listener that no worker took would be a port where connections hang.
    fn everything_is_taken(&self, cohort: CohortId) -> Result<(), String> {
        let is_missing = |it: &&Listener| it.is_declared_by(cohort.generation) && !it.is_taken_by(cohort);
        match self.all.values().find(is_missing) {
            None => Ok(()),
            Some(listener) => Err(format!(
                "no worker of generation {cohort} listens on {} ({}), so its clients would wait for ever",
                listener.declaration.name, listener.declaration.address
            )),
        }
    }
}
