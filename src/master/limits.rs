//! What a rollout cannot do at some listeners, and saying so once, at the start. Must not know what is done about it.

use super::listener::Listener;
use super::machine::Master;
use super::open::Declaration;
use super::release::Release;
use super::report::Deed;
use crate::protocol::Address;
use crate::supervision::{GenerationId, Notice, Rollout, Strategy};
use crate::sys::lanes::Way;

/// One thing that cannot be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Limit {
    /// No connection reaches the newcomer alone.
    NotPrivate,
    /// Its connections go to one generation as a whole.
    NotDivided,
}

impl Limit {
    fn of(self, way: Way) -> Option<&'static str> {
        match (self, way) {
            (_, Way::Kernel | Way::Rotation) | (Limit::NotPrivate, Way::Path) => None,
            (Limit::NotPrivate, Way::Shared) => Some(
                "all generations share its one lane: a newcomer cannot be checked in private there, and meets clients as \
                 soon as it is ready",
            ),
            (Limit::NotDivided, Way::Path) => Some(
                "a path leads to one generation: the newcomer has no connections there until its share is above 50 %, and \
                 all of them from then on",
            ),
            (Limit::NotDivided, Way::Shared) => {
                Some("all generations share its one lane: a newcomer's share there is that of its workers")
            }
        }
    }
}

impl Master {
    /// Says what will not work for this release, as it is configured.
    pub(super) fn tell_limits_of(&mut self, generation: GenerationId) {
        let Some(release) = self.releases.get(&generation) else { return };
        let Rollout { strategy, health, .. } = &release.plan.rollout;
        let divided = matches!(strategy, Strategy::Canary | Strategy::Rolling);
        let private = health.is_some() || *strategy != Strategy::All;
        self.tell_limits(generation, private, divided);
    }

    /// Says what does not work when somebody asks for it who had not configured it.
    pub(super) fn tell_limits_at(&mut self, notice: &Notice) {
        match *notice {
            Notice::Checking { generation } | Notice::Held { generation, .. } => {
                self.tell_limits(generation, true, false);
            }
            Notice::Sharing { generation, .. } => self.tell_limits(generation, false, true),
            _ => {}
        }
    }

    fn tell_limits(&mut self, generation: GenerationId, private: bool, divided: bool) {
        let wanted = [(Limit::NotPrivate, private), (Limit::NotDivided, divided)];
        let its = self.listeners.iter().map(|(_, listener)| listener).filter(|it| it.is_for(generation));
        let at = |listener: &Listener| (listener.declaration.name.clone(), listener.way());
        let mut found = Vec::new();
        for (listener, way) in its.map(at) {
            for (limit, _) in wanted.iter().filter(|(_, wanted)| *wanted) {
                found.extend(limit.of(way).map(|what| (listener.clone(), *limit, what)));
            }
        }
        for (listener, limit, what) in found {
            if self.limits.insert((listener.clone(), limit)) {
                self.report(Deed::Limited { listener, what: what.to_owned() });
            }
        }
    }

    /// Whether everything that the release listens on can be divided among cohorts.
    pub(super) fn divides_all(&self, release: &Release) -> bool {
        let divides = |listener: &Listener| listener.way() == Way::Kernel;
        let mut declared = release.listeners.iter();
        match release.listeners[..] {
            [] => self.behaviour.lanes > 1 && self.listeners.iter().all(|(_, listener)| divides(listener)),
            _ => declared.all(|declaration| {
                let mut open = self.listeners.iter().map(|(_, listener)| listener);
                let open = open.find(|it| it.declaration.name == declaration.name);
                open.map_or(matches!(declaration.address, Address::Tcp { .. }) && declaration.lanes > 1, divides)
            }),
        }
    }

    /// Whether nothing that the release listens on can be steered, so that a share can only be one of workers.
    pub(super) fn shares_only_by_workers(&self, release: &Release) -> bool {
        let open = |declaration: &Declaration| {
            let is_it = |listener: &&Listener| listener.declaration.name == declaration.name;
            self.listeners.iter().map(|(_, listener)| listener).find(is_it).map(Listener::is_shared)
        };
        if release.rotates() {
            return false;
        }
        match &release.listeners[..] {
            [] => {
                let mut open = self.listeners.iter().peekable();
                let none_yet = open.peek().is_none();
                if none_yet { self.behaviour.lanes == 1 } else { open.all(|(_, listener)| listener.is_shared()) }
            }
            declared => declared.iter().all(|it| open(it).unwrap_or_else(|| will_be_shared(it))),
        }
    }
}

/// Whether a listener that is not open yet will have one lane only, as far as one can tell.
fn will_be_shared(declaration: &Declaration) -> bool {
    declaration.lanes == 1 || matches!(declaration.address, Address::Abstract(_))
}
