//! Seeds that follow each other, of `dsjepsen test --test-count` and of a campaign.

/// The last of so many seeds, of which each is greater by one than the one before; of none the first.
///
/// # Errors
/// Where they would pass the greatest number: a sentence that says how many there are.
pub(crate) fn last_seed(first: u64, count: u64) -> Result<u64, String> {
    first.checked_add(count.saturating_sub(1)).ok_or_else(|| {
        let greatest = u64::MAX;
        format!("{count} seeds from {first} on pass the greatest one, {greatest}: use a smaller first seed, or fewer")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_end_at_the_greatest_and_do_not_begin_again() {
        assert_eq!((last_seed(7, 1), last_seed(7, 3), last_seed(7, 0)), (Ok(7), Ok(9), Ok(7)));
        assert_eq!(last_seed(u64::MAX - 2, 3), Ok(u64::MAX));
        assert!(last_seed(u64::MAX - 1, 3).unwrap_err().contains("18446744073709551615: use a smaller"));
        assert!(last_seed(1, u64::MAX).is_ok() && last_seed(2, u64::MAX).is_err());
    }
}
