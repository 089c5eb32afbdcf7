//! What happened last, as lines of JSON: bounded in number and in bytes. Lines of workers have a part of their own, so
//! that whoever talks a lot pushes out only what he said himself.

use std::collections::VecDeque;

use crate::control::model::Missed;
use crate::master::{Deed, Report, What};

/// So many events are kept, and so many bytes of them; the same goes for lines.
const MOST: usize = 1000;
const MOST_BYTES: usize = 256 * 1024;
/// So many bytes go out at once.
const AT_ONCE: usize = 32 * 1024;

/// Both parts.
#[derive(Debug, Default)]
pub(super) struct Ring {
    events: Part,
    lines: Part,
    latest: u64,
}

#[derive(Debug, Default)]
struct Part {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// The last one that is not known any more.
    dropped: u64,
}

/// One report.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: u64,
    /// Of a line: who wrote it.
    seat: Option<(u32, u32)>,
    pub(super) json: Box<str>,
}

/// What somebody wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) events: bool,
    pub(super) lines: bool,
    pub(super) generation: Option<u32>,
    pub(super) slot: Option<u32>,
}

/// How far somebody has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    /// He has seen all up to here.
    seen: u64,
    /// He knows what is missing up to here.
    missed: u64,
}

/// Where somebody begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// After the report with this id.
    Since(u64),
    /// With the last so many of what came after the report with this id.
    Last { count: u32, since: u64 },
    /// With what is still to come.
    Now,
    /// With all that is known.
    Everything,
}

impl Ring {
    pub(super) fn keep(&mut self, report: &Report, json: String) {
        self.latest = report.id;
        let seat = match &report.what {
            What::Deeds(Deed::Line { generation, slot, .. }) => Some((generation.0, slot.0)),
            What::Deeds(Deed::BuildLine { generation, .. } | Deed::HookLine { generation, .. }) => {
                Some((generation.0, 0))
            }
            What::Deeds(_) | What::Rules(_) => None,
        };
        let part = if seat.is_some() { &mut self.lines } else { &mut self.events };
        part.keep(Entry { id: report.id, seat, json: json.into() });
    }

    pub(super) fn begin(&self, begin: Begin, wanted: Wanted) -> Cursor {
        let at = |seen| Cursor { seen, missed: seen };
        match begin {
            Begin::Since(id) => at(self.known(id)),
            Begin::Now => at(self.latest),
            Begin::Everything => Cursor { seen: 0, missed: self.dropped(wanted) },
            Begin::Last { count: 0, .. } => at(self.latest),
            Begin::Last { count, since } => {
                let since = self.known(since);
                let all: Vec<u64> = self.after(since, wanted).map(|entry| entry.id).collect();
                let skipped = all.len().saturating_sub(count as usize);
                let seen = if skipped == 0 { since } else { all[skipped - 1] };
                Cursor { seen, missed: self.dropped(wanted).max(seen) }
            }
        }
    }

    /// An id that is still to come is another master's: nothing of this one's has been seen.
    fn known(&self, id: u64) -> u64 {
        if id > self.latest { 0 } else { id }
    }

    /// What comes next, as much as goes out at once; and what is missing before it.
    pub(super) fn next(&self, cursor: &mut Cursor, wanted: Wanted) -> (Option<Missed>, Vec<&Entry>) {
        let dropped = self.dropped(wanted);
        let missed =
            (dropped > cursor.seen.max(cursor.missed)).then_some(Missed { after: cursor.seen, up_to: dropped });
        cursor.missed = cursor.missed.max(dropped);
        let (mut bytes, mut found) = (0, Vec::new());
        for entry in self.after(cursor.seen, wanted) {
            if bytes > AT_ONCE {
                return (missed, found);
            }
            bytes += entry.json.len();
            cursor.seen = entry.id;
            found.push(entry);
        }
        cursor.seen = self.latest.max(cursor.seen);
        (missed, found)
    }

    fn dropped(&self, wanted: Wanted) -> u64 {
        let events = if wanted.events { self.events.dropped } else { 0 };
        events.max(if wanted.lines { self.lines.dropped } else { 0 })
    }

    /// All that is wanted after an id, in order.
    fn after(&self, id: u64, wanted: Wanted) -> impl Iterator<Item = &Entry> {
        let mut events = self.events.after(if wanted.events { id } else { u64::MAX }).peekable();
        let mut lines =
            self.lines.after(if wanted.lines { id } else { u64::MAX }).filter(move |it| wanted.has(it)).peekable();
        std::iter::from_fn(move || match (events.peek(), lines.peek()) {
            (Some(event), Some(line)) if line.id < event.id => lines.next(),
            (Some(_), _) => events.next(),
            (None, _) => lines.next(),
        })
    }
}

