//! What may be the matter with a worker that was given up, and what to do: for those whose program does not take its
//! sockets. It must not decide anything.

use super::machine::Master;
use crate::dialects::Dialect;
use crate::supervision::{GenerationId, Notice, Reason, Slot};

/// What programs and their runtimes say when they bind an address that somebody has.
const IN_USE: [&str; 6] =
    ["address already in use", "address in use", "eaddrinuse", "errno 98", "errno: 98", "os error 98"];

impl Master {
    /// A sentence for whoever has to mend a release that was given up; none if we know of nothing.
    pub(super) fn hint(&self, notice: &Notice, seat: (GenerationId, Slot), last_lines: &[String]) -> Option<String> {
        let Notice::GivenUp { reason, .. } = notice else { return None };
        let (generation, slot) = seat;
        let who = format!("worker {generation}.{slot}");
        let name = self.listeners.iter().next().map(|(_, listener)| listener.declaration.name.clone());
        let refused = says_in_use(last_lines) && name.is_some();
        let binds = match (refused, self.has_strangers()) {
            (true, _) => Some(format!("{who} binds by itself, but heirloom holds the address")),
            (false, true) => Some(format!("{who} seems to bind by itself: not only heirloom listens on the address")),
            (false, false) => None,
        };
        match (reason, binds) {
            (Reason::Exited { .. } | Reason::NotReady { .. }, Some(what)) => {
                Some(format!("{what}: {}", self.ways_to_take(generation, name.as_deref().unwrap_or("NAME"))))
            }
            (Reason::NotReady { .. }, None) if self.processes.is_silent(seat) => {
                Some(match (self.dialect_of(generation), name) {
                    (Dialect::Auto | Dialect::Systemd, Some(name)) => format!(
                        "{who} said nothing, and accepted no connection: does it take its sockets? {}",
                        self.ways_to_take(generation, &name)
                    ),
                    (Dialect::Node, _) => format!(
                        "{who} never spoke Node's cluster protocol: does {} run Node?",
                        self.program(generation)
                    ),
                    (Dialect::Query, _) | (_, None) => {
                        format!("{who} never said hello: does {} link the heirloom library?", self.program(generation))
                    }
                })
            }
            _ => None,
        }
    }

    /// Whether somebody else listens on one of our ports.
    fn has_strangers(&self) -> bool {
        self.listeners.iter().any(|(_, listener)| listener.lanes.foreign().is_ok_and(|count| count > 0))
    }

    fn ways_to_take(&self, generation: GenerationId, listener: &str) -> String {
        if self.dialect_of(generation) == Dialect::Node {
            return "have the very process that heirloom starts listen, without `exclusive` or `reusePort`".into();
        }
        format!(
            "give {} the descriptor by {{fd:{listener}}} in an argument, or have it take LISTEN_FDS, or link the \
             heirloom library",
            self.program(generation)
        )
    }

    fn dialect_of(&self, generation: GenerationId) -> Dialect {
        self.releases.get(&generation).map(|release| release.dialect).unwrap_or_default()
    }

    fn program(&self, generation: GenerationId) -> String {
        let name = self.releases.get(&generation).and_then(|release| release.arguments.first());
        name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

fn says_in_use(last_lines: &[String]) -> bool {
    last_lines.iter().any(|line| {
        let line = line.to_ascii_lowercase();
        IN_USE.iter().any(|said| line.contains(said))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtimes_say_in_many_ways_that_an_address_is_in_use() {
        for line in [
            "OSError: [Errno 98] Address already in use",
            "Error: listen EADDRINUSE: address already in use 127.0.0.1:8000",
            "bind() to 127.0.0.1:8000 failed (98: Address already in use)",
            "Os { code: 98, kind: AddrInUse, message: \"Address in use\" }",
            "Error: Connection in use (os error 98)",
        ] {
            assert!(says_in_use(&["starting".into(), line.into()]), "{line}");
        }
        assert!(!says_in_use(&["the address is not there".into()]));
    }
}
