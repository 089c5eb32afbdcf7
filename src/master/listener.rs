//! One listener: which generation has which of its lanes, and where new connections go. Knows no other listener.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Weak;

use super::node::Rotation;
use super::open::Declaration;
use super::private::Expected;
use super::shares::Shares;
use crate::protocol::{Address, Declared};
use crate::supervision::{CohortId, GenerationId};
use crate::sys::lanes::{Endpoint, LaneId, Lanes, Repaired, Seat, Steering, Way};
use crate::sys::poller::Interest;

/// One listener.
///
/// # Invariants
/// - But for the shared way, a lane has one tenant at most.
/// - A spoiled lane has none, ever again.
pub(super) struct Listener {
    pub(super) declaration: Declaration,
    pub(super) lanes: Lanes,
    /// A query opened it, and it goes when nobody has it any more.
    pub(super) by_query: bool,
    /// The generations that declare it: it goes when none of them can serve any more.
    pub(super) declared_by: BTreeSet<GenerationId>,
    pub(super) tenants: BTreeMap<CohortId, Tenant>,
    /// And why.
    pub(super) spoiled: BTreeMap<LaneId, String>,
    /// Where new connections go; nobody's until the first generation has a lane.
    pub(super) steered: Shares,
    /// Connections of our own that come to the helm.
    pub(super) expected: Expected,
    pub(super) watched: BTreeMap<Seat, Interest>,
    /// The master accepts there, and passes the connections on to Node workers.
    pub(super) rotation: Option<Rotation>,
    /// What all Node workers that listen there are to share.
    pub(super) data: Option<serde_json::Value>,
}

/// A cohort's hold on a lane.
#[derive(Debug)]
pub(super) struct Tenant {
    pub(super) lane: LaneId,
    /// The copy that is on its way to workers, if one is.
    pub(super) handle: Weak<OwnedFd>,
    /// A worker has been given it.
    pub(super) granted: bool,
    /// A worker accepts there, as far as we know.
    pub(super) taken: bool,
    /// Nobody of that cohort accepts any more.
    pub(super) abandoned: bool,
}

/// Whether a generation has a lane of each listener.
pub(super) enum Allotment {
    Done,
    NotYet(String),
    Never(String),
}

impl Listener {
    /// Nobody's yet.
    pub(super) fn new(declaration: Declaration, lanes: Lanes, by_query: bool) -> Listener {
        Listener {
            declaration,
            lanes,
            by_query,
            declared_by: BTreeSet::new(),
            tenants: BTreeMap::new(),
            spoiled: BTreeMap::new(),
            steered: Shares::default(),
            expected: Expected::new(),
            watched: BTreeMap::new(),
            rotation: None,
            data: None,
        }
    }

    /// Its address as it really is.
    pub(super) fn address(&self) -> Address {
        match self.lanes.local() {
            Endpoint::Tcp { address, .. } => match self.declaration.address {
                Address::Tcp { host, .. } => Address::Tcp { host, port: address.port() },
                Address::Unix(_) | Address::Abstract(_) => self.declaration.address.clone(),
            },
            Endpoint::Unix(path) => Address::unix(path).unwrap_or_else(|_| self.declaration.address.clone()),
            Endpoint::Abstract(_) => self.declaration.address.clone(),
        }
    }

    pub(super) fn lane_ids(&self) -> Vec<LaneId> {
        let lane = |(seat, _)| match seat {
            Seat::Lane(lane) => Some(lane),
            Seat::Helm => None,
        };
        self.lanes.members().filter_map(lane).collect()
    }

    /// How many lanes there are.
    pub(super) fn lane_count(&self) -> usize {
        self.lane_ids().len()
    }

    pub(super) fn way(&self) -> Way {
        match self.rotation {
            Some(_) => Way::Rotation,
            None => self.lanes.way(),
        }
    }

    pub(super) fn is_taken_by(&self, cohort: CohortId) -> bool {
        self.tenants.get(&cohort).is_some_and(|tenant| tenant.taken)
    }

    pub(super) fn is_declared_by(&self, generation: GenerationId) -> bool {
        self.declared_by.contains(&generation)
    }

    /// Whether the generation is given a lane of it without asking.
    pub(super) fn is_for(&self, generation: GenerationId) -> bool {
        self.by_query || self.is_declared_by(generation)
    }

    pub(super) fn declared(&self) -> Declared {
        let name = self.declaration.name.clone();
        Declared { name, address: self.declaration.address.clone(), bound: self.address() }
    }

    /// Whether all generations have the same socket.
    pub(super) fn is_shared(&self) -> bool {
        self.lanes.way() == Way::Shared
    }

    /// The cohorts of a generation that have a lane of it and accept there.
    pub(super) fn cohorts_of(&self, generation: GenerationId) -> Vec<CohortId> {
        let its = self.tenants.iter().filter(|(cohort, tenant)| cohort.generation == generation && !tenant.abandoned);
        its.map(|(&cohort, _)| cohort).collect()
    }

    pub(super) fn seat_of(&self, cohort: CohortId) -> Option<Seat> {
        let tenant = self.tenants.get(&cohort).filter(|_| !self.is_shared())?;
        Some(Seat::Lane(tenant.lane))
    }

