//! The times of a foreign history: one for each event, of which there may be millions.

/// How many times have a beginning in common.
const BLOCK: usize = 256;

/// Times in ns in the order of their events, in any order among themselves. One takes four bytes where those near it in the history
/// are within some two seconds, else eight.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Times {
    blocks: Vec<Block>,
    length: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Block {
    /// How much later than the first each is.
    Near {
        first: i64,
        later: Vec<i32>,
    },
    Far(Vec<i64>),
}

impl Times {
    /// The time of the event at this position, if it is known.
    pub fn get(&self, position: usize) -> Option<i64> {
        match self.blocks.get(position / BLOCK)? {
            Block::Near { first, later } => later.get(position % BLOCK).map(|later| first + i64::from(*later)),
            Block::Far(times) => times.get(position % BLOCK).copied(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether no time is known.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = i64> {
        (0..self.length).map_while(|position| self.get(position))
    }

    /// How many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        let last = self.blocks.last().map_or(0, |block| match block {
            Block::Near { .. } => BLOCK * size_of::<i32>(),
            Block::Far(_) => BLOCK * size_of::<i64>(),
        });
        size_of_val(self.blocks.as_slice()) + last * self.blocks.len()
    }

    pub(super) fn push(&mut self, time: i64) {
        if self.length.is_multiple_of(BLOCK) {
            self.blocks.push(Block::Near { first: time, later: Vec::with_capacity(BLOCK) });
        }
        self.length += 1;
        let Some(block) = self.blocks.last_mut() else { return };
        match block {
            Block::Near { first, later } => {
                match time.checked_sub(*first).and_then(|later| i32::try_from(later).ok()) {
                    Some(time) => later.push(time),
                    None => {
                        let mut times = Vec::with_capacity(BLOCK);
                        times.extend(later.iter().map(|later| *first + i64::from(*later)));
                        times.push(time);
                        *block = Block::Far(times);
                    }
                }
            }
            Block::Far(times) => times.push(time),
        }
    }
}

impl FromIterator<i64> for Times {
    fn from_iter<I: IntoIterator<Item = i64>>(all: I) -> Self {
        let mut times = Self::default();
        all.into_iter().for_each(|time| times.push(time));
        times
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn time() -> impl Strategy<Value = i64> {
        let near = 0..3_000_000_000_i64;
        prop_oneof![9 => near, 1 => any::<i64>(), 1 => Just(i64::MIN), 1 => Just(i64::MAX)]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_was_put_in_comes_out(given in prop_oneof![
            prop::collection::vec(time(), 0..3 * BLOCK),
            prop::collection::vec(0..1_000_000_000_i64, 0..3 * BLOCK),
        ]) {
            let times: Times = given.iter().copied().collect();
            prop_assert_eq!(times.iter().collect::<Vec<i64>>(), given.clone());
            prop_assert_eq!((times.len(), times.is_empty(), times.get(given.len())), (given.len(), given.is_empty(), None));
        }
    }

    #[test]
    fn times_that_are_near_each_other_take_half_the_room() {
        let times =
            |every: i64| (0..100_000).map(|number| 1_700_000_000_000_000_000 + number * every).collect::<Times>();
        assert!(times(5_000_000).bytes() < 100_000 * 5);
        assert!(times(50_000_000).bytes() > 100_000 * 8);
    }
}
