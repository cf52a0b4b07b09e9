//! Who is next: the account with the fewest reconciles at work, and of one account the most urgent object.

use std::collections::{BTreeMap, HashMap};

use crate::decide::urgency::Urgency;

/// A queue with a lane for each account.
#[derive(Debug)]
pub(super) struct FairQueue<T> {
    /// How many may be at work at a time, slow ones apart.
    limit: usize,
    /// How many of one account may.
    share: usize,
    at_work: usize,
    lanes: HashMap<String, Lane<T>>,
    arrivals: u64,
}

#[derive(Debug)]
struct Lane<T> {
    at_work: usize,
    waiting: BTreeMap<(Urgency, u64), T>,
}

impl<T> FairQueue<T> {
    pub fn new(limit: usize, share: usize) -> Self {
        Self { limit, share, at_work: 0, lanes: HashMap::new(), arrivals: 0 }
    }

    pub fn push(&mut self, account: &str, urgency: Urgency, waiting: T) {
        self.arrivals += 1;
        if !self.lanes.contains_key(account) {
            self.lanes.insert(account.to_owned(), Lane { at_work: 0, waiting: BTreeMap::new() });
        }
        if let Some(lane) = self.lanes.get_mut(account) {
            lane.waiting.insert((urgency, self.arrivals), waiting);
        }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.lanes.values().map(|lane| lane.waiting.len()).sum()
    }

    /// Begins with the next one, if one may begin.
    pub fn pop(&mut self) -> Option<(String, T)> {
        if self.at_work >= self.limit {
            return None;
        }
        let free = self.lanes.iter_mut().filter(|(_, lane)| lane.at_work < self.share && !lane.waiting.is_empty());
        let (account, lane) = free.min_by_key(|(_, lane)| (lane.at_work, lane.waiting.keys().next().copied()))?;
        let (_, next) = lane.waiting.pop_first()?;
        lane.at_work += 1;
        self.at_work += 1;
        Some((account.clone(), next))
    }

    /// One of those at work turned out to be slow.
    pub fn turned_slow(&mut self) {
        self.at_work = self.at_work.saturating_sub(1);
    }

    /// One of an account ended.
    pub fn finished(&mut self, account: &str, was_slow: bool) {
        if !was_slow {
            self.at_work = self.at_work.saturating_sub(1);
        }
        if let Some(lane) = self.lanes.get_mut(account) {
            lane.at_work = lane.at_work.saturating_sub(1);
            if lane.at_work == 0 && lane.waiting.is_empty() {
                self.lanes.remove(account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn popped(queue: &mut FairQueue<u32>) -> Vec<u32> {
        std::iter::from_fn(|| queue.pop()).map(|(_, number)| number).collect()
    }

    #[test]
    fn accounts_take_turns_whatever_the_length_of_their_lanes() {
        let mut queue = FairQueue::new(4, 4);
        for number in 0..10 {
            queue.push("crowded", Urgency::High, number);
        }
        queue.push("single", Urgency::Low, 10);
        assert_eq!(popped(&mut queue), [0, 10, 1, 2]);
    }

    #[test]
    fn within_an_account_the_urgent_go_first_and_then_those_who_came_first() {
        let mut queue = FairQueue::new(9, 9);
        for (number, urgency) in [Urgency::Low, Urgency::Normal, Urgency::High, Urgency::High].into_iter().enumerate() {
            queue.push("a", urgency, u32::try_from(number).expect("a small number"));
        }
        assert_eq!(popped(&mut queue), [2, 3, 1, 0]);
    }

    #[test]
    fn neither_the_limit_nor_a_share_is_ever_exceeded_and_everybody_has_a_turn() {
        let mut queue = FairQueue::new(3, 2);
        for number in 0..30 {
            queue.push(["a", "b", "c"][number as usize % 3], Urgency::Normal, number);
        }
        let mut at_work: Vec<(String, u32)> = Vec::new();
        let mut served = Vec::new();
        while served.len() < 30 {
            at_work.extend(std::iter::from_fn(|| queue.pop()));
            assert!(at_work.len() <= 3);
            for account in ["a", "b", "c"] {
                assert!(at_work.iter().filter(|(working, _)| working == account).count() <= 2);
            }
            let (account, number) = at_work.remove(served.len() % at_work.len());
            queue.finished(&account, false);
            served.push(number);
        }
        served.sort_unstable();
        assert_eq!(served, (0..30).collect::<Vec<_>>());
        assert!(queue.lanes.is_empty(), "nothing is kept of accounts that have no work");
    }
}
