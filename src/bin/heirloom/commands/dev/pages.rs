//! Pages in browsers, reloaded when a new generation serves, and no other: a small server on the loopback, whose script the user puts into
//! his page. It knows nothing of the program's own server.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use futures_util::stream::{self, StreamExt};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch;

use heirloom::master::{Notices, What};
use heirloom::supervision::Notice;

/// Where the script is, and where it listens to what happens.
const SCRIPT: &str = "/livereload.js";
const EVENTS: &str = "/livereload";
/// There may be no descriptors for a while.
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// The server, before it serves.
#[derive(Debug)]
pub(super) struct Pages {
    listener: TcpListener,
    address: SocketAddr,
}

impl Pages {
    /// Listens on the loopback.
    pub(super) fn open(port: u16) -> io::Result<Pages> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Pages { listener: TcpListener::from_std(listener)?, address })
    }

    /// What the user puts into his page.
    pub(super) fn tag(&self) -> String {
        format!("<script src=\"http://{}{SCRIPT}\"></script>", self.address)
    }

    /// Serves until it is dropped.
    pub(super) async fn serve(self, notices: Notices) {
        let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        let (say, hear) = watch::channel(format!("{started}.0"));
        tokio::join!(follow(notices, say, started), accept(self.listener, hear));
    }
}

/// Says which generation serves: of this master, so that a page notices another one, too. Not before the previous one is
/// gone: a browser has connections to that, too, and would load the old page over them.
async fn follow(mut notices: Notices, say: watch::Sender<String>, started: u128) {
    let mut before = None;
    let mut serving = None;
    while let Some(report) = notices.next().await {
        let alone = match report.what {
            What::Rules(Notice::Promoted { generation, previous }) => {
                (serving, before) = (Some(generation), previous);
                previous.is_none()
            }
            What::Rules(Notice::Gone { generation }) => before.take_if(|it| *it == generation).is_some(),
            What::Rules(_) | What::Deeds(_) => false,
        };
        if let Some(generation) = serving.filter(|_| alone) {
            say.send_replace(format!("{started}.{generation}"));
        }
    }
}

async fn accept(listener: TcpListener, hear: watch::Receiver<String>) {
    loop {
        let Ok((client, _)) = listener.accept().await else {
            tokio::time::sleep(TRY_AGAIN).await;
            continue;
        };
        let hear = hear.clone();
        tokio::spawn(async move {
            let answer = service_fn(|request| {
                let answer = answer(&request, &hear);
                async { Ok::<_, Infallible>(answer) }
            });
            // A browser that goes away is no fault.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(client), answer).await;
        });
    }
}

type Body = BoxBody<Bytes, Infallible>;

fn answer(request: &Request<Incoming>, hear: &watch::Receiver<String>) -> Response<Body> {
    let (status, kind, body) = match request.uri().path() {
        SCRIPT => {
            let script = script(&hear.borrow());
            (StatusCode::OK, "text/javascript", Full::from(script).boxed())
        }
        EVENTS => (StatusCode::OK, "text/event-stream", events(hear.clone())),
        _ => (StatusCode::NOT_FOUND, "text/plain", Full::from(format!("there is only {SCRIPT}\n")).boxed()),
    };
    let answer = Response::builder().status(status).header(CONTENT_TYPE, kind).header(CACHE_CONTROL, "no-store");
    // Whichever page it is in, all that it learns is a number.
    let answer = answer.header(ACCESS_CONTROL_ALLOW_ORIGIN, "*").body(body);
    answer.expect("these are headers")
}

/// One that says what serves now, and then each time that it changes.
fn events(mut hear: watch::Receiver<String>) -> Body {
    hear.mark_changed();
    let events = stream::unfold(hear, |mut hear| async move {
        hear.changed().await.ok()?;
        let event = format!("data: {}\n\n", *hear.borrow_and_update());
        Some((event, hear))
    });
    BodyExt::boxed(StreamBody::new(events.map(|event| Ok(Frame::data(Bytes::from(event))))))
}

/// The page is of what served when it was loaded; once something else serves, it is loaded again.
fn script(serving: &str) -> String {
    format!(
        r#""use strict";
(() => {{
    const events = new EventSource(new URL("{EVENTS}", document.currentScript.src));
    events.onmessage = (event) => {{
        if (event.data !== "{serving}") {{
            events.close();
            location.reload();
        }}
    }};
}})();
"#
    )
}
