//! Sums of counts.
//!
//! Of no floats at all the standard library makes -0.0, which nobody wants to read: here that is 0.

/// The sum of these counts.
pub fn sum(counts: impl IntoIterator<Item = f64>) -> f64 {
    counts.into_iter().fold(0.0, |sum, count| sum + count)
}

/// The sum of these counts; `None` when one of them is not known.
pub fn sum_of_known(counts: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    counts.into_iter().try_fold(0.0, |sum, count| Some(sum + count?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_adds_up_to_a_zero_without_a_sign() {
        assert!(sum([]).is_sign_positive() && sum_of_known([]).is_some_and(f64::is_sign_positive));
    }

    #[test]
    fn counts_add_up() {
        assert!((sum([1.0, 2.0, 4.0]) - 7.0).abs() < f64::EPSILON);
    }

    #[test]
    fn one_unknown_count_makes_the_sum_unknown() {
        assert_eq!(sum_of_known([Some(1.0), Some(2.0)]), Some(3.0));
        assert_eq!(sum_of_known([Some(1.0), None]), None);
    }
}
