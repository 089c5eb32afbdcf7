//! What a master tells, line by line.

use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::error::AskError;
use crate::control::model::Told;

/// No event is longer than this: a line of 16 KiB, escaped, with room.
const LONGEST: usize = 1024 * 1024;

/// A stream of events, until there are no more, or the master ends.
#[derive(Debug)]
pub struct Events {
    body: Incoming,
    read: Vec<u8>,
    /// Up to here there is no end of a line.
    searched: usize,
}

impl Events {
    pub(super) fn new(body: Incoming) -> Events {
        Events { body, read: Vec::new(), searched: 0 }
    }

    /// The next one; none when there are no more. Cancel-safe.
    ///
    /// # Errors
    /// When the connection ends too early, or with what is no event.
    pub async fn next(&mut self) -> Result<Option<Told>, AskError> {
        Ok(match self.next_line().await? {
            Some(line) => {
                Some(serde_json::from_str(&line).map_err(|error| AskError::Nonsense(format!("{error} in {line}")))?)
            }
            None => None,
        })
    }

    /// The next one as the line of JSON that it is. Cancel-safe.
    ///
    /// # Errors
    /// When the connection ends too early, or with what is no text.
    pub async fn next_line(&mut self) -> Result<Option<String>, AskError> {
        loop {
            if let Some(line) = self.take_line()? {
                return Ok(Some(line));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => self.read.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data)),
                Some(Err(error)) => return Err(AskError::Ended(error)),
                None => return Ok(None),
            }
        }
    }

    fn take_line(&mut self) -> Result<Option<String>, AskError> {
        let Some(end) = self.read[self.searched..].iter().position(|&byte| byte == b'\n') else {
            self.searched = self.read.len();
            return match self.searched > LONGEST {
                true => Err(AskError::Nonsense(format!("an event of more than {LONGEST} bytes"))),
                false => Ok(None),
            };
        };
        let rest = self.read.split_off(self.searched + end + 1);
        let mut line = std::mem::replace(&mut self.read, rest);
        self.searched = 0;
        line.pop();
        String::from_utf8(line).map(Some).map_err(|error| AskError::Nonsense(error.to_string()))
    }
}
