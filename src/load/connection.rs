//! One HTTP connection: sends a request, reads its answer to the end, and tells how that ended.
//! It never opens another one; `client` does.

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::header::CONNECTION;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::AbortHandle;

use super::course::Course;
use super::outcome::{Failure, Outcome};
use super::plan::Manner;
use super::wire::{Hold, Stream, Wire, Witness};

/// How much of an answer's first line is kept.
const LONGEST_ANSWER: usize = 64;

type Body = Full<Bytes>;

/// A connection that was made.
#[derive(Debug)]
pub(super) struct Connection {
    sender: Sender,
    witness: Witness,
    driver: AbortHandle,
    served: u64,
    /// The server said so, or the connection is broken.
    is_leaving: bool,
}

#[derive(Debug)]
enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

/// What became of a request.
#[derive(Debug)]
pub(super) enum Exchange {
    /// It was sent, and this is how it ended, with the first line of the answer.
    Done(Outcome, String),
    /// It was not sent: the server had ended the idle connection.
    NotSent,
}

impl Connection {
    /// Speaks HTTP over a connected socket. Nothing was asked yet.
    pub(super) async fn open(stream: Stream, manner: Manner, hold: Option<Hold>) -> Result<Connection, Failure> {
        let (sender, witness, driver) = match manner {
            Manner::OneShot | Manner::KeepAlive { .. } => {
                let (wire, witness) = Wire::http1(stream, hold);
                let (sender, driver) = http1::handshake(TokioIo::new(wire)).await.map_err(|_| witness.verdict())?;
                (Sender::Http1(sender), witness, tokio::spawn(driver))
            }
            Manner::Http2 => {
                let (wire, witness) = Wire::http2(stream);
                let (sender, driver) =
                    http2::handshake(TokioExecutor::new(), TokioIo::new(wire)).await.map_err(|_| witness.verdict())?;
                (Sender::Http2(sender), witness, tokio::spawn(driver))
            }
        };
        Ok(Connection { sender, witness, driver: driver.abort_handle(), served: 0, is_leaving: false })
    }

    /// Whether another request may be tried, as far as the server and the manner have said.
    pub(super) fn is_welcome(&self, manner: Manner) -> bool {
        let may_go_on = match manner {
            Manner::OneShot => self.served == 0,
            Manner::KeepAlive { requests_per_connection: Some(most) } => self.served < most.max(1),
            Manner::KeepAlive { .. } | Manner::Http2 => true,
        };
        may_go_on && !self.has_said_goodbye()
    }

    /// Whether an answer said `Connection: close`, or a GOAWAY came.
    pub(super) fn has_said_goodbye(&self) -> bool {
        self.is_leaving || self.witness.is_going_away()
    }

    /// Looks whether the connection is still open, sends a request, and reads the answer to its end.
    pub(super) async fn exchange(&mut self, course: &Course) -> Exchange {
        self.witness.begin();
        if self.served > 0 && !self.look().await {
            return Exchange::NotSent;
        }
        let (outcome, answer) = match self.sender.send(course.request()).await {
            Ok(response) => self.read(response).await,
            Err(_) if self.served > 0 && !self.witness.has_asked() => return Exchange::NotSent,
            Err(_) => self.broken(&[]),
        };
        self.served += 1;
        Exchange::Done(outcome, answer)
    }

    /// Whether the server has left the idle connection open, as far as can be seen now.
    async fn look(&mut self) -> bool {
        // A yield lets the runtime ask the kernel for news; the driver takes them in before we go on.
        tokio::task::yield_now().await;
        !self.witness.is_going_away() && self.sender.is_open().await
    }

    async fn read(&mut self, response: Response<Incoming>) -> (Outcome, String) {
        self.is_leaving |= says_close(&response);
        let outcome = Outcome::of_status(response.status().as_u16());
        let mut first_bytes = Vec::new();
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => keep(&mut first_bytes, frame.data_ref()),
                Err(_) => return self.broken(&first_bytes),
            }
        }
        (outcome, first_line(&first_bytes))
    }

    fn broken(&mut self, first_bytes: &[u8]) -> (Outcome, String) {
        self.is_leaving = true;
        (Outcome::Failed(self.witness.verdict()), first_line(first_bytes))
    }
}

impl Sender {
    async fn is_open(&mut self) -> bool {
        match self {
            Sender::Http1(sender) => sender.ready().await.is_ok(),
            Sender::Http2(sender) => sender.ready().await.is_ok(),
        }
    }

    async fn send(&mut self, request: Request<Body>) -> hyper::Result<Response<Incoming>> {
        match self {
            Sender::Http1(sender) => sender.send_request(request).await,
            Sender::Http2(sender) => sender.send_request(request).await,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn says_close(response: &Response<Incoming>) -> bool {
    let says = |token: &str| {
        let values = response.headers().get_all(CONNECTION).iter();
        let mut words = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        words.any(|word| word.trim().eq_ignore_ascii_case(token))
    };
    match response.version() {
        Version::HTTP_10 => !says("keep-alive"),
        _ => says("close"),
    }
}

fn keep(first_bytes: &mut Vec<u8>, data: Option<&Bytes>) {
    let room = LONGEST_ANSWER - first_bytes.len();
    if let Some(data) = data {
        first_bytes.extend_from_slice(&data[..room.min(data.len())]);
    }
}

fn first_line(first_bytes: &[u8]) -> String {
    let line = first_bytes.split(|byte| *byte == b'\n').next();
    String::from_utf8_lossy(line.unwrap_or_default()).trim().to_owned()
}
