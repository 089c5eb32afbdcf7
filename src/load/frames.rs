//! Follows the frames that an HTTP/2 server sends, to see three things: an answer, a reset of a stream, GOAWAY.
//! It reads nine bytes of each frame and skips the rest; hyper does the real parsing.

const HEAD: usize = 9;

/// What a server's frames said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame {
    /// HEADERS or DATA: a piece of an answer.
    Answer,
    /// RST_STREAM.
    StreamReset,
    /// GOAWAY: the server takes no more requests on this connection.
    GoAway,
}

/// Where in the server's stream of frames we are.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: [u8; HEAD],
    known: usize,
    skip: usize,
}

impl Frames {
    /// Goes on by some bytes and tells each frame that matters, when its head is complete.
    pub(super) fn follow(&mut self, mut bytes: &[u8], mut tell: impl FnMut(Frame)) {
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];

            let taken = (HEAD - self.known).min(bytes.len());
            self.head[self.known..][..taken].copy_from_slice(&bytes[..taken]);
            self.known += taken;
            bytes = &bytes[taken..];

            if self.known == HEAD {
                self.known = 0;
                self.skip =
                    usize::from(self.head[0]) << 16 | usize::from(self.head[1]) << 8 | usize::from(self.head[2]);
                match self.head[3] {
                    0 | 1 => tell(Frame::Answer),
                    3 => tell(Frame::StreamReset),
                    7 => tell(Frame::GoAway),
                    _ => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_seen_however_the_bytes_are_cut() {
        let mut bytes = Vec::new();
        bytes.extend([0, 0, 6, 4, 0, 0, 0, 0, 0, 7, 7, 7, 7, 7, 7]); // SETTINGS
        bytes.extend([0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88]); // HEADERS
        bytes.extend([0, 0, 2, 0, 1, 0, 0, 0, 1, 3, 3]); // DATA
        bytes.extend([0, 0, 4, 3, 0, 0, 0, 0, 3, 0, 0, 0, 7]); // RST_STREAM
        bytes.extend([0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0]); // GOAWAY
        for size in 1..=bytes.len() {
            let mut frames = Frames::default();
            let mut seen = Vec::new();
            for piece in bytes.chunks(size) {
                frames.follow(piece, |frame| seen.push(frame));
            }
            use Frame::*;
            assert_eq!(seen, [Answer, Answer, StreamReset, GoAway], "pieces of {size}");
        }
    }
}
