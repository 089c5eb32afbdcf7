//! Whose readiness it is: a number that goes into the poller and comes back.

use super::listeners::ListenerId;
use super::report::Stream;
use crate::supervision::WorkerId;
use crate::sys::lanes::{LaneId, Seat};

/// One watched descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Process(WorkerId),
    Channel(WorkerId),
    Launcher(WorkerId),
    Output(WorkerId, Stream),
    Notify(WorkerId),
    Lane(ListenerId, Seat),
    /// The launcher that waits to be needed.
    Spare,
}

const KIND: u32 = 56;
const LISTENER: u32 = 24;
const HELM: u64 = (1 << LISTENER) - 1;

impl Token {
    pub(super) fn number(self) -> u64 {
        match self {
            Token::Process(worker) => worker.0,
            Token::Channel(worker) => 1 << KIND | worker.0,
            Token::Launcher(worker) => 2 << KIND | worker.0,
            Token::Output(worker, Stream::Output) => 3 << KIND | worker.0,
            Token::Output(worker, Stream::Error) => 4 << KIND | worker.0,
            Token::Notify(worker) => 6 << KIND | worker.0,
            Token::Spare => 7 << KIND,
            Token::Lane(listener, seat) => {
                let seat = match seat {
                    Seat::Lane(lane) => lane.0 as u64,
                    Seat::Helm => HELM,
                };
                5 << KIND | u64::from(listener.0) << LISTENER | seat
            }
        }
    }

    pub(super) fn from_number(number: u64) -> Option<Token> {
        let rest = number & ((1 << KIND) - 1);
        let worker = WorkerId(rest);
        Some(match number >> KIND {
            0 => Token::Process(worker),
            1 => Token::Channel(worker),
            2 => Token::Launcher(worker),
            3 => Token::Output(worker, Stream::Output),
            4 => Token::Output(worker, Stream::Error),
            5 => {
                let listener = ListenerId(u32::try_from(rest >> LISTENER).ok()?);
                let seat = match rest & HELM {
                    HELM => Seat::Helm,
                    lane => Seat::Lane(LaneId(usize::try_from(lane).ok()?)),
                };
                Token::Lane(listener, seat)
            }
            6 => Token::Notify(worker),
            7 => Token::Spare,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_comes_back_as_itself() {
        let (worker, listener) = (WorkerId(77), ListenerId(3));
        for token in [
            Token::Process(worker),
            Token::Channel(worker),
            Token::Launcher(worker),
            Token::Output(worker, Stream::Output),
            Token::Output(worker, Stream::Error),
            Token::Notify(worker),
            Token::Lane(listener, Seat::Helm),
            Token::Lane(listener, Seat::Lane(LaneId(5))),
            Token::Spare,
        ] {
            assert_eq!(Token::from_number(token.number()), Some(token));
        }
        assert_eq!(Token::from_number(u64::MAX), None);
    }
}
