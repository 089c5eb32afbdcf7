//! Cutting what comes in into lines. A line may come in many pieces, and many lines in one.

/// Of a line that is longer than this, only so much is kept.
pub(super) const LONGEST: usize = 256 * 1024;

/// The piece of a line that has not come to its end yet.
#[derive(Debug, Default)]
pub(super) struct Lines {
    begun: Vec<u8>,
    cut_off: bool,
}

/// One line, without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) bytes: Vec<u8>,
    /// It was longer than that.
    pub(super) cut_off: bool,
}

impl Lines {
    /// Takes in some bytes; the lines that end in them.
    pub(super) fn take_in(&mut self, mut bytes: &[u8]) -> Vec<Line> {
        let mut whole = Vec::new();
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.keep(&bytes[..end]);
            bytes = &bytes[end + 1..];
            let cut_off = std::mem::take(&mut self.cut_off);
            whole.push(Line { bytes: std::mem::take(&mut self.begun), cut_off });
        }
        self.keep(bytes);
        whole
    }

    fn keep(&mut self, piece: &[u8]) {
        let room = LONGEST.saturating_sub(self.begun.len());
        self.cut_off |= piece.len() > room;
        self.begun.extend_from_slice(&piece[..piece.len().min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_without_end_costs_no_memory_and_the_next_one_is_heard() {
        let mut lines = Lines::default();
        for _ in 0..100 {
            assert_eq!(lines.take_in(&[b'x'; 10_000]), []);
        }
        assert!(lines.begun.capacity() <= 2 * LONGEST);
        let ended = lines.take_in(b"\n1\n");
        assert_eq!((ended[0].bytes.len(), ended[0].cut_off), (LONGEST, true));
        assert_eq!(ended[1], Line { bytes: b"1".into(), cut_off: false });
    }

    proptest! {
        #[test]
        fn lines_come_out_the_same_however_they_are_cut(
            texts in prop::collection::vec("[a-z]{0,9}", 0..9),
            cuts in prop::collection::vec(1..7_usize, 0..90),
        ) {
            let stream: Vec<u8> = texts.iter().flat_map(|text| format!("{text}\n").into_bytes()).collect();
            let (mut lines, mut heard, mut rest) = (Lines::default(), Vec::new(), &stream[..]);
            for cut in cuts {
                let (piece, others) = rest.split_at(cut.min(rest.len()));
                heard.extend(lines.take_in(piece));
                rest = others;
            }
            heard.extend(lines.take_in(rest));
            let heard: Vec<_> = heard.into_iter().map(|line| String::from_utf8(line.bytes).expect("text")).collect();
            prop_assert_eq!(heard, texts);
        }
    }
}
