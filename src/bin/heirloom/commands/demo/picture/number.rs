//! Numbers as one reads them. It knows nothing of what they count.

/// With a comma after each three digits.
pub(in super::super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The next number that looks well at the end of an axis.
pub(super) fn round_up(number: f64) -> f64 {
    let mut power = 1.0;
    while power * 10.0 <= number {
        power *= 10.0;
    }
    let steps = [1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|end| *end >= number).unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        let numbers = [0, 999, 1_000, 21_300, 1_234_567].map(grouped);
        assert_eq!(numbers, ["0", "999", "1,000", "21,300", "1,234,567"]);
    }

    #[test]
    fn an_axis_ends_at_a_round_number_above_its_highest_value() {
        assert_eq!([1310.0, 1500.0, 0.3, 87.0].map(round_up), [1500.0, 1500.0, 1.0, 100.0]);
    }
}
