//! The list of what differs from the baseline, and the way to where it began.

use std::sync::Arc;

use super::Effect;
use crate::archive::{Direction, Key, Order};
use crate::difference::{Change, Difference, order};
use crate::filter::Sieve;
use crate::loader::Anchor;
use crate::state::{Overlay, State};

impl State {
    pub(super) fn open_changes(&mut self) -> Vec<Effect> {
        match self.baseline.as_ref().map(|baseline| &baseline.difference) {
            None => self.message = Some("there is no baseline: logtap open DIR --baseline DIR compares two".to_owned()),
            Some(Difference::Failed(error)) => self.message = Some(format!("cannot compare: {error}")),
            Some(Difference::Comparing | Difference::Found(_)) => {
                self.overlay = Some(Overlay::Changes(0));
                // What has come since is compared too.
                if self.live() {
                    return vec![Effect::Compare];
                }
            }
        }
        Vec::new()
    }

    /// The comparison has ended.
    pub fn compared(&mut self, outcome: Result<Vec<Change>, String>) {
        if let Some(baseline) = &mut self.baseline {
            baseline.difference = match outcome {
                Ok(mut changes) => {
                    order(&mut changes);
                    Difference::Found(changes)
                }
                Err(error) => Difference::Failed(error),
            };
        }
    }

    pub(super) fn key_in_changes(&mut self, chosen: usize, name: &str) -> Vec<Effect> {
        let changes = self.baseline.as_ref().map_or(&[][..], |baseline| baseline.changes());
        let last = changes.len().saturating_sub(1);
        let page = self.height() / 2;
        let next = match name {
            "j" | "Down" => chosen + 1,
            "k" | "Up" => chosen.saturating_sub(1),
            "d" | "PageDown" => chosen + page,
            "u" | "PageUp" => chosen.saturating_sub(page),
            "G" | "End" => last,
            "g" | "Home" => 0,
            "Enter" | "+" => {
                let Some(change) = changes.get(chosen).cloned() else {
                    return Vec::new();
                };
                self.overlay = None;
                return self.go_to_change(&change, name == "+");
            }
            _ => {
                self.overlay = None;
                return Vec::new();
            }
        };
        self.overlay = Some(Overlay::Changes(next.min(last)));
        Vec::new()
    }

    /// To where a change began: among all lines, or with a filter that keeps its own.
    fn go_to_change(&mut self, change: &Change, only: bool) -> Vec<Effect> {
        if change.lines == 0 {
            self.message = Some("no line says it any more: there is nowhere to go".to_owned());
            return Vec::new();
        }
        let mut filters = self.filters.clone();
        filters.extend(change.filters());
        self.sieves += 1;
        let sieve = match Sieve::new(self.sieves, &filters, self.options.from, self.options.to) {
            Ok(sieve) => sieve,
            Err(error) => {
                self.message = Some(error.to_string());
                return Vec::new();
            }
        };
        self.leave_end();
        if only {
            self.filters = filters;
            self.passing = Some((0, false));
            self.sieve = Arc::new(sieve);
            self.anchor_row = self.height() / 3;
            let anchor = change.since.map_or(Anchor::Start, |since| Anchor::Time(since, 0));
            return vec![Effect::Count, self.seek(anchor)];
        }
        // Order of arrival knows no place of a time: the first line of all is looked for.
        let from = change.since.filter(|_| self.moment.archive.order == Order::Time).map_or(Key::FIRST, Key::at);
        self.anchor_row = self.height() / 3;
        self.look_from(from, Direction::Forward, sieve, "line of this pattern")
    }
}
