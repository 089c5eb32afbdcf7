//! What was asked: a query string, or a body of JSON. Limits first, then sense.

use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::{Request, StatusCode};
use serde::de::DeserializeOwned;

use super::answer::Refusal;
use super::ring::{Begin, Wanted};

/// No command needs more.
const LONGEST_BODY: usize = 64 * 1024;
/// Who sends it more slowly does not want to ask.
const PATIENCE: Duration = Duration::from_secs(5);

/// `curl --data` calls everything a form.
const KINDS: [&str; 2] = ["application/json", "application/x-www-form-urlencoded"];

/// A stream of events that somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Following {
    pub(super) begin: Begin,
    pub(super) wanted: Wanted,
    pub(super) follow: bool,
}

/// What the body says; nothing at all is the default.
pub(super) async fn body<T: DeserializeOwned + Default>(request: Request<Incoming>) -> Result<T, Refusal> {
    Ok(read(request).await?.unwrap_or_default())
}

/// What the body says, where there must be one: nobody stops a master by a slip.
pub(super) async fn needed_body<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, Refusal> {
    read(request).await?.ok_or_else(|| Refusal::bad_request("a body is needed here: {} at least"))
}

async fn read<T: DeserializeOwned>(request: Request<Incoming>) -> Result<Option<T>, Refusal> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or(KINDS[0]);
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !KINDS.iter().any(|known| known.eq_ignore_ascii_case(kind)) {
        let why = format!("a body is JSON, not {}", shown(kind));
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
    }
    let body = request.into_body();
    let collected = tokio::time::timeout(PATIENCE, Limited::new(body, LONGEST_BODY).collect()).await;
    let slow = || Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time");
    let bytes = match collected.map_err(|_| slow())? {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            let why = format!("a body of more than {LONGEST_BODY} bytes");
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, why));
        }
        Err(error) => return Err(Refusal::bad_request(format!("the body cannot be read: {error}"))),
    };
    if bytes.is_empty() {
        return Ok(None);
    }
    // A list would do for the reader: its fields in their order.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|&first| first != b'{') {
        return Err(Refusal::bad_request("a body is an object: {}"));
    }
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| Refusal::bad_request(format!("the body makes no sense: {error}")))
}

/// What the query string says: `since`, `last`, `follow`, and `lines`, or `generation` and `slot` of lines.
pub(super) fn following(query: Option<&str>, of_lines: bool, last_id: Option<u64>) -> Result<Following, Refusal> {
    let (mut since, mut last, mut follow) = (last_id, None, false);
    let mut wanted = Wanted { events: !of_lines, lines: of_lines, generation: None, slot: None };
    for part in query.unwrap_or_default().split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, "true"));
        match name {
            "since" => since = Some(number(name, value)?),
            "last" => last = Some(number(name, value)?),
            "follow" => follow = boolean(name, value)?,
            "lines" if !of_lines => wanted.lines = boolean(name, value)?,
            "generation" if of_lines => wanted.generation = Some(number(name, value)?),
            "slot" if of_lines => wanted.slot = Some(number(name, value)?),
            _ => return Err(Refusal::bad_request(format!("there is no parameter `{}` here", shown(name)))),
        }
    }
    let begin = match (since, last) {
        (since, Some(count)) => Begin::Last { count, since: since.unwrap_or(0) },
        (Some(since), None) => Begin::Since(since),
        (None, None) if follow => Begin::Now,
        (None, None) => Begin::Everything,
    };
    Ok(Following { begin, wanted, follow })
}

/// Whoever asks for what has no parameters gives none.
pub(super) fn no_parameters(query: Option<&str>) -> Result<(), Refusal> {
    match query.is_none_or(str::is_empty) {
        true => Ok(()),
        false => Err(Refusal::bad_request("there are no parameters here")),
    }
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, Refusal> {
    value.parse().map_err(|_| Refusal::bad_request(format!("`{name}` is no number that can be: {}", shown(value))))
}

fn boolean(name: &str, value: &str) -> Result<bool, Refusal> {
    value.parse().map_err(|_| Refusal::bad_request(format!("`{name}` is true or false, not {}", shown(value))))
}

fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(query: &str) -> Option<(Begin, bool)> {
        following(Some(query), false, None).ok().map(|it| (it.begin, it.follow))
    }

    #[test]
    fn who_follows_begins_now_unless_he_says_where() {
        assert_eq!(begin(""), Some((Begin::Everything, false)));
        assert_eq!(begin("follow"), Some((Begin::Now, true)));
        assert_eq!(begin("follow=true&since=7"), Some((Begin::Since(7), true)));
        assert_eq!(begin("last=3&follow=false"), Some((Begin::Last { count: 3, since: 0 }, false)));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for query in ["since=x", "since=-1", "follow=maybe", "sinse=1", "slot=1", "generation=1"] {
            assert_eq!(begin(query), None, "{query}");
        }
        assert!(following(Some("slot=1&generation=2"), true, None).is_ok());
        assert!(following(Some("lines=true"), true, None).is_err());
    }

    #[test]
    fn who_comes_back_goes_on_where_he_was() {
        let begin = |query| following(Some(query), false, Some(9)).ok().map(|it| it.begin);
        assert_eq!(begin("follow"), Some(Begin::Since(9)));
        assert_eq!(begin("since=4"), Some(Begin::Since(4)));
    }
}
