//! Listeners that come and go with the releases that declare them: new ones are opened first, and one that is declared
//! no more stays open as long as a generation can serve that declares it.

use super::listener::Listener;
use super::listeners::{ListenerId, Listeners};
use super::machine::Master;
use super::open::Declaration;
use super::report::Deed;
use super::wording::in_full;
use crate::supervision::{CohortId, GenerationId};

/// How a declaration goes together with what is open.
enum Fit {
    /// It is open already.
    Open(ListenerId),
    /// It is to be opened.
    New,
}

/// What became of a listener when a generation left it.
pub(super) enum Farewell {
    Spoiled { listener: String, why: String },
    Closed { listener: String },
}

impl Master {
    /// Tells what became of them.
    pub(super) fn say_farewell(&mut self, farewells: Vec<Farewell>) {
        for farewell in farewells {
            self.report(match farewell {
                Farewell::Spoiled { listener, why } => Deed::Spoiled { listener, why },
                Farewell::Closed { listener } => Deed::Closed { listener },
            });
        }
    }
}

impl Listeners {
    /// Opens what the generation declares and is not open yet: all of it, or nothing. Says what was opened.
    pub(super) fn declare(
        &mut self,
        generation: GenerationId,
        declarations: &[Declaration],
    ) -> Result<Vec<ListenerId>, String> {
        let mut opened = Vec::new();
        for declaration in declarations {
            let id = self.fit(declaration).and_then(|fit| match fit {
                Fit::Open(id) => Ok(id),
                Fit::New => {
                    let opening = self.open(declaration.clone(), false);
                    opening.inspect(|id| opened.push(*id)).map_err(|error| match error.hint() {
                        Some(hint) => format!("{} ({hint})", in_full(&error)),
                        None => in_full(&error),
                    })
                }
            });
            match id {
                Ok(id) => {
                    let listener = self.listener_mut(id).expect("it is open");
                    listener.declared_by.insert(generation);
                }
                Err(why) => {
                    self.undeclare(generation);
                    opened.into_iter().for_each(|id| self.close(id));
                    return Err(why);
                }
            }
        }
        Ok(opened)
    }

    fn fit(&self, declaration: &Declaration) -> Result<Fit, String> {
        if let Some((id, _)) = self.iter().find(|(_, listener)| listener.is(declaration)) {
            return Ok(Fit::Open(id));
        }
        let (name, address) = (&declaration.name, &declaration.address);
        if address.port() == Some(0) {
            return Ok(Fit::New);
        }
        for (_, listener) in self.iter() {
            let (theirs, there) = (&listener.declaration.name, &listener.address());
            if there == address && theirs != name {
                return Err(format!(
                    "the listener {theirs} cannot be renamed to {name} by a reload: {address} is open"
                ));
            }
            if there == address {
                let what = difference(&listener.declaration, declaration);
                return Err(format!("{name} is open already, and its `{what}` cannot be changed by a reload"));
            }
            if there.covers(address) || address.covers(there) {
                return Err(format!(
                    "{name} cannot be opened at {address} while {there} is open ({theirs}): one covers the other, so \
                     that one has to go first; leave it out for one reload, or stop and start"
                ));
            }
        }
        Ok(Fit::New)
    }

    /// The generation declares nothing any more.
    pub(super) fn undeclare(&mut self, generation: GenerationId) {
        for id in self.ids() {
            if let Some(listener) = self.listener_mut(id) {
                listener.declared_by.remove(&generation);
            }
        }
    }

    /// Nothing of the generation is left. Says what became of its lanes.
    pub(super) fn forget(&mut self, generation: GenerationId) -> Vec<Farewell> {
        let mut farewells = Vec::new();
        for id in self.ids() {
            let listener = self.listener_mut(id).expect("it is one of ours");
            let name = listener.declaration.name.clone();
            let its: Vec<CohortId> =
                listener.tenants.keys().copied().filter(|it| it.generation == generation).collect();
            for why in its.into_iter().filter_map(|cohort| listener.take_back(cohort)) {
                farewells.push(Farewell::Spoiled { listener: name.clone(), why });
            }
            listener.declared_by.remove(&generation);
            if listener.by_query
                && listener.declared_by.is_empty()
                && !listener.tenants.values().any(|tenant| tenant.granted)
            {
                self.close(id);
                farewells.push(Farewell::Closed { listener: name });
            } else {
                self.watch(id);
            }
        }
        farewells
    }

    /// Nothing of the cohort is left. Says what became of its lanes.
    pub(super) fn vacate(&mut self, cohort: CohortId) -> Vec<Farewell> {
        let mut farewells = Vec::new();
        for id in self.ids() {
            let listener = self.listener_mut(id).expect("it is one of ours");
            let name = listener.declaration.name.clone();
            farewells.extend(listener.take_back(cohort).map(|why| Farewell::Spoiled { listener: name, why }));
            self.watch(id);
        }
        farewells
    }

    /// Closes what no generation declares or holds that can serve, or would again; the names.
    pub(super) fn close_unwanted(&mut self, may_serve: impl Fn(GenerationId) -> bool) -> Vec<String> {
        let Some(in_force) = self.in_force() else { return Vec::new() };
        let counts = |generation: &GenerationId| *generation == in_force || may_serve(*generation);
        let is_wanted = |listener: &Listener| {
            listener.by_query
                || listener
                    .declared_by
                    .iter()
                    .chain(listener.tenants.keys().map(|cohort| &cohort.generation))
                    .any(counts)
        };
        let unwanted = self.iter().filter(|(_, listener)| !is_wanted(listener));
        let unwanted: Vec<(ListenerId, String)> =
            unwanted.map(|(id, listener)| (id, listener.declaration.name.clone())).collect();
        let close = |(id, name)| {
            self.close(id);
            name
        };
        unwanted.into_iter().map(close).collect()
    }
}

impl Listener {
    /// Whether it is what is declared here. What a query has opened has no other name than its address.
    fn is(&self, declaration: &Declaration) -> bool {
        let address = self.address();
        self.declaration == *declaration
            || (self.by_query && address == declaration.address)
            || Declaration { address, ..self.declaration.clone() } == *declaration
    }
}

/// What cannot be changed while the listener is open.
fn difference(open: &Declaration, declared: &Declaration) -> &'static str {
    if open.blocking != declared.blocking {
        "blocking"
    } else if open.mode != declared.mode {
        "mode"
    } else {
        "lanes"
    }
}
