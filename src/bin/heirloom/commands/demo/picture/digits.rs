//! Big digits: three rows of half blocks. It knows nothing of what they count.

/// Five rows of three pixels each, the leftmost pixel first.
fn pixels(digit: char) -> [&'static [u8; 3]; 5] {
    match digit {
        '0' => [b"###", b"# #", b"# #", b"# #", b"###"],
        '1' => [b" # ", b"## ", b" # ", b" # ", b"###"],
        '2' => [b"###", b"  #", b"###", b"#  ", b"###"],
        '3' => [b"###", b"  #", b"###", b"  #", b"###"],
        '4' => [b"# #", b"# #", b"###", b"  #", b"  #"],
        '5' => [b"###", b"#  ", b"###", b"  #", b"###"],
        '6' => [b"###", b"#  ", b"###", b"# #", b"###"],
        '7' => [b"###", b"  #", b"  #", b"  #", b"  #"],
        '8' => [b"###", b"# #", b"###", b"# #", b"###"],
        '9' => [b"###", b"# #", b"###", b"  #", b"###"],
        _ => [b"   "; 5],
    }
}

/// A number in three rows; thousands are set apart by a gap.
pub(super) fn big(number: u64) -> [String; 3] {
    let text = number.to_string();
    let mut rows = [String::new(), String::new(), String::new()];
    for (nth, digit) in text.chars().enumerate() {
        let gap = match nth {
            0 => "",
            nth if (text.len() - nth).is_multiple_of(3) => "  ",
            _ => " ",
        };
        let pixels = pixels(digit);
        for (row, line) in rows.iter_mut().enumerate() {
            line.push_str(gap);
            for column in 0..3 {
                let is_set = |y: usize| pixels.get(y).is_some_and(|line| line[column] == b'#');
                line.push(match (is_set(2 * row), is_set(2 * row + 1)) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                });
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_three_wide_and_thousands_are_set_apart() {
        assert_eq!(big(1024), ["▄█   █▀█ ▀▀█ █ █", " █   █ █ █▀▀ ▀▀█", "▀▀▀  ▀▀▀ ▀▀▀   ▀"]);
    }
}