impl Part {
    fn keep(&mut self, entry: Entry) {
        self.bytes += entry.json.len();
        self.entries.push_back(entry);
        while self.entries.len() > MOST || self.bytes > MOST_BYTES {
            let Some(oldest) = self.entries.pop_front() else { return };
            self.bytes -= oldest.json.len();
            self.dropped = oldest.id;
        }
    }

    fn after(&self, id: u64) -> impl Iterator<Item = &Entry> {
        self.entries.range(self.entries.partition_point(|entry| entry.id <= id)..)
    }
}

impl Wanted {
    fn has(self, line: &Entry) -> bool {
        line.seat.is_some_and(|(generation, slot)| {
            self.generation.is_none_or(|wanted| wanted == generation) && self.slot.is_none_or(|wanted| wanted == slot)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::master::Stream;
    use crate::supervision::{GenerationId, Slot};

    const EVENTS: Wanted = Wanted { events: true, lines: false, generation: None, slot: None };
    const LINES: Wanted = Wanted { events: false, lines: true, generation: None, slot: None };
    const BOTH: Wanted = Wanted { events: true, lines: true, generation: None, slot: None };

    fn ring_of(reports: impl IntoIterator<Item = Deed>) -> Ring {
        let mut ring = Ring::default();
        for (id, deed) in (1..).zip(reports) {
            let what = What::Deeds(deed);
            let report = Report { id, time: SystemTime::UNIX_EPOCH, what, pid: None, last_lines: Vec::new() };
            ring.keep(&report, format!("{{{id}}}"));
        }
        ring
    }

    fn event() -> Deed {
        Deed::Trouble { what: "none".into() }
    }

    fn line(slot: u32) -> Deed {
        Deed::Line { generation: GenerationId(1), slot: Slot(slot), stream: Stream::Output, line: "hello".into() }
    }

    fn read(ring: &Ring, begin: Begin, wanted: Wanted) -> (Option<Missed>, Vec<u64>) {
        let (missed, entries) = ring.next(&mut ring.begin(begin, wanted), wanted);
        (missed, entries.iter().map(|entry| entry.id).collect())
    }

    #[test]
    fn whoever_asks_gets_what_came_after_what_he_has() {
        let ring = ring_of([event(), line(0), event(), line(1)]);
        assert_eq!(read(&ring, Begin::Since(1), BOTH), (None, vec![2, 3, 4]));
        assert_eq!(read(&ring, Begin::Everything, EVENTS), (None, vec![1, 3]));
        assert_eq!(read(&ring, Begin::Everything, Wanted { slot: Some(1), ..LINES }), (None, vec![4]));
        assert_eq!(read(&ring, Begin::Last { count: 1, since: 0 }, EVENTS), (None, vec![3]));
        assert_eq!(read(&ring, Begin::Last { count: 0, since: 0 }, BOTH), (None, vec![]));
        assert_eq!(read(&ring, Begin::Last { count: 3, since: 2 }, BOTH), (None, vec![3, 4]));
        assert_eq!(read(&ring, Begin::Now, BOTH), (None, vec![]));
    }

    #[test]
    fn an_id_of_another_master_is_no_id() {
        assert_eq!(read(&ring_of([event()]), Begin::Since(77), EVENTS), (None, vec![1]));
    }

    #[test]
    fn a_worker_that_talks_a_lot_pushes_out_only_lines_and_the_gap_is_told_once() {
        let ring = ring_of(std::iter::once(event()).chain(std::iter::repeat_with(|| line(0)).take(MOST + 5)));
        assert_eq!(read(&ring, Begin::Since(0), EVENTS), (None, vec![1]));
        let mut cursor = ring.begin(Begin::Since(0), BOTH);
        let (missed, entries) = ring.next(&mut cursor, BOTH);
        assert_eq!(missed, Some(Missed { after: 0, up_to: 6 }));
        assert_eq!(entries.len(), MOST + 1);
        let (missed, entries) = ring.next(&mut cursor, BOTH);
        assert_eq!((missed, entries.len()), (None, 0));
    }

    #[test]
    fn neither_many_nor_long_ones_are_kept_for_ever() {
        let mut ring = Ring::default();
        for id in 1..=10 {
            let what = What::Deeds(event());
            let report = Report { id, time: SystemTime::UNIX_EPOCH, what, pid: None, last_lines: Vec::new() };
            ring.keep(&report, "x".repeat(MOST_BYTES / 4));
        }
        assert_eq!(ring.events.entries.len(), 4);
        let (missed, entries) = ring.next(&mut ring.begin(Begin::Since(2), EVENTS), EVENTS);
        assert_eq!((missed, entries.len()), (Some(Missed { after: 2, up_to: 6 }), 1), "one is enough at once");
    }
}
