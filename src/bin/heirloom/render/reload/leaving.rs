//! The generation before, for whoever waits for its end.

use std::time::SystemTime;

use super::{Mark, line};
use crate::render::words::took;
use heirloom::supervision::{GenerationId, Notice};

#[derive(Debug)]
pub(super) struct Leaving {
    pub(super) generation: GenerationId,
    pub(super) since: SystemTime,
    pub(super) workers: u32,
    pub(super) left: u32,
    pub(super) doing: &'static str,
    pub(super) gone: bool,
}

impl Leaving {
    pub(super) fn notice(&mut self, notice: &Notice, at: SystemTime) -> Vec<String> {
        let time = took(at.duration_since(self.since).unwrap_or_default());
        match notice {
            Notice::StandingBy { generation, warm } if *generation == self.generation => {
                self.doing = "standby";
                let stays = format!("generation {generation} stands by for {}", took(*warm));
                vec![line(Mark::Done, "settled", "", &time, &stays)]
            }
            Notice::Draining { generation, .. } if *generation == self.generation => {
                self.doing = "draining";
                Vec::new()
            }
            Notice::Exited { generation, .. } if *generation == self.generation => {
                self.left = self.left.saturating_sub(1);
                Vec::new()
            }
            Notice::Killing { generation, slot, why, .. } if *generation == self.generation => {
                vec![line(Mark::Note, "killed", "", &time, &format!("worker {generation}.{slot}: {why}"))]
            }
            Notice::Gone { generation } if *generation == self.generation => {
                self.gone = true;
                // Who did not see it serve does not know how many there were.
                let numbers = if self.workers == 0 { String::new() } else { format!("{0}/{0}", self.workers) };
                vec![line(Mark::Done, "drained", &numbers, &time, &format!("generation {generation} is gone"))]
            }
            _ => Vec::new(),
        }
    }
}
