//! Events as they happen: one object a line, or server-sent events. A reader pulls; what he does not pull in time is
//! not kept for him, and he is told what he missed.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;

use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::{Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::answer::{Body, Refusal, response};
use super::asking::Following;
use super::chronicle::Now;
use super::office::Office;
use super::ring::{Cursor, Wanted};
use crate::control::model::Missed;

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One object a line.
    Lines,
    /// `id:` and `data:`, for browsers.
    ServerSent,
}

/// A reader, between two pieces.
struct Reader {
    office: Arc<Office>,
    watch: watch::Receiver<Now>,
    cursor: Cursor,
    wanted: Wanted,
    follow: bool,
    form: Form,
    /// He is one of those who may.
    _seat: OwnedSemaphorePermit,
}

/// The answer that goes on for as long as there are events.
pub(super) fn events(office: &Arc<Office>, following: Following, form: Form) -> Result<Response<Body>, Refusal> {
    let seat = office.following.clone().try_acquire_owned();
    let seat = seat.map_err(|_| Refusal::busy("too many follow events already"))?;
    let Following { begin, wanted, follow } = following;
    let watch = office.chronicle.watch();
    let cursor = office.chronicle.told().ring.begin(begin, wanted);
    let reader = Reader { office: office.clone(), watch, cursor, wanted, follow, form, _seat: seat };
    let pieces = stream::unfold(reader, async |mut reader| {
        let piece = reader.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(Bytes::from(piece))), reader))
    });
    let kind = match form {
        Form::Lines => "application/x-ndjson",
        Form::ServerSent => "text/event-stream",
    };
    Ok(response(StatusCode::OK, kind, StreamBody::new(pieces).boxed_unsync()))
}

impl Reader {
    /// What goes out next; nothing at the end.
    async fn next(&mut self) -> Option<String> {
        loop {
            let now = *self.watch.borrow_and_update();
            let piece = self.read();
            if !piece.is_empty() {
                return Some(piece);
            }
            if now.over || !self.follow {
                return None;
            }
            self.watch.changed().await.ok()?;
        }
    }

    fn read(&mut self) -> String {
        let told = self.office.chronicle.told();
        let (missed, entries) = told.ring.next(&mut self.cursor, self.wanted);
        let mut piece = missed.map(|missed| self.form.missed(&missed)).unwrap_or_default();
        entries.iter().for_each(|entry| self.form.event(entry.id, &entry.json, &mut piece));
        piece
    }
}

impl Form {
    fn event(self, id: u64, json: &str, piece: &mut String) {
        let written = match self {
            Form::Lines => writeln!(piece, "{json}"),
            Form::ServerSent => write!(piece, "id: {id}\ndata: {json}\n\n"),
        };
        written.expect("a text has room");
    }

    fn missed(self, missed: &Missed) -> String {
        let json = serde_json::to_string(missed).expect("it is numbers");
        let mut piece = String::new();
        self.event(missed.up_to, &json, &mut piece);
        piece
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::model::Told;

    #[test]
    fn what_is_missed_is_told_in_both_forms() {
        let missed = Missed { after: 1, up_to: 6 };
        let line = Form::Lines.missed(&missed);
        assert_eq!(line, "{\"notice\":\"missed\",\"after\":1,\"up_to\":6}\n");
        assert_eq!(serde_json::from_str::<Told>(&line).expect("it reads"), Told::Missed(missed.clone()));
        assert!(Form::ServerSent.missed(&missed).starts_with("id: 6\ndata: {"));
    }
}
