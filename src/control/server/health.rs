//! Three questions of whoever watches over the master from outside.

use std::sync::Arc;
use std::time::Duration;

use hyper::{Response, StatusCode};

use super::answer::{Body, text};
use super::office::Office;

/// A loop that does not answer within this does not live.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// Does the loop answer?
    Live,
    /// Does a generation serve?
    Ready,
    /// Has one ever served?
    Started,
}

/// 200 if so, else 503 and why not.
pub(super) async fn answer(office: &Arc<Office>, question: Question) -> Response<Body> {
    let well = match tokio::time::timeout(PATIENCE, office.master.snapshot()).await {
        Err(_) => Err("the master does not answer"),
        Ok(None) => Err("the master has ended"),
        Ok(Some(snapshot)) => match question {
            Question::Live => Ok(()),
            Question::Ready if snapshot.view.stopping => Err("the master is asked to stop"),
            Question::Ready => snapshot.view.serving.map(drop).ok_or("no generation serves"),
            Question::Started => match office.chronicle.told().history.totals().promoted {
                0 => Err("no generation has served yet"),
                _ => Ok(()),
            },
        },
    };
    let (status, said) = match well {
        Ok(()) => (StatusCode::OK, "ok"),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, why),
    };
    text(status, "text/plain; charset=utf-8", format!("{said}\n"))
}