    pub(super) fn free_lane(&mut self, of: GenerationId, serving: Option<GenerationId>) -> Result<LaneId, Allotment> {
        if self.is_shared() {
            return Ok(LaneId(0));
        }
        let name = &self.declaration.name;
        let (mut taken, mut full) = (Vec::new(), false);
        for lane in self.lane_ids().into_iter().filter(|lane| !self.spoiled.contains_key(lane)) {
            match self.tenants.iter().find(|(_, tenant)| tenant.lane == lane) {
                Some((cohort, _)) => taken.push(cohort.generation),
                None if self.is_empty(lane) => return Ok(lane),
                None => full = true,
            }
        }
        if full || taken.iter().any(|&generation| generation != of && Some(generation) != serving) {
            taken.dedup();
            let holders: Vec<String> = taken.iter().map(ToString::to_string).collect();
            return Err(Allotment::NotYet(format!(
                "all lanes of {name} are taken, by the generations {}",
                holders.join(", ")
            )));
        }
        self.lanes
            .open_one_more()
            .map_err(|error| Allotment::Never(format!("{name} has no lane that can be used, and no new one: {error}")))
    }

    fn is_empty(&self, lane: LaneId) -> bool {
        self.lanes.is_listening(lane) && self.lanes.queue(Seat::Lane(lane)).is_ok_and(|queue| queue.waiting == 0)
    }

    /// Sends new connections to those who have a share.
    pub(super) fn steer(&mut self, shares: Shares) -> Result<(), String> {
        self.steer_by(Lanes::steer, shares)
    }

    /// The same, when it has just been seen that nothing was shut; and it does not follow the dial then.
    pub(super) fn steer_apart(&mut self, shares: Shares) -> Result<(), String> {
        self.steer_by(Lanes::steer_apart, shares)
    }

    /// Where the dial would have to point to send new connections to those who have a share.
    pub(super) fn place_on_dial(&self, shares: &Shares) -> Option<usize> {
        self.lanes.place_on_dial(&self.steering(shares)?)
    }

    /// The dial, which it follows, points there now. What was there before is the answer.
    pub(super) fn was_turned(&mut self, shares: Shares) -> Shares {
        if let Some(steering) = self.steering(&shares) {
            self.lanes.was_turned(steering);
        }
        std::mem::replace(&mut self.steered, shares)
    }

    fn steer_by(&mut self, steer: fn(&mut Lanes, Steering) -> io::Result<()>, shares: Shares) -> Result<(), String> {
        let steering = self.steering(&shares).ok_or("it has no lane there")?;
        let name = &self.declaration.name;
        steer(&mut self.lanes, steering).map_err(|error| format!("cannot steer {name}: {error}"))?;
        self.steered = shares;
        Ok(())
    }

    pub(super) fn steer_back(&mut self, former: Shares) {
        let steering = self.steering(&former).unwrap_or(Steering::Hold);
        self.steered = former;
        if let Err(error) = self.lanes.steer(steering) {
            tracing::error!(listener = self.declaration.name, %error, "cannot steer back");
        }
    }

    fn steering(&self, shares: &Shares) -> Option<Steering> {
        shares.steering(|cohort| Some(self.tenants.get(&cohort)?.lane))
    }

    /// Ends the cohort's hold; says why its lane cannot be used again, if so.
    pub(super) fn take_back(&mut self, cohort: CohortId) -> Option<String> {
        let tenant = self.tenants.remove(&cohort)?;
        if self.steered.has(cohort) {
            self.steer_back(self.steered.among(|other| other != cohort));
        }
        if self.is_shared() || !tenant.granted {
            return None;
        }
        let spoiled = self.lanes.restore(tenant.lane).err()?.to_string();
        self.spoiled.insert(tenant.lane, spoiled.clone());
        Some(spoiled)
    }

    /// How much of the new connections each generation has, in per cent, the newest first.
    #[cfg_attr(not(feature = "control"), expect(dead_code, reason = "only the control socket tells it"))]
    pub(super) fn shares(&self) -> Vec<(GenerationId, u8)> {
        match self.way() {
            Way::Kernel | Way::Rotation => self.steered.by_generation(),
            Way::Path | Way::Shared => self.steered.most().map(|of| (of.generation, 100)).into_iter().collect(),
        }
    }

    /// How much of the new connections come to a lane, in per cent.
    #[cfg_attr(not(feature = "control"), expect(dead_code, reason = "only the control socket tells it"))]
    pub(super) fn share_of(&self, lane: LaneId) -> u8 {
        let has_it = |cohort: CohortId| self.tenants.get(&cohort).is_some_and(|tenant| tenant.lane == lane);
        match self.way() {
            Way::Kernel | Way::Rotation => {
                self.steered.cohorts().filter(|of| has_it(*of)).map(|of| self.steered.percent(of)).sum()
            }
            Way::Path | Way::Shared => self.steered.most().filter(|of| has_it(*of)).map_or(0, |_| 100),
        }
    }

    pub(super) fn interest(&self, seat: Seat, rescue: bool) -> Interest {
        if let Some(rotation) = &self.rotation {
            return if rotation.accepts { Interest::Read } else { Interest::Hangup };
        }
        if seat == Seat::Helm && !self.expected.is_empty() {
            return Interest::Read;
        }
        let nobody_accepts = match seat {
            Seat::Helm => !self.steered.is_empty(),
            Seat::Lane(_) if self.is_shared() => false,
            Seat::Lane(lane) => {
                self.tenants.values().find(|tenant| tenant.lane == lane).is_none_or(|tenant| tenant.abandoned)
            }
        };
        if nobody_accepts && rescue { Interest::Read } else { Interest::Hangup }
    }
}

/// What was done about a lane that was shut, in words.
pub(super) fn described(mended: &Repaired) -> String {
    let what = match (mended.replaced, mended.rebuilt) {
        (true, _) => "it is another socket now",
        (false, true) => "it was mended along with the others",
        (false, false) => "it listens again",
    };
    format!("{} was shut; {what}", mended.lane)
}
