//! Label sets by number, so that a row carries a number instead of its labels.
//!
//! Threads that read rows number sets as they meet them. Numbers depend on which comes first and never reach the
//! file. Once so many are known that memory would suffer, rows carry the labels of further sets themselves.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use logtap_capture::labels::{LabelSet, Labels};
use logtap_capture::line;

use crate::export::row::{MAX_SETS, Set};

type Numbers = HashMap<Labels, Option<u32>, foldhash::fast::RandomState>;

/// The sets that have a number.
#[derive(Default)]
pub(in crate::export) struct Known(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    numbers: Numbers,
    sets: Vec<Arc<Set>>,
}

impl Known {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a set, which it gets if it has none; `None` if there are too many.
    fn number(&self, labels: &Labels) -> Option<u32> {
        let Inner { numbers, sets } = &mut *self.inner();
        if let Some(number) = numbers.get(labels) {
            return *number;
        }
        let number = (sets.len() < MAX_SETS).then_some(sets.len() as u32)?;
        sets.push(Arc::new(Set::of(labels.clone())));
        numbers.insert(labels.clone(), Some(number));
        Some(number)
    }

    /// All sets so far, by their numbers.
    pub(super) fn all(&self) -> Vec<Arc<Set>> {
        self.inner().sets.clone()
    }
}

/// What one thread remembers of [`Known`].
pub(super) struct Remembered<'k> {
    known: &'k Known,
    numbers: Numbers,
    last: Option<(Labels, Option<u32>)>,
}

impl<'k> Remembered<'k> {
    pub(super) fn new(known: &'k Known) -> Self {
        Self { known, numbers: Numbers::default(), last: None }
    }

    /// As [`Known::number`].
    pub(super) fn number(&mut self, labels: &Labels) -> Option<u32> {
        if let Some((last, number)) = &self.last
            && Arc::ptr_eq(last, labels)
        {
            return *number;
        }
        if self.numbers.len() > MAX_SETS {
            self.numbers.clear();
        }
        let known = self.known;
        let number = *self.numbers.entry(labels.clone()).or_insert_with(|| known.number(labels));
        self.last = Some((labels.clone(), number));
        number
    }
}

/// Sets of one row group: those with a number, and those that rows brought themselves.
#[derive(Default)]
pub(super) struct Brought {
    places: HashMap<Box<[u8]>, u32, foldhash::fast::RandomState>,
    sets: Vec<Arc<Set>>,
}

impl Brought {
    /// The place of a set that a row brought, behind all numbers.
    pub(super) fn place(&mut self, stored: &[u8]) -> u32 {
        if let Some(place) = self.places.get(stored) {
            return *place;
        }
        let place = (MAX_SETS + self.sets.len()) as u32;
        let labels = Arc::new(LabelSet::new(line::object_pairs(stored)));
        self.sets.push(Arc::new(Set::of(labels)));
        self.places.insert(stored.into(), place);
        place
    }

    /// All sets of the group by their places; none is brought from here on.
    pub(super) fn end(&mut self, known: &Known) -> Vec<Arc<Set>> {
        let mut all = known.all();
        // If a row brought its own, every number is taken.
        all.append(&mut self.sets);
        self.places.clear();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(n: usize) -> Labels {
        Arc::new(LabelSet::new([("app".to_owned(), n.to_string())]))
    }

    #[test]
    fn places_hold_when_numbers_run_out() {
        let known = Known::default();
        let mut remembered = Remembered::new(&known);
        let mut brought = Brought::default();
        let sets: Vec<Labels> = (0..MAX_SETS + 10).map(labels).collect();
        let places: Vec<u32> = sets
            .iter()
            .chain(&sets[MAX_SETS - 5..])
            .map(|set| remembered.number(set).unwrap_or_else(|| brought.place(set.json())))
            .collect();
        let all = brought.end(&known);
        assert_eq!(all.len(), MAX_SETS + 10);
        for (place, set) in places.iter().zip(sets.iter().chain(&sets[MAX_SETS - 5..])) {
            assert_eq!(all[*place as usize].labels, *set);
        }
    }
}
